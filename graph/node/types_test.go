package node_test

import (
	"fmt"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
)

// In float16 and bfloat16, a layer of small whole numbers gives the numbers that it gives
// in float32: each of them has both types. Constants of a layer that are no weights are
// cast to the type too.
func TestWholeNumbersInEveryType(t *testing.T) {
	explicit := graph.Explicit(1, 0, 0, 1)
	for _, layer := range []graph.Layer{
		graph.ScaleShift{Name: "l", Scale: []float32{0.5}, Shift: []float32{3}},
		graph.ScaleShift{Name: "l", Scale: []float32{2, -1}},
		graph.ScaleShift{Name: "l", Shift: []float32{-0.5, 4}},
		graph.ScaleShift{Name: "l"},
		graph.ZeroPad{Name: "l", Top: 1, Right: 2},
		graph.Resize{Name: "l", Size: graph.Square(8)},
		graph.UpSample{Name: "l", Size: graph.Square(2)},
		graph.ReLU{Name: "l"},
		graph.ReLU6{Name: "l"},
		graph.LeakyReLU{Name: "l", Alpha: 0.5},
		graph.Flatten{Name: "l"},
		graph.Dropout{Name: "l", Rate: 0.5},
		graph.MaxPool{Name: "l", Size: graph.Square(2)},
		graph.MaxPool{Name: "l", Size: graph.Square(2), Padding: explicit},
		graph.AvgPool{Name: "l", Size: graph.Square(2)},
		graph.AvgPool{Name: "l", Size: graph.Square(2), Strides: graph.Square(1), Padding: explicit},
		graph.GlobalMaxPool{Name: "l"},
		graph.GlobalAvgPool{Name: "l"},
		graph.Add{Name: "l", From: []string{graph.InputName, graph.InputName}},
		graph.Concat{Name: "l", From: []string{graph.InputName, graph.InputName}},
		graph.Conv2D{Name: "l", Filters: 2, Size: graph.Square(2)},
		graph.Conv2D{Name: "l", Filters: 2, Size: graph.Square(2), Groups: 2, Dilations: graph.Square(2), Padding: graph.Same},
		graph.DepthwiseConv2D{Name: "l", Size: graph.Square(2)},
		graph.SeparableConv2D{Name: "l", Filters: 2, Size: graph.Square(2)},
		graph.Conv2DTranspose{Name: "l", Filters: 2, Size: graph.Square(2), Strides: graph.Square(2)},
	} {
		net := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 2}, Layers: []graph.Layer{layer}}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatal(err)
		}
		weights := net.InitialWeights(1)
		for name, w := range weights {
			for i := range w.Data {
				w.Data[i] = float32(i%3) - 1
			}
			weights[name] = w
		}
		x := filled(2, 4, 4, 2)
		for i := range x.Data {
			x.Data[i] = float32(i*5%13) - 6
		}
		var want tensor.Tensor
		for _, dtype := range []tf.DataType{tf.Float, tf.Half, tf.Bfloat16} {
			root := tfgo.NewRoot()
			built, err := node.Build(root, lowered, weights, node.Options{Type: dtype})
			if err != nil {
				t.Errorf("%T of type %v: %v", layer, dtype, err)
				continue
			}
			got := run(t, root, built.Steps[len(built.Steps)-1], built.Input, x)
			if dtype == tf.Float {
				want = got
				continue
			}
			if same, at := tensor.Equal(got, want); !same {
				t.Errorf("%T of type %v: %v at %d, want %v", layer, dtype, fmt.Sprint(got.Data[at:min(at+4, len(got.Data))]), at, want.Data[at:min(at+4, len(want.Data))])
			}
		}
	}
}
