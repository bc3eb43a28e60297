package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// manyChannels is where Eigen's kernel is faster than oneDNN's: each of its
// steps takes the maximum of two rows of channels, which fill its registers.
const manyChannels = 64

// maxPool is MaxPool or, for many channels, MaxPoolV2: the same operation, with
// windows as inputs, which TensorFlow does not hand to oneDNN. So nothing is
// written beside the output either; oneDNN notes where each maximum lies.
func maxPool(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) (tf.Output, error) {
	if h, w, err := o.Window(shape); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	if shape[3] >= manyChannels && o.Padding.Kind != ir.Explicit && x.DataType() == tf.Float {
		size, err := integers(scope, "size", 1, o.Size[0], o.Size[1], 1)
		if err != nil {
			return tf.Output{}, err
		}
		strides, err := integers(scope, "strides", 1, o.Strides[0], o.Strides[1], 1)
		if err != nil {
			return tf.Output{}, err
		}
		return op.MaxPoolV2(scope, x, size, strides, o.Padding.Kind.String()), nil
	}
	var attributes []op.MaxPoolAttr
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.MaxPoolExplicitPaddings(sides(o.Padding)))
	}
	return op.MaxPool(scope, x, four(o.Size), four(o.Strides), o.Padding.Kind.String(), attributes...), nil
}
