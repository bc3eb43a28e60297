package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// conv2D adds Conv2D and, where there is a bias, BiasAdd. TensorFlow derives
// the groups from the channels of input and filter.
func conv2D(scope *op.Scope, o ir.Conv2D, operands []tf.Output) tf.Output {
	attributes := []op.Conv2DAttr{op.Conv2DDilations(four(o.Dilations))}
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.Conv2DExplicitPaddings(sides(o.Padding)))
	}
	y := op.Conv2D(scope, operands[0], operands[1], four(o.Strides), o.Padding.Kind.String(), attributes...)
	if len(operands) == 3 {
		y = op.BiasAdd(scope, y, operands[2])
	}
	return y
}
