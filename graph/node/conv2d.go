package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// conv2D adds Conv2D and, where there is a bias, its addition. TensorFlow
// derives the groups from the channels of input and filter.
func conv2D(scope *op.Scope, o ir.Conv2D, shapes [][]int, operands []tf.Output) tf.Output {
	attributes := []op.Conv2DAttr{op.Conv2DDilations(four(o.Dilations))}
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.Conv2DExplicitPaddings(sides(o.Padding)))
	}
	y := op.Conv2D(scope, operands[0], operands[1], four(o.Strides), o.Padding.Kind.String(), attributes...)
	if len(operands) == 2 {
		return y
	}
	return bias(scope, y, operands[2], blind(o, shapes), o.Groups > 1)
}

// bias adds a bias: with BiasAdd, as a rule, which TensorFlow fuses with the
// convolution.
//
// With groups it is AddV2, which gives the same bits: where oneDNN is off,
// TensorFlow's optimizer fuses Conv2D and BiasAdd into a kernel that then
// refuses groups when it runs.
//
// Where no window reads any input (padding and dilation can bring that about)
// the bias is subtracted negated: with oneDNN, the fused kernel of convolution
// and bias ends the process there, and Sub is not fused.
func bias(scope *op.Scope, y, b tf.Output, blind, groups bool) tf.Output {
	switch {
	case blind:
		return op.Sub(scope, y, op.Neg(scope, b))
	case groups:
		return op.AddV2(scope, y, b)
	}
	return op.BiasAdd(scope, y, b)
}

// blind says whether all windows lie on padding alone, along one axis.
func blind(o ir.Conv2D, shapes [][]int) bool {
	h, w, err := o.Window(shapes[0], shapes[1])
	return err == nil && (h.Blind() || w.Blind())
}
