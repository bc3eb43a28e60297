package graphs_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/session/graphs"
)

// FuzzRun feeds values of any type, shape and size to nodes that take any shape. A run
// gives an error or right numbers; it never ends the process.
func FuzzRun(f *testing.F) {
	root := tfgo.NewRoot()
	of := func(kind tf.DataType) tf.Output { return op.Placeholder(root.SubScope("feed"), kind) }
	kinds := []tf.DataType{
		tf.Float, tf.Double, tf.Half, tf.Bfloat16, tf.Int8, tf.Int16, tf.Int32, tf.Int64, tf.Uint8, tf.Uint16, tf.Uint32,
		tf.Uint64, tf.Bool, tf.Complex64, tf.Complex128, tf.String,
	}
	var feeds, fetches []tf.Output
	for _, kind := range kinds {
		x := of(kind)
		feeds, fetches = append(feeds, x), append(fetches, op.Identity(root.SubScope("same"), x))
	}
	same := len(kinds) // the results of these are what was fed
	x := of(tf.Float)
	for _, y := range []tf.Output{
		op.MaxPool(root, x, []int64{1, 3, 3, 1}, []int64{1, 2, 2, 1}, "VALID"),
		op.AvgPool(root, x, []int64{1, 3, 3, 1}, []int64{1, 1, 1, 1}, "SAME"),
		op.Conv2D(root, x, op.Const(root.SubScope("filter"), [][][][]float32{{{{1}, {2}}}}), []int64{1, 1, 1, 1}, "SAME"),
		op.LRN(root, x),
		op.BiasAdd(root, x, op.Const(root.SubScope("bias"), []float32{1, 2, 3})),
		op.Softmax(root, x),
		op.Reshape(root, x, op.Const(root.SubScope("shape"), []int32{-1, 2})),
		op.Transpose(root, x, op.Const(root.SubScope("axes"), []int32{1, 0})),
	} {
		feeds, fetches = append(feeds, x), append(fetches, y)
	}
	s, err := graphs.Open(root, graphs.Options{Device: "cpu"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	var functions []*graphs.Function
	for i := range feeds {
		function, err := s.Function(graphs.Signature{Feeds: outputs{"x": feeds[i]}, Fetches: outputs{"y": fetches[i]}})
		if err != nil {
			f.Fatal(err)
		}
		functions = append(functions, function)
	}
	f.Add(uint8(0), uint8(0), []byte{2, 3}, make([]byte, 24))
	f.Add(uint8(12), uint8(12), []byte{3}, []byte{0, 1, 1})
	f.Add(uint8(15), uint8(15), []byte{}, []byte("text"))
	f.Add(uint8(16), uint8(0), []byte{1, 2, 2, 1}, make([]byte, 16))
	f.Add(uint8(18), uint8(0), []byte{0, 4, 4, 2}, []byte{})
	f.Add(uint8(22), uint8(0), []byte{3}, make([]byte, 12))
	f.Fuzz(func(t *testing.T, which, kind uint8, sizes, data []byte) {
		i := int(which) % len(functions)
		v := graphs.Value{Type: kinds[int(kind)%len(kinds)], Data: data}
		if int(which)%2 == 0 && i >= same {
			v.Type = tf.Float
		}
		for _, n := range sizes {
			size := int(int8(n))
			if size == -128 {
				size = 1 << 40
			}
			v.Shape = append(v.Shape, size)
		}
		fed := graphs.Value{Type: v.Type, Shape: slices.Clone(v.Shape), Data: bytes.Clone(v.Data)}
		out, err := functions[i].RunValues(context.Background(), map[string]graphs.Value{"x": v})
		if v.Type != fed.Type || !slices.Equal(v.Shape, fed.Shape) || !bytes.Equal(v.Data, fed.Data) {
			t.Fatal("the feed was changed")
		}
		if err != nil {
			return
		}
		if y := out["y"]; i < same && (y.Type != v.Type || !slices.Equal(y.Shape, v.Shape) || !bytes.Equal(y.Data, v.Data)) {
			t.Errorf("fed %+v, got %+v", v, y)
		}
	})
}
