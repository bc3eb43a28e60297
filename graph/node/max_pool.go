package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(o ir.MaxPool, a arguments) (tf.Output, error) {
	return maxPool(a.scope, o, a.shapes[0], a.operands[0])
})

// From these sizes on Eigen's kernel is faster than oneDNN's, measured on two cores.
// Each of its steps takes the maximum of two rows of channels, so many channels make
// the steps long. It starts at once, while oneDNN wakes other threads first, which
// takes longer than a small image (4×4: 6 µs against 32 to 180).
const (
	manyChannels = 64
	fewPixels    = 256
)

// maxPool adds MaxPool or, where Eigen's kernel is faster, MaxPoolV2: the same
// operation with windows as inputs, which TensorFlow does not pass to oneDNN. Eigen's
// kernel writes its output only; oneDNN's also writes the index of each maximum.
func maxPool(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) (tf.Output, error) {
	if hasV2(o, x) && (shape[3] >= manyChannels || shape[1]*shape[2] <= fewPixels) {
		return maxPoolV2(scope, o, shape, x)
	}
	return maxPoolV1(scope, o, shape, x), nil
}

// bothMaxPools adds MaxPool and MaxPoolV2 and returns their outputs, the choice of
// maxPool first; without MaxPoolV2 it returns one output.
func bothMaxPools(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) ([]tf.Output, error) {
	first, err := maxPool(scope, o, shape, x)
	if err != nil || scope.Err() != nil || !hasV2(o, x) {
		return []tf.Output{first}, err
	}
	other := scope.SubScope("other")
	if first.Op.Type() == "MaxPoolV2" {
		return []tf.Output{first, maxPoolV1(other, o, shape, x)}, nil
	}
	second, err := maxPoolV2(other, o, shape, x)
	return []tf.Output{first, second}, err
}

// hasV2 reports whether MaxPoolV2 has the attributes and the type.
func hasV2(o ir.MaxPool, x tf.Output) bool {
	return o.Padding.Kind != ir.Explicit && x.DataType() == tf.Float
}

func maxPoolV1(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) tf.Output {
	strides := poolStrides(o, shape)
	var attributes []op.MaxPoolAttr
	if o.Padding.Kind == ir.Explicit {
		attributes = append(attributes, op.MaxPoolExplicitPaddings(sides(o.Padding)))
	}
	return op.MaxPool(scope, x, four(o.Size), four(strides), o.Padding.Kind.String(), attributes...)
}

func maxPoolV2(scope *op.Scope, o ir.MaxPool, shape []int, x tf.Output) (tf.Output, error) {
	size, err := integers(scope, "size", 1, o.Size[0], o.Size[1], 1)
	if err != nil {
		return tf.Output{}, err
	}
	s := poolStrides(o, shape)
	strides, err := integers(scope, "strides", 1, s[0], s[1], 1)
	if err != nil {
		return tf.Output{}, err
	}
	return op.MaxPoolV2(scope, x, size, strides, o.Padding.Kind.String()), nil
}

// poolStrides returns the strides, cut to the size of the padded image.
func poolStrides(o ir.MaxPool, shape []int) [2]int {
	if h, w, err := o.Window(shape); err == nil {
		return [2]int{h.ShortStride(), w.ShortStride()}
	}
	return o.Strides
}
