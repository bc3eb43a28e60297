package graphs_test

import (
	"context"
	"slices"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"github.com/galeone/tfgo"

	"tfcnn/session/graphs"
)

// An empty destination takes an empty result, beside others that are not empty, and no
// other result.
func TestEmptyDestination(t *testing.T) {
	root := tfgo.NewRoot()
	x, y := placeholder(root, tf.Float, -1), placeholder(root.SubScope("y"), tf.Float, -1)
	unique, _ := op.Unique(root, x)
	same := op.Identity(root, y)
	f := function(t, open(t, root, graphs.Options{}), graphs.Signature{
		Feeds: outputs{"x": x, "y": y}, Fetches: outputs{"unique": unique, "same": same},
	})
	for name, ctx := range map[string]context.Context{"background": context.Background(), "may end": t.Context()} {
		for range 3 {
			into := tensors{"unique": vector(), "same": vector(0, 0)}
			if err := f.RunInto(ctx, into, tensors{"x": vector(), "y": vector(1, 2)}); err != nil || into["same"].Data[1] != 2 {
				t.Errorf("%s: %v, %v", name, into, err)
			}
			if err := f.RunInto(ctx, into, tensors{"x": vector(3, 0, 3), "y": vector(1, 2)}); err == nil {
				t.Errorf("%s: two numbers for none: no error", name)
			}
		}
	}
}

// A fed value decides a shape that TensorFlow would infer from a constant.
func TestFedConstant(t *testing.T) {
	root := tfgo.NewRoot()
	x := placeholder(root, tf.Float, 6)
	shape := op.Const(root.SubScope("shape"), []int32{2, 3})
	y := op.Reshape(root, x, shape)
	s := open(t, root, graphs.Options{})
	f := function(t, s, graphs.Signature{Feeds: outputs{"x": x, "shape": shape}, Fetches: outputs{"y": y}})
	for _, want := range [][]int{{3, 2}, {2, 3}, {6, 1}} {
		out, err := f.RunValues(t.Context(), values{"x": graphs.Of(make([]float32, 6)), "shape": graphs.Of([]int32{int32(want[0]), int32(want[1])})})
		if err != nil || !slices.Equal(out["y"].Shape, want) {
			t.Errorf("got %v, %v, want %v", out["y"].Shape, err, want)
		}
	}
}
