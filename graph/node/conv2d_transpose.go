package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(o ir.Conv2DTranspose, a arguments) (tf.Output, error) {
	return conv2DTranspose(a.scope, o, a.shapes, a.operands, a.kernels)
})

// conv2DTranspose adds Conv2DBackpropInput where all CPU kernels have the attributes:
// no dilations, no groups, VALID or SAME. For explicit padding it adds a VALID one with
// the padded output, and cuts the padding off.
//
// With dilations or groups it adds a Conv2D instead: of the input with zeros between
// its numbers, and the filter turned by 180°, with its two channel axes exchanged
// within each group. The zeros stand in the input, not in the filter, so that each
// number of the input meets its own taps only.
func conv2DTranspose(scope *op.Scope, o ir.Conv2DTranspose, shapes [][]int, operands []tf.Output, k kernels) (y tf.Output, err error) {
	h, w, err := o.Window(shapes...)
	if err != nil {
		return tf.Output{}, err
	}
	if o.Groups > 1 || o.Dilations != [2]int{1, 1} {
		return conv2DOfSpreadInput(scope, o, h, w, shapes, operands, k)
	}
	y, err = backpropInput(scope, o, h, w, operands)
	if err != nil || len(operands) == 2 {
		return y, err
	}
	return op.BiasAdd(scope, y, operands[2]), nil
}

func backpropInput(scope *op.Scope, o ir.Conv2DTranspose, h, w ir.Axis, operands []tf.Output) (tf.Output, error) {
	size, padding := o.OutputSize, o.Padding.Kind.String()
	if o.Padding.Kind == ir.Explicit {
		size = [2]int{h.Before + h.In + h.After, w.Before + w.In + w.After}
		padding = ir.Valid.String()
	}
	sizes, err := integers(scope, "size", size[0], size[1])
	if err != nil {
		return tf.Output{}, err
	}
	y := op.Conv2DBackpropInput(scope, sizes, operands[1], operands[0], four(o.Strides), padding)
	if size == o.OutputSize {
		return y, nil
	}
	return slice(scope, "unpadded", y, []int{0, h.Before, w.Before, 0}, []int{-1, h.In, w.In, -1})
}

func conv2DOfSpreadInput(scope *op.Scope, o ir.Conv2DTranspose, h, w ir.Axis, shapes [][]int, operands []tf.Output, k kernels) (tf.Output, error) {
	input, filter := shapes[0], shapes[1]
	x, err := insertZeros(scope, operands[0], input, o.Strides)
	if err != nil {
		return tf.Output{}, err
	}
	// The zeros behind the last row and column stay. They reduce the padding after;
	// where that would be negative, they are cut off.
	before, after := [2]int{}, [2]int{}
	begin, size := []int{0, 0, 0, 0}, []int{-1, 0, 0, -1}
	for i, a := range []ir.Axis{h, w} {
		long := a.Out * a.Stride
		before[i] = a.Reach() - 1 - a.Before
		after[i] = a.In + a.Reach() - 1 - long - before[i]
		begin[i+1] = max(0, -before[i])
		size[i+1] = long - begin[i+1] - max(0, -after[i])
		before[i], after[i] = max(0, before[i]), max(0, after[i])
	}
	if size[1] != h.Out*h.Stride || size[2] != w.Out*w.Stride {
		if x, err = slice(scope, "cut", x, begin, size); err != nil {
			return tf.Output{}, err
		}
	}
	turned, err := turnFilter(scope, operands[1], filter, o.Groups)
	if err != nil {
		return tf.Output{}, err
	}
	conv := ir.Conv2D{
		Strides: [2]int{1, 1}, Dilations: o.Dilations, Groups: o.Groups,
		Padding: ir.Padding{Kind: ir.Explicit, Top: before[0], Bottom: after[0], Left: before[1], Right: after[1]},
	}
	shapes = [][]int{{-1, size[1], size[2], input[3]}, {filter[0], filter[1], input[3] / o.Groups, filter[2] * o.Groups}}
	y := conv2D(scope, conv, shapes, []tf.Output{x, turned}, k)
	if len(operands) == 3 {
		y = unfusedBias(scope, y, operands[2])
	}
	return y, nil
}

// insertZeros puts each number of x at the beginning of a cell of strides, and zeros into
// the rest of it.
func insertZeros(scope *op.Scope, x tf.Output, shape []int, strides [2]int) (tf.Output, error) {
	if strides == [2]int{1, 1} {
		return x, nil
	}
	scope = scope.SubScope("spread")
	x, err := reshape(scope, "cells", x, -1, shape[1], 1, shape[2], 1, shape[3])
	if err != nil {
		return tf.Output{}, err
	}
	x, err = pad(scope, x, [][2]int{{}, {}, {0, strides[0] - 1}, {}, {0, strides[1] - 1}, {}})
	if err != nil {
		return tf.Output{}, err
	}
	return reshape(scope, "rows", x, -1, shape[1]*strides[0], shape[2]*strides[1], shape[3])
}

// turnFilter turns the filter of a transposed convolution, [h,w,filters/groups,C],
// into the filter of a convolution, [h,w,C/groups,filters].
func turnFilter(scope *op.Scope, filter tf.Output, shape []int, groups int) (tf.Output, error) {
	scope = scope.SubScope("turn")
	both, err := integers(scope, "axes", 0, 1)
	if err != nil {
		return tf.Output{}, err
	}
	filter = op.ReverseV2(scope, filter, both)
	each, depth := shape[2], shape[3]/groups
	filter, err = reshape(scope, "groups", filter, shape[0], shape[1], each, groups, depth)
	if err != nil {
		return tf.Output{}, err
	}
	order, err := integers(scope, "order", 0, 1, 4, 3, 2)
	if err != nil {
		return tf.Output{}, err
	}
	return reshape(scope, "filters", op.Transpose(scope, filter, order), shape[0], shape[1], depth, groups*each)
}
