package node

import (
	"slices"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/internal/ir"
)

// A stride beyond the padded input is cut to its size, which gives the same output:
// TensorFlow's kernels multiply strides by positions.
func TestLongStrides(t *testing.T) {
	const long = 1 << 30
	window := ir.Pool{Size: [2]int{2, 2}, Strides: [2]int{long, 1}}
	padding := ir.Padding{Kind: ir.Explicit, Top: 2}
	for _, tt := range []struct {
		op     ir.Op
		shapes [][]int
		want   int64
	}{
		{ir.Conv2D{Strides: [2]int{long, 1}, Dilations: [2]int{1, 1}, Groups: 1}, [][]int{{1, 5, 6, 1}, {2, 2, 1, 1}}, 5},
		{ir.Conv2D{Strides: [2]int{long, 1}, Dilations: [2]int{1, 1}, Groups: 1, Padding: padding}, [][]int{{1, 5, 6, 1}, {2, 2, 1, 1}}, 7},
		{ir.MaxPool{Pool: window}, [][]int{{1, 5, 6, 1}}, 5},
		{ir.AvgPool{Pool: window}, [][]int{{1, 5, 6, 1}}, 5},
	} {
		_, outputs, err := buildOperation(tfgo.NewRoot(), tt.op, false, tt.shapes...)
		if err != nil {
			t.Fatal(err)
		}
		// MaxPoolV2 has its strides as a constant.
		at := slices.IndexFunc(outputs, func(o tf.Output) bool { return o.Op.Type() != "MaxPoolV2" })
		strides, err := outputs[at].Op.Attr("strides")
		if err != nil {
			t.Fatal(err)
		}
		if got := strides.([]int64); !slices.Equal(got, []int64{1, tt.want, 1, 1}) {
			t.Errorf("%s of %v: strides %v, want %d along the height", tt.op.Kind(), tt.shapes, got, tt.want)
		}
	}
}
