package decode

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// Methods are the ways to resize. Bilinear and bicubic are antialiased
// (TensorFlow's ScaleAndTranslate), area is the mean of what falls into a
// pixel, nearest takes one; pixel centres lie in the middle of pixels.
var Methods = []string{"bilinear", "bicubic", "area", "nearest"}

// Resize is the size that all pictures are brought to. Zero: none.
type Resize struct {
	Height, Width int
	Method        string // default: the first of Methods
}

func (r Resize) check() error {
	if r == (Resize{}) {
		return nil
	}
	if r.Height < 1 || r.Width < 1 || r.Height > DefaultMaxPixels/r.Width {
		return fmt.Errorf("decode: resize to %d×%d, want 1 to %d pixels", r.Height, r.Width, DefaultMaxPixels)
	}
	if r.Method != "" && !slices.Contains(Methods, r.Method) {
		return fmt.Errorf("decode: resize method %q is not known, want one of %s", r.Method, strings.Join(Methods, ", "))
	}
	return nil
}

// nodes adds the resizing. scale, where the method has one, is fed with the
// quotients of the sizes.
func (r Resize) nodes(root *op.Scope) (image, scale, resized tf.Output) {
	scope := root.SubScope("resize")
	image = op.Placeholder(scope.SubScope("image"), tf.Float, op.PlaceholderShape(tf.MakeShape(1, -1, -1, 3)))
	size := op.Const(scope.SubScope("size"), []int32{int32(r.Height), int32(r.Width)})
	switch r.Method {
	case "nearest":
		return image, scale, op.ResizeNearestNeighbor(scope, image, size, op.ResizeNearestNeighborHalfPixelCenters(true))
	case "area":
		return image, scale, op.ResizeArea(scope, image, size)
	}
	kernel := "triangle"
	if r.Method == "bicubic" {
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

// Resize brings a picture [1,H,W,3] to the size that Open was given.
func (d *Decoder) Resize(x tensor.Tensor) (tensor.Tensor, error) {
	if d.resize == (Resize{}) {
		return x, nil
	}
	in := []capi.Value{capi.Float32s(x)}
	if d.needsScales {
		in = append(in, capi.Float32s(tensor.Tensor{Shape: []int{2}, Data: []float32{
			float32(d.resize.Height) / float32(x.Shape[1]), float32(d.resize.Width) / float32(x.Shape[2]),
		}}))
	}
	results := make([]capi.Value, 1)
	if err := d.resized.Run(in, results); err != nil {
		return tensor.Tensor{}, fmt.Errorf("decode: resize: %w", err)
	}
	return results[0].Tensor(), nil
}
