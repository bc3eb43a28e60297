package node_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
	"tfcnn/internal/nodes"
)

// drawnWindow is a window of an image of any size, which may not fit it.
type drawnWindow struct {
	image, size, strides, dilations [2]int
	padding                         ir.Padding
}

func drawWindow(random *rand.Rand) drawnWindow {
	pair := func(most int) [2]int { return [2]int{1 + random.IntN(most), 1 + random.IntN(most)} }
	w := drawnWindow{image: pair(40), size: pair(11), strides: pair(5), dilations: [2]int{1, 1}}
	if random.IntN(2) == 0 {
		w.dilations = pair(4)
	}
	w.padding.Kind = ir.PaddingKind(random.IntN(3))
	if w.padding.Kind == ir.Explicit {
		w.padding.Top, w.padding.Bottom, w.padding.Left, w.padding.Right = random.IntN(6), random.IntN(6), random.IntN(6), random.IntN(6)
	}
	return w
}

func around(pair [2]int) []int64 { return []int64{1, int64(pair[0]), int64(pair[1]), 1} }

func (w drawnWindow) sides() []int64 {
	p := w.padding
	return []int64{0, 0, int64(p.Top), int64(p.Bottom), int64(p.Left), int64(p.Right), 0, 0}
}

// convolution adds TensorFlow's Conv2D with the window as it was drawn.
func (w drawnWindow) convolution(s *op.Scope, x, filter tf.Output) tf.Output {
	attributes := []op.Conv2DAttr{op.Conv2DDilations(around(w.dilations))}
	if w.padding.Kind == ir.Explicit {
		attributes = append(attributes, op.Conv2DExplicitPaddings(w.sides()))
	}
	return op.Conv2D(s, x, filter, around(w.strides), w.padding.Kind.String(), attributes...)
}

// maxPool adds TensorFlow's MaxPool with the window as it was drawn.
func (w drawnWindow) maxPool(s *op.Scope, x tf.Output) tf.Output {
	var attributes []op.MaxPoolAttr
	if w.padding.Kind == ir.Explicit {
		attributes = append(attributes, op.MaxPoolExplicitPaddings(w.sides()))
	}
	return op.MaxPool(s, x, around(w.size), around(w.strides), w.padding.Kind.String(), attributes...)
}

func wide(shape []int) []int64 {
	list := make([]int64, len(shape))
	for i, n := range shape {
		list[i] = int64(n)
	}
	return list
}

// inferred returns the shape that TensorFlow infers for a node.
func inferred(t *testing.T, y tf.Output) []int64 {
	t.Helper()
	shape, err := y.Shape().ToSlice()
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

// windowed is an operation with a drawn window, and TensorFlow's node of the very same
// attributes, which no code of this module lowers. The node's shape is that of the
// operation's output; of a transpose, whose own output TensorFlow is told, the node is
// the convolution forward, and its shape is that of the operation's input.
type windowed struct {
	op      ir.Op
	shapes  [][]int
	node    func(*op.Scope) tf.Output
	forward bool
}

// windowedOperations are the operations that slide a window, with one that was drawn.
func windowedOperations(random *rand.Rand, w drawnWindow) []windowed {
	n, groups, depth, each := 1+random.IntN(3), 1+random.IntN(3), 1+random.IntN(4), 1+random.IntN(3)
	image := func(channels int) []int { return []int{n, w.image[0], w.image[1], channels} }
	kernel := func(in, out int) []int { return []int{w.size[0], w.size[1], in, out} }
	conv := func(x, filter []int) func(*op.Scope) tf.Output {
		return func(s *op.Scope) tf.Output {
			return w.convolution(s, placeholder(s, wide(x)...), placeholder(s.SubScope("filter"), wide(filter)...))
		}
	}
	pool := func(s *op.Scope) tf.Output { return w.maxPool(s, placeholder(s, wide(image(depth))...)) }
	x, filter := image(groups*depth), kernel(depth, groups*each)
	undilated := ir.Pool{Size: w.size, Strides: w.strides, Padding: w.padding}
	list := []windowed{
		{op: ir.Conv2D{Strides: w.strides, Dilations: w.dilations, Padding: w.padding, Groups: groups}, shapes: [][]int{x, filter}, node: conv(x, filter)},
		{op: ir.DepthwiseConv2D{Strides: w.strides, Dilations: w.dilations, Padding: w.padding}, shapes: [][]int{image(depth), kernel(depth, each)}, node: conv(image(depth), kernel(1, depth*each))},
		{op: ir.MaxPool{Pool: undilated}, shapes: [][]int{image(depth)}, node: pool},
		{op: ir.AvgPool{Pool: undilated}, shapes: [][]int{image(depth)}, node: pool},
	}
	if y, err := list[0].op.Shape(list[0].shapes...); err == nil {
		transpose := ir.Conv2DTranspose{Strides: w.strides, Dilations: w.dilations, Padding: w.padding, Groups: groups, OutputSize: w.image}
		list = append(list, windowed{op: transpose, shapes: [][]int{y, filter}, node: conv(x, filter), forward: true})
	}
	return list
}

// For windows of all kinds the shape of package ir is the one that TensorFlow's own
// shape inference has, for its node of the same attributes and for the nodes that an
// operation is lowered to, with oneDNN and without.
func TestWindowsAgainstShapeInference(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 15))
	counts := map[string]int{}
	root := tfgo.NewRoot()
	for i := range 400 {
		w := drawWindow(random)
		for _, o := range windowedOperations(random, w) {
			want, err := o.op.Shape(o.shapes...)
			if err != nil {
				continue // a window that does not fit
			}
			name := fmt.Sprintf("%s%d", o.op.Kind(), i)
			counts[fmt.Sprint(o.op.Kind(), " ", w.padding.Kind)]++
			y := o.node(root.SubScope(name))
			if err := root.Err(); err != nil {
				t.Fatalf("%s %+v of %v: %v", o.op.Kind(), o.op, o.shapes, err)
			}
			compared := want
			if o.forward {
				compared = o.shapes[0]
			}
			if got := inferred(t, y); !slices.Equal(got, wide(compared)) {
				t.Errorf("%s %+v of %v: TensorFlow infers %v, want %v", o.op.Kind(), o.op, o.shapes, got, compared)
			}
			for _, oneDNN := range []bool{false, true} {
				_, outputs, err := nodes.Operation(root.SubScope(fmt.Sprint(name, "lowered", oneDNN)), o.op, oneDNN, o.shapes...)
				if err != nil {
					t.Fatalf("%s %+v of %v: %v", o.op.Kind(), o.op, o.shapes, err)
				}
				for _, y := range outputs {
					if y.Op.Type() == "MaxPoolV2" {
						continue // its window is an operand: nothing is inferred
					}
					if got := inferred(t, y); !slices.Equal(got, wide(want)) {
						t.Errorf("%s %+v of %v, oneDNN %v: TensorFlow infers %v, want %v", o.op.Kind(), o.op, o.shapes, oneDNN, got, want)
					}
				}
			}
		}
	}
	for _, kind := range []string{"conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool", "avg_pool"} {
		for _, padding := range []ir.PaddingKind{ir.Valid, ir.Same, ir.Explicit} {
			if n := counts[fmt.Sprint(kind, " ", padding)]; n < 30 {
				t.Errorf("%s with padding %v: %d windows, want 30 and more", kind, padding, n)
			}
		}
	}
}
