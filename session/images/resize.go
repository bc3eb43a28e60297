package images

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// resizeNodes adds the resizing. scale, where the method has one, is fed with the
// quotients of the sizes.
func (o Options) resizeNodes(root *op.Scope) (image, scale, resized tf.Output) {
	scope := root.SubScope("resize")
	image = op.Placeholder(scope.SubScope("image"), tf.Float, op.PlaceholderShape(tf.MakeShape(1, -1, -1, 3)))
	size := op.Const(scope.SubScope("size"), []int32{int32(o.Size.Height), int32(o.Size.Width)})
	switch o.Method {
	case Nearest:
		return image, scale, op.ResizeNearestNeighbor(scope, image, size, op.ResizeNearestNeighborHalfPixelCenters(true))
	case Area:
		return image, scale, op.ResizeArea(scope, image, size)
	}
	kernel := "triangle"
	if o.Method == Bicubic {
		kernel = "keyscubic"
	}
	scale = op.Placeholder(scope.SubScope("scale"), tf.Float, op.PlaceholderShape(tf.MakeShape(2)))
	translation := op.Const(scope.SubScope("translation"), []float32{0, 0})
	// The bindings have no wrapper for this operation.
	scaled := scope.AddOperation(tf.OpSpec{
		Type:  "ScaleAndTranslate",
		Input: []tf.Input{image, size, scale, translation},
		Attrs: map[string]any{"kernel_type": kernel, "antialias": true},
	})
	if scaled != nil {
		resized = scaled.Output(0)
	}
	return image, scale, resized
}

// resize brings an image [1, height, width, 3] to the size of the options.
func (d *Decoder) resize(x tensor.Tensor, buffer []float32) (tensor.Tensor, error) {
	in := []capi.Value{capi.Float32s(x)}
	if d.needsScales {
		size := d.options.Size
		in = append(in, capi.Float32s(tensor.Tensor{Shape: []int{2}, Data: []float32{
			float32(size.Height) / float32(x.Shape[1]), float32(size.Width) / float32(x.Shape[2]),
		}}))
	}
	resized := tensor.Tensor{Shape: []int{1, d.options.Size.Height, d.options.Size.Width, 3}}
	if n := resized.Shape[1] * resized.Shape[2] * 3; cap(buffer) >= n {
		resized.Data = buffer[:n]
	}
	results := []capi.Value{capi.Float32s(resized)}
	if err := d.resized.Run(in, results); err != nil {
		return tensor.Tensor{}, fmt.Errorf("resize: %w", err)
	}
	return results[0].Tensor(), nil
}
