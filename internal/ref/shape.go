package ref

import (
	"context"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Operations that move numbers, exactly (claim 20: Moved numbers).
var (
	_ = registerMove(func(_ ir.Flatten, _ []Operand, _ []int) func(k, i int) int { return sameIndex })
	_ = registerMove(func(_ ir.Identity, _ []Operand, _ []int) func(k, i int) int { return sameIndex })
	_ = registerBoth(pad)
	_ = registerMove(reverseIndex)
	_ = registerMove(concatIndex)
)

// registerMove registers an operation that only moves numbers. The function that
// index returns gives the index in the output of number i of operand k; index has
// the output's shape.
func registerMove[O ir.Op](index func(op O, operands []Operand, shape []int) func(k, i int) int) struct{} {
	return registerBoth(func(ctx context.Context, r *Result, op O, operands []Operand) error {
		return r.move(ctx, operands, index(op, operands, r.Shape))
	})
}

// move puts number i of operand k at to(k, i).
func (r *Result) move(ctx context.Context, operands []Operand, to func(k, i int) int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for k, o := range operands {
		n, err := tensor.Elements(o.shape())
		if err != nil {
			return err
		}
		if len(operands) == 1 {
			r.sums = o.sums().moved(len(r.Value), func(i int) int { return to(0, i) })
		}
		for i := range n {
			at := to(k, i)
			r.Value[at], r.Bound[at], r.State[at] = o.at(i)
		}
	}
	return nil
}

// pad puts each image into a larger image of zeros, and marks those.
func pad(ctx context.Context, r *Result, op ir.Pad, operands []Operand) error {
	to := padIndex(op, operands, r.Shape)
	if err := r.move(ctx, operands, to); err != nil {
		return err
	}
	r.padded = slices.Repeat([]bool{true}, len(r.Value))
	n, err := tensor.Elements(operands[0].shape())
	if err != nil {
		return err
	}
	for i := range n {
		at := to(0, i)
		r.padded[at] = operands[0].result != nil && operands[0].result.padded != nil && operands[0].result.padded[i]
	}
	return nil
}

func sameIndex(_, i int) int { return i }

// padIndex puts each image into a larger image of zeros.
func padIndex(op ir.Pad, operands []Operand, out []int) func(k, i int) int {
	in := operands[0].shape()
	height, row := in[1], in[2]*in[3]
	return func(_, i int) int {
		image, y, at := i/(height*row), i/row%height, i%row
		return ((image*out[1]+y+op.Top)*out[2]+op.Left)*out[3] + at
	}
}

// reverseIndex reverses the last axis.
func reverseIndex(_ ir.ReverseChannels, _ []Operand, out []int) func(k, i int) int {
	channels := out[len(out)-1]
	return func(_, i int) int { return i - i%channels + channels - 1 - i%channels }
}

// concatIndex joins along the last axis.
func concatIndex(_ ir.Concat, operands []Operand, out []int) func(k, i int) int {
	channels := out[len(out)-1]
	begin, own := make([]int, len(operands)), make([]int, len(operands))
	for k, o := range operands {
		own[k] = o.shape()[len(o.shape())-1]
		if k > 0 {
			begin[k] = begin[k-1] + own[k-1]
		}
	}
	return func(k, i int) int { return i/own[k]*channels + begin[k] + i%own[k] }
}
