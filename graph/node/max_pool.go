package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

func maxPool(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) tf.Output {
	if h, w, err := o.Window(shape); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	var attributes []op.MaxPoolAttr
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.MaxPoolExplicitPaddings(sides(o.Padding)))
	}
	return op.MaxPool(scope, x, four(o.Size), four(o.Strides), o.Padding.Kind.String(), attributes...)
}
