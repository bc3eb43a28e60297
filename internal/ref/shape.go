package ref

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = copied(func(r *Result, _ ir.Flatten, operands []tensor.Tensor) { copyNumbers(r, operands[0]) })
	_ = copied(func(r *Result, _ ir.Identity, operands []tensor.Tensor) { copyNumbers(r, operands[0]) })
	_ = copied(func(r *Result, op ir.Pad, operands []tensor.Tensor) { padZeros(r, op, operands[0]) })
	_ = copied(func(r *Result, _ ir.ReverseChannels, operands []tensor.Tensor) { reverseChannels(r, operands[0]) })
	_ = copied(func(r *Result, _ ir.Concat, operands []tensor.Tensor) { concat(r, operands) })
)

// copied registers an operation that only moves numbers.
func copied[O ir.Op](compute func(r *Result, op O, operands []tensor.Tensor)) struct{} {
	return register(func(_ context.Context, r *Result, _ Arithmetic, op O, operands []tensor.Tensor) error {
		compute(r, op, operands)
		return nil
	})
}

// copyNumbers is what flatten and identity do: the same numbers, exactly.
func copyNumbers(r *Result, x tensor.Tensor) {
	for i, v := range x.Data {
		r.Value[i] = float64(v)
	}
}

// padZeros puts the picture into a larger one of zeros; exact.
func padZeros(r *Result, op ir.Pad, x tensor.Tensor) {
	height, row := x.Shape[1], x.Shape[2]*x.Shape[3]
	for i, v := range x.Data {
		picture, y, at := i/(height*row), i/row%height, i%row
		r.Value[((picture*r.Shape[1]+y+op.Top)*r.Shape[2]+op.Left)*r.Shape[3]+at] = float64(v)
	}
}

// reverseChannels turns the last axis round; exact.
func reverseChannels(r *Result, x tensor.Tensor) {
	channels := x.Shape[len(x.Shape)-1]
	for i, v := range x.Data {
		r.Value[i-i%channels+channels-1-i%channels] = float64(v)
	}
}

// concat joins along the last axis; exact.
func concat(r *Result, operands []tensor.Tensor) {
	channels, begin := r.Shape[len(r.Shape)-1], 0
	for _, x := range operands {
		n := x.Shape[len(x.Shape)-1]
		for i, v := range x.Data {
			r.Value[i/n*channels+begin+i%n] = float64(v)
		}
		begin += n
	}
}
