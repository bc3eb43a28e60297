package graph_test

import (
	"testing"

	"tfcnn/graph"
)

func TestSummary(t *testing.T) {
	for _, tt := range []struct {
		layer graph.Layer
		want  string
	}{
		{graph.Conv2D{Name: "c", From: "b", Filters: 6, Size: graph.Square(5), Initializer: graph.Initializer{Kind: graph.Zeros}}, "5×5"},
		{graph.Conv2D{Filters: 6, Size: graph.Size{Height: 5, Width: 1}, Strides: graph.Square(2), Dilations: graph.Size{Height: 2, Width: 3}, Padding: graph.Same, Groups: 2, NoBias: true, Activation: graph.ReLUActivation}, "5×1, stride 2, dilation 2×3, SAME, 2 groups, no bias, relu"},
		{graph.MaxPool{Size: graph.Square(3), Strides: graph.Size{Width: 1}, Padding: graph.Explicit(1, 1, 1, 1)}, "3×3, stride 1 across, padding 1"},
		{graph.AvgPool{Size: graph.Square(3), Strides: graph.Size{Height: 4}, Padding: graph.Explicit(0, 1, 0, 1)}, "3×3, stride 4 down, padding [[0,1],[0,1]]"},
		{graph.LRN{DepthRadius: 2, Bias: 2, Alpha: 1e-4, Beta: 0.75}, "depth radius 2, bias 2, alpha 0.0001, beta 0.75"},
		{graph.ZeroPad{Left: 2}, "padding [[0,0],[2,0]]"},
		{graph.ScaleShift{Scale: []float32{0.5}, Shift: []float32{1, 2, 3, 4}}, "scale [0.5], shift of 4 numbers"},
		{graph.UpSample{Size: graph.Square(2), Method: graph.Bilinear}, "2×2, bilinear"},
		{graph.Dense{Units: 7, Activation: graph.TanhActivation}, "tanh"},
		{graph.DepthwiseConv2D{Size: graph.Square(3), Multiplier: 2}, "multiplier 2, 3×3"},
		{graph.Add{From: []string{"a", "b"}}, ""},
		{nil, ""},
	} {
		if got := graph.Summary(tt.layer); got != tt.want {
			t.Errorf("%T: got %q, want %q", tt.layer, got, tt.want)
		}
	}
}
