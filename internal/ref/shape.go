package ref

import (
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Operations that move numbers, exactly: place tells where number i of operand k
// goes.

// move puts the operands' numbers into their places.
func move(r *Result, operands []Operand, place func(k, i int) int) {
	for k, o := range operands {
		n, _ := tensor.Elements(o.shape())
		for i := range n {
			to := place(k, i)
			r.Value[to], r.Bound[to], r.State[to] = o.at(i)
			if o.result != nil {
				r.Level[to] = o.result.Level[i]
			}
		}
	}
}

// padPlace puts the picture into a larger one of zeros.
func padPlace(op ir.Pad, in, out []int) func(k, i int) int {
	height, row := in[1], in[2]*in[3]
	return func(_, i int) int {
		picture, y, at := i/(height*row), i/row%height, i%row
		return ((picture*out[1]+y+op.Top)*out[2]+op.Left)*out[3] + at
	}
}

// reversePlace turns the last axis round.
func reversePlace(in []int) func(k, i int) int {
	channels := in[len(in)-1]
	return func(_, i int) int { return i - i%channels + channels - 1 - i%channels }
}

// concatPlace joins along the last axis.
func concatPlace(operands []Operand, out []int) func(k, i int) int {
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

// copyNumbers is what flatten and identity do: the same numbers, exactly.
func copyNumbers(r *Result, x tensor.Tensor) {
	move(r, []Operand{Known(x)}, func(_, i int) int { return i })
}

func padZeros(r *Result, op ir.Pad, x tensor.Tensor) {
	move(r, []Operand{Known(x)}, padPlace(op, x.Shape, r.Shape))
}

func reverseChannels(r *Result, x tensor.Tensor) {
	move(r, []Operand{Known(x)}, reversePlace(x.Shape))
}

func concat(r *Result, operands []tensor.Tensor) {
	list := make([]Operand, len(operands))
	for i, x := range operands {
		list[i] = Known(x)
	}
	move(r, list, concatPlace(list, r.Shape))
}
