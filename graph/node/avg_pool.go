package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(func(o ir.AvgPool, a arguments) (tf.Output, error) {
	return avgPool(a.scope, o, a.shapes[0], a.operands[0])
})

// avgPool adds AvgPool where TensorFlow's kernel has the padding: VALID, SAME, and
// explicit padding that equals one of the two at this size. For any other explicit
// padding it adds a depthwise convolution of the zero-padded input with ones, which
// sums each window, and divides by the number of inputs in the window. On integers
// that is exact up to the division, as AvgPool is; AvgPool of the padded input times
// window/number is not.
func avgPool(scope *op.Scope, o ir.AvgPool, shape []int, x tf.Output) (tf.Output, error) {
	if h, w, err := o.Window(shape); err == nil {
		o.Strides = [2]int{h.ShortStride(), w.ShortStride()}
	}
	if o.Padding.Kind != ir.Explicit {
		return op.AvgPool(scope, x, four(o.Size), four(o.Strides), o.Padding.Kind.String()), nil
	}
	h, w, err := o.Window(shape)
	if err != nil {
		return tf.Output{}, err
	}
	if (o.Padding == ir.Padding{Kind: ir.Explicit}) {
		return op.AvgPool(scope, x, four(o.Size), four(o.Strides), ir.Valid.String()), nil
	}
	if ir.SamePadding(h, w) {
		return op.AvgPool(scope, x, four(o.Size), four(o.Strides), ir.Same.String()), nil
	}
	return explicitAvgPool(scope, o, h, w, shape[3], x)
}

func explicitAvgPool(scope *op.Scope, o ir.AvgPool, h, w ir.Axis, channels int, x tf.Output) (tf.Output, error) {
	ones, err := tensor.New(h.Size, w.Size, channels, 1)
	if err != nil {
		return tf.Output{}, err
	}
	for i := range ones.Data {
		ones.Data[i] = 1
	}
	counts, err := tensor.New(1, h.Out, w.Out, 1)
	if err != nil {
		return tf.Output{}, err
	}
	for row := range h.Out {
		first, end := h.Taps(row)
		for column := range w.Out {
			from, to := w.Taps(column)
			counts.Data[row*w.Out+column] = float32((end - first) * (to - from))
		}
	}
	filter, err := constant(scope, "ones", ones)
	if err != nil {
		return tf.Output{}, err
	}
	divisor, err := constant(scope, "counts", counts)
	if err != nil {
		return tf.Output{}, err
	}
	if dtype := x.DataType(); dtype != tf.Float {
		filter = op.Cast(scope.SubScope("ones"), filter, dtype)
		divisor = op.Cast(scope.SubScope("counts"), divisor, dtype)
	}
	// DepthwiseConv2dNative takes one stride for both axes: the greatest common
	// divisor of the two. A strided slice then takes the rest of each stride.
	common := gcd(h.Stride, w.Stride)
	sums := op.DepthwiseConv2dNative(scope, x, filter, four([2]int{common, common}), ir.Explicit.String(),
		op.DepthwiseConv2dNativeExplicitPaddings(sides(o.Padding)))
	if h.Stride != common || w.Stride != common {
		sums, err = stridedSlice(scope, sums, h.Stride/common, w.Stride/common)
		if err != nil {
			return tf.Output{}, err
		}
	}
	// The optimizer folds the constant divisor of a RealDiv into a factor, and
	// computes 1/1 as 0.99999994. It leaves DivNoNan alone. No divisor here is 0.
	return op.DivNoNan(scope, sums, divisor), nil
}

// stridedSlice keeps the rows and columns 0, step, 2·step, …
func stridedSlice(scope *op.Scope, x tf.Output, rows, columns int) (tf.Output, error) {
	scope = scope.SubScope("every")
	begin, err := integers(scope, "begin", 0, 0, 0, 0)
	if err != nil {
		return tf.Output{}, err
	}
	end, err := integers(scope, "end", 0, 0, 0, 0)
	if err != nil {
		return tf.Output{}, err
	}
	steps, err := integers(scope, "steps", 1, rows, columns, 1)
	if err != nil {
		return tf.Output{}, err
	}
	const all = 0b1111 // every axis from its beginning to its end
	return op.StridedSlice(scope, x, begin, end, steps,
		op.StridedSliceBeginMask(all), op.StridedSliceEndMask(all)), nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
