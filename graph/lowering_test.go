package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"tfcnn/graph"
)

// Each field of a layer becomes the operation's field of the same name: all numbers of
// a layer here differ, and none is a default. A second list has the values of zero
// fields.
func TestLayersLower(t *testing.T) {
	size, strides, dilations := graph.Size{Height: 2, Width: 3}, graph.Size{Height: 4, Width: 5}, graph.Size{Height: 6, Width: 7}
	explicit := graph.Explicit(2, 1, 4, 3)
	for _, tt := range []struct {
		layer graph.Layer
		want  string // operation, weights and output of each step
	}{
		{
			graph.Conv2D{Filters: 6, Size: size, Strides: strides, Dilations: dilations, Padding: explicit, Groups: 2},
			"conv2d {Strides:[4 5] Dilations:[6 7] Padding:{Kind:EXPLICIT Top:2 Bottom:1 Left:4 Right:3} Groups:2} filter[2 3 2 6] bias[6] -> [-1 3 3 6]",
		},
		{
			graph.Conv2D{Filters: 5, Size: size, NoBias: true},
			"conv2d {Strides:[1 1] Dilations:[1 1] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0} Groups:1} filter[2 3 4 5] -> [-1 14 18 5]",
		},
		{
			graph.Conv2DTranspose{Filters: 6, Size: size, Strides: strides, Dilations: dilations, Padding: explicit, Groups: 2},
			"conv2d_transpose {Strides:[4 5] Dilations:[6 7] Padding:{Kind:EXPLICIT Top:2 Bottom:1 Left:4 Right:3} Groups:2 OutputSize:[60 103]} filter[2 3 3 4] bias[6] -> [-1 60 103 6]",
		},
		{
			graph.Conv2DTranspose{Filters: 5, Size: size, Strides: graph.Size{Height: 2, Width: 1}, Padding: graph.Same},
			"conv2d_transpose {Strides:[2 1] Dilations:[1 1] Padding:{Kind:SAME Top:0 Bottom:0 Left:0 Right:0} Groups:1 OutputSize:[30 20]} filter[2 3 5 4] bias[5] -> [-1 30 20 5]",
		},
		{
			graph.Conv2DTranspose{Filters: 5, Size: size, Strides: graph.Size{Height: 2, Width: 3}, OutputSize: graph.Size{Height: 31, Width: 62}},
			"conv2d_transpose {Strides:[2 3] Dilations:[1 1] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0} Groups:1 OutputSize:[31 62]} filter[2 3 5 4] bias[5] -> [-1 31 62 5]",
		},
		{
			graph.DepthwiseConv2D{Multiplier: 8, Size: size, Strides: strides, Padding: explicit},
			"depthwise_conv2d {Strides:[4 5] Dilations:[1 1] Padding:{Kind:EXPLICIT Top:2 Bottom:1 Left:4 Right:3}} filter[2 3 4 8] bias[32] -> [-1 5 5 32]",
		},
		{
			graph.DepthwiseConv2D{Size: size, Dilations: dilations},
			"depthwise_conv2d {Strides:[1 1] Dilations:[6 7] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0}} filter[2 3 4 1] bias[4] -> [-1 9 6 4]",
		},
		{
			graph.SeparableConv2D{Filters: 9, Multiplier: 2, Size: size, Strides: strides, Padding: explicit},
			"depthwise_conv2d {Strides:[4 5] Dilations:[1 1] Padding:{Kind:EXPLICIT Top:2 Bottom:1 Left:4 Right:3}} depthwise_filter[2 3 4 2] -> [-1 5 5 8]; " +
				"conv2d {Strides:[1 1] Dilations:[1 1] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0} Groups:1} pointwise_filter[1 1 8 9] bias[9] -> [-1 5 5 9]",
		},
		{
			graph.MaxPool{Size: graph.Size{Height: 6, Width: 7}, Strides: strides, Padding: explicit},
			"max_pool {Size:[6 7] Strides:[4 5] Padding:{Kind:EXPLICIT Top:2 Bottom:1 Left:4 Right:3}} -> [-1 4 5 4]",
		},
		{
			graph.AvgPool{Size: size},
			"avg_pool {Size:[2 3] Strides:[2 3] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0}} -> [-1 7 6 4]",
		},
		{graph.GlobalMaxPool{}, "max_pool {Size:[15 20] Strides:[15 20] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0}} -> [-1 1 1 4]; flatten {} -> [-1 4]"},
		{graph.GlobalAvgPool{}, "avg_pool {Size:[15 20] Strides:[15 20] Padding:{Kind:VALID Top:0 Bottom:0 Left:0 Right:0}} -> [-1 1 1 4]; flatten {} -> [-1 4]"},
		{graph.ZeroPad{Top: 1, Bottom: 2, Left: 3, Right: 4}, "pad {Top:1 Bottom:2 Left:3 Right:4} -> [-1 18 27 4]"},
		{graph.UpSample{Size: size}, "resize {Size:[30 60] Method:nearest} -> [-1 30 60 4]"},
		{graph.Resize{Size: size}, "resize {Size:[2 3] Method:bilinear} -> [-1 2 3 4]"},
		{graph.LRN{DepthRadius: 2, Bias: 3, Alpha: 4, Beta: 5}, "lrn {DepthRadius:2 Bias:3 Alpha:4 Beta:5} -> [-1 15 20 4]"},
		{graph.LRN{}, "lrn {DepthRadius:5 Bias:1 Alpha:1 Beta:0.5} -> [-1 15 20 4]"},
		{graph.BatchNorm{Epsilon: 0.5}, "batch_norm {Epsilon:0.5} scale[4] offset[4] mean[4] variance[4] -> [-1 15 20 4]"},
		{graph.BatchNorm{}, "batch_norm {Epsilon:0.001} scale[4] offset[4] mean[4] variance[4] -> [-1 15 20 4]"},
		{graph.ScaleShift{Scale: []float32{2}, Shift: []float32{3}}, "scale_shift {Scale:[2] Shift:[3]} -> [-1 15 20 4]"},
	} {
		net := graph.Network{Input: graph.Input{Height: 15, Width: 20, Channels: 4}, Layers: []graph.Layer{tt.layer}}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Errorf("%+v: %v", tt.layer, err)
			continue
		}
		var steps []string
		for _, step := range lowered.Program.Steps {
			text := strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf("%s %+v", step.Op.Kind(), step.Op), "{Pool:", ""), "}}}", "}}")
			for _, w := range step.Weights {
				_, name, _ := strings.Cut(w.Name, "/")
				text += fmt.Sprint(" ", name, w.Shape)
			}
			steps = append(steps, text+fmt.Sprint(" -> ", step.Shape))
		}
		if got := strings.Join(steps, "; "); got != tt.want {
			t.Errorf("%+v: got\n%s, want\n%s", tt.layer, got, tt.want)
		}
	}
}

// Every layer with an activation refuses an unknown one.
func TestLayersRefuseActivations(t *testing.T) {
	size := graph.Square(1)
	for _, layer := range []graph.Layer{
		graph.Conv2D{Filters: 1, Size: size, Activation: "none"},
		graph.Conv2DTranspose{Filters: 1, Size: size, Activation: "none"},
		graph.DepthwiseConv2D{Size: size, Activation: "none"},
		graph.SeparableConv2D{Filters: 1, Size: size, Activation: "none"},
		graph.BatchNorm{Activation: "none"},
		graph.Dense{Units: 1, Activation: "none"},
		graph.Add{From: []string{graph.InputName, graph.InputName}, Activation: "none"},
	} {
		net := graph.Network{Input: graph.Input{Height: 1, Width: 1, Channels: 1}, Layers: []graph.Layer{layer}}
		if _, is := layer.(graph.Dense); is {
			net.Layers = []graph.Layer{graph.Flatten{}, layer}
		}
		if _, err := graph.Lower(net); err == nil || !strings.Contains(err.Error(), `"none"`) {
			t.Errorf("%T: got %v, want an error that names the activation", layer, err)
		}
	}
}
