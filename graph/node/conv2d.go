package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(o ir.Conv2D, a arguments) (tf.Output, error) {
	return conv2D(a.scope, o, a.shapes, a.operands, a.kernels), nil
})

// conv2D adds Conv2D and, where there is a bias, BiasAdd. TensorFlow derives
// the groups from the channels of input and filter.
//
// Where oneDNN is off, the kernels of fused nodes refuse groups when they run. So a
// Conv2D with groups and without a bias is excluded from fusion, and a bias is added
// by AddV2, which gives the same bits and is fused with oneDNN only.
func conv2D(scope *op.Scope, o ir.Conv2D, shapes [][]int, operands []tf.Output, k kernels) tf.Output {
	if h, w, err := o.Window(shapes...); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	attributes := []op.Conv2DAttr{op.Conv2DDilations(four(o.Dilations))}
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.Conv2DExplicitPaddings(sides(o.Padding)))
	}
	target := scope
	if len(operands) == 2 && o.Groups > 1 && !k.oneDNN {
		target = withoutFusion(scope)
	}
	y := op.Conv2D(target, operands[0], operands[1], four(o.Strides), o.Padding.Kind.String(), attributes...)
	if len(operands) == 2 {
		return y
	}
	switch {
	case onlyPadding(o, shapes):
		return unfusedBias(scope, y, operands[2])
	case o.Groups > 1:
		return op.AddV2(scope, y, operands[2])
	}
	return op.BiasAdd(scope, y, operands[2])
}

// unfusedBias adds a bias that TensorFlow's optimizer does not fuse with the
// convolution: it subtracts the negated bias, which gives the same bits. With oneDNN,
// fused kernels end the process where no window reads any input, and where a depthwise
// convolution has explicit padding.
func unfusedBias(scope *op.Scope, y, bias tf.Output) tf.Output {
	return op.Sub(scope, y, op.Neg(scope, bias))
}

// onlyPadding reports whether all windows lie on padding alone, along one axis.
func onlyPadding(o ir.Conv2D, shapes [][]int) bool {
	h, w, err := o.Window(shapes...)
	return err == nil && (h.OnlyPadding() || w.OnlyPadding())
}
