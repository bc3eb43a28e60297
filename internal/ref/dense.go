package ref

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(dense)

// dense is the convolution of one pixel of F channels with a 1×1 filter: the
// same sums, the same bound. No kernel transforms it.
func dense(ctx context.Context, r *Result, a Arithmetic, _ ir.Dense, operands []tensor.Tensor) error {
	x, filter := operands[0], operands[1]
	a.FFT = false
	list := append([]tensor.Tensor{
		{Shape: []int{x.Shape[0], 1, 1, x.Shape[1]}, Data: x.Data},
		{Shape: []int{1, 1, filter.Shape[0], filter.Shape[1]}, Data: filter.Data},
	}, operands[2:]...)
	op := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	pixel := *r
	pixel.Shape = []int{x.Shape[0], 1, 1, filter.Shape[1]}
	err := conv2D(ctx, &pixel, a, op, list)
	r.Level = pixel.Level
	return err
}
