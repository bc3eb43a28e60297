package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

func maxPool(scope *op.Scope, o ir.MaxPool, x tf.Output) tf.Output {
	var attributes []op.MaxPoolAttr
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.MaxPoolExplicitPaddings(sides(o.Padding)))
	}
	return op.MaxPool(scope, x, four(o.Size), four(o.Strides), o.Padding.Kind.String(), attributes...)
}
