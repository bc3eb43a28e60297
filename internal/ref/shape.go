package ref

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Operations that move numbers, exactly.
var (
	_ = moves(func(_ ir.Flatten, _ []Operand, _ []int) func(k, i int) int { return samePlace })
	_ = moves(func(_ ir.Identity, _ []Operand, _ []int) func(k, i int) int { return samePlace })
	_ = moves(padPlace)
	_ = moves(reversePlace)
	_ = moves(concatPlace)
)

// moves registers an operation that only moves numbers: place tells where number i
// of operand k goes in an output of a shape.
func moves[O ir.Op](place func(op O, operands []Operand, shape []int) func(k, i int) int) struct{} {
	return computes(func(_ context.Context, r *Result, op O, operands []Operand) error {
		to := place(op, operands, r.Shape)
		for k, o := range operands {
			n, err := tensor.Elements(o.shape())
			if err != nil {
				return err
			}
			for i := range n {
				at := to(k, i)
				r.Value[at], r.Bound[at], r.State[at] = o.at(i)
				if o.result != nil {
					r.Level[at] = o.result.Level[i]
				}
			}
		}
		return nil
	})
}

func samePlace(_, i int) int { return i }

// padPlace puts the picture into a larger one of zeros.
func padPlace(op ir.Pad, operands []Operand, out []int) func(k, i int) int {
	in := operands[0].shape()
	height, row := in[1], in[2]*in[3]
	return func(_, i int) int {
		picture, y, at := i/(height*row), i/row%height, i%row
		return ((picture*out[1]+y+op.Top)*out[2]+op.Left)*out[3] + at
	}
}

// reversePlace turns the last axis round.
func reversePlace(_ ir.ReverseChannels, _ []Operand, out []int) func(k, i int) int {
	channels := out[len(out)-1]
	return func(_, i int) int { return i - i%channels + channels - 1 - i%channels }
}

// concatPlace joins along the last axis.
func concatPlace(_ ir.Concat, operands []Operand, out []int) func(k, i int) int {
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
