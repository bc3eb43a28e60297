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
// Where oneDNN is off, the kernels of fused nodes refuse groups when they run. So
// with groups a Conv2D without bias stays apart, and a bias is added by AddV2,
// which gives the same bits and is fused with oneDNN alone.
func conv2D(scope *op.Scope, o ir.Conv2D, shapes [][]int, operands []tf.Output, k kernels) tf.Output {
	if h, w, err := o.Window(shapes...); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	attributes := []op.Conv2DAttr{op.Conv2DDilations(four(o.Dilations))}
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.Conv2DExplicitPaddings(sides(o.Padding)))
	}
	place := scope
	if len(operands) == 2 && o.Groups > 1 && !k.oneDNN {
		place = apart(scope)
	}
	y := op.Conv2D(place, operands[0], operands[1], four(o.Strides), o.Padding.Kind.String(), attributes...)
	if len(operands) == 2 {
		return y
	}
	switch {
	case blind(o, shapes):
		return unfusedBias(scope, y, operands[2])
	case o.Groups > 1:
		return op.AddV2(scope, y, operands[2])
	}
	return op.BiasAdd(scope, y, operands[2])
}

// unfusedBias adds a bias so that TensorFlow's optimizer does not put it into
// the convolution: it subtracts it negated, which gives the same bits. With
// oneDNN, kernels of a convolution with its bias end the process where no
// window reads any input, and where a depthwise one has explicit padding.
func unfusedBias(scope *op.Scope, y, bias tf.Output) tf.Output {
	return op.Sub(scope, y, op.Neg(scope, bias))
}

// blind says whether all windows lie on padding alone, along one axis.
func blind(o ir.Conv2D, shapes [][]int) bool {
	h, w, err := o.Window(shapes...)
	return err == nil && (h.Blind() || w.Blind())
}
