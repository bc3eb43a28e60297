package node

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var (
	_ = register(func(_ ir.Flatten, a arguments) (tf.Output, error) {
		return flatten(a.scope, a.shapes[0], a.operands[0])
	})
	_ = register(func(o ir.Pad, a arguments) (tf.Output, error) {
		return pad(a.scope, a.operands[0], [][2]int{{}, {o.Top, o.Bottom}, {o.Left, o.Right}, {}})
	})
	_ = register(func(o ir.Resize, a arguments) (tf.Output, error) { return resize(a.scope, o, a.operands[0]) })
	_ = register(func(_ ir.ReverseChannels, a arguments) (tf.Output, error) {
		return reverseChannels(a.scope, a.shapes[0], a.operands[0])
	})
)

// integers adds a constant list of whole numbers.
func integers(scope *op.Scope, name string, values ...int) (tf.Output, error) {
	list := make([]int32, len(values))
	for i, v := range values {
		list[i] = int32(v)
	}
	return integerConstant(scope, name, list)
}

// integerConstant adds []int32 or [][]int32.
func integerConstant(scope *op.Scope, name string, values any) (tf.Output, error) {
	t, err := tf.NewTensor(values)
	if err != nil {
		return tf.Output{}, fmt.Errorf("%s: %w", name, firstLine(err))
	}
	return output(scope, tf.OpSpec{
		Type: "Const", Name: name,
		Attrs: map[string]any{"dtype": tf.Int32, "value": t},
	}), nil
}

// reshape returns x another shape; one size may be −1.
func reshape(scope *op.Scope, name string, x tf.Output, shape ...int) (tf.Output, error) {
	scope = scope.SubScope(name)
	sizes, err := integers(scope, "shape", shape...)
	if err != nil {
		return tf.Output{}, err
	}
	return op.Reshape(scope, x, sizes), nil
}

// slice takes size numbers along each axis from begin on; −1 is all.
func slice(scope *op.Scope, name string, x tf.Output, begin, size []int) (tf.Output, error) {
	scope = scope.SubScope(name)
	from, err := integers(scope, "begin", begin...)
	if err != nil {
		return tf.Output{}, err
	}
	sizes, err := integers(scope, "size", size...)
	if err != nil {
		return tf.Output{}, err
	}
	return op.Slice(scope, x, from, sizes), nil
}

// pad adds zeros before and after along each axis.
func pad(scope *op.Scope, x tf.Output, sides [][2]int) (tf.Output, error) {
	list := make([][]int32, len(sides))
	for i, s := range sides {
		list[i] = []int32{int32(s[0]), int32(s[1])}
	}
	paddings, err := integerConstant(scope, "paddings", list)
	if err != nil {
		return tf.Output{}, err
	}
	return op.Pad(scope, x, paddings), nil
}

// flatten reshapes x to [batch, features]. It states both sizes, so that an empty image
// keeps its batch.
func flatten(scope *op.Scope, shape []int, x tf.Output) (tf.Output, error) {
	flat, err := ir.Flatten{}.Shape(shape)
	if err != nil {
		return tf.Output{}, err
	}
	sizes, err := integers(scope, "shape", flat...)
	if err != nil {
		return tf.Output{}, err
	}
	return op.Reshape(scope, x, sizes), nil
}

// resize adds ResizeNearestNeighbor or ResizeBilinear.
func resize(scope *op.Scope, o ir.Resize, x tf.Output) (tf.Output, error) {
	size, err := integers(scope, "size", o.Size[0], o.Size[1])
	if err != nil {
		return tf.Output{}, err
	}
	if o.Method == ir.Nearest {
		return op.ResizeNearestNeighbor(scope, x, size, op.ResizeNearestNeighborHalfPixelCenters(true)), nil
	}
	return op.ResizeBilinear(scope, x, size, op.ResizeBilinearHalfPixelCenters(true)), nil
}

func reverseChannels(scope *op.Scope, shape []int, x tf.Output) (tf.Output, error) {
	axis, err := integers(scope, "axis", len(shape)-1)
	if err != nil {
		return tf.Output{}, err
	}
	return op.ReverseV2(scope, x, axis), nil
}
