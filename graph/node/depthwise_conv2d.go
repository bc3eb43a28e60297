package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(o ir.DepthwiseConv2D, a arguments) (tf.Output, error) {
	return depthwiseConv2D(a.scope, o, a.shapes, a.operands, a.kernels)
})

// depthwiseConv2D adds DepthwiseConv2dNative where its kernel has the attributes: one
// stride for both axes, no dilation. Otherwise it adds a Conv2D with a group for each
// channel, for which the numbers of the filter lie in the right order already. With
// oneDNN, which computes both alike, it also adds a Conv2D where there is no bias and
// the filter is a constant: TensorFlow's optimizer fuses a batch norm and an activation
// with a Conv2D only.
func depthwiseConv2D(scope *op.Scope, o ir.DepthwiseConv2D, shapes [][]int, operands []tf.Output, k kernels) (tf.Output, error) {
	if h, w, err := o.Window(shapes...); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	grouped, filter := o.Grouped(shapes[1])
	plain := o.Strides[0] == o.Strides[1] && o.Dilations == [2]int{1, 1}
	fuses := k.oneDNN && !k.fed && len(operands) == 2 && operands[0].DataType() == tf.Float
	if plain && (!fuses || onlyPadding(grouped, [][]int{shapes[0], filter})) {
		var attributes []op.DepthwiseConv2dNativeAttr
		if o.Padding.Kind == ir.Explicit {
			attributes = append(attributes, op.DepthwiseConv2dNativeExplicitPaddings(sides(o.Padding)))
		}
		y := op.DepthwiseConv2dNative(scope, operands[0], operands[1], four(o.Strides), o.Padding.Kind.String(), attributes...)
		switch {
		case len(operands) == 2:
			return y, nil
		case o.Padding.Kind == ir.Explicit:
			return unfusedBias(scope, y, operands[2]), nil
		}
		return op.BiasAdd(scope, y, operands[2]), nil
	}
	weights, err := reshape(scope, "grouped", operands[1], filter...)
	if err != nil {
		return tf.Output{}, err
	}
	shapes = append([][]int{shapes[0], filter}, shapes[2:]...)
	operands = append([]tf.Output{operands[0], weights}, operands[2:]...)
	return conv2D(scope, grouped, shapes, operands, k), nil
}
