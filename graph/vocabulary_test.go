package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/plan"
)

func planOf(t *testing.T, in graph.Input, layers ...graph.Layer) plan.Plan {
	t.Helper()
	p, err := plan.Of(graph.Network{Input: in, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Shapes, weights and multiplications of each layer, worked out by hand.
func TestLayers(t *testing.T) {
	in := graph.Input{Height: 9, Width: 8, Channels: 6}
	for _, tt := range []struct {
		layer graph.Layer
		want  string // output, parameters, statistics, multiplications
	}{
		{graph.DepthwiseConv2D{Size: graph.Square(3)}, "[7 6 6] 60 0 2268"},
		{graph.DepthwiseConv2D{Size: graph.Square(3), Multiplier: 2, NoBias: true, Padding: graph.Same, Strides: graph.Square(2)}, "[5 4 12] 108 0 2160"},
		{graph.SeparableConv2D{Size: graph.Square(3), Filters: 4, Padding: graph.Same}, fmt.Sprint("[9 8 4] ", 54+24+4, " 0 ", 72*54+72*24)},
		{graph.Conv2DTranspose{Size: graph.Square(3), Filters: 5, Strides: graph.Square(2), Padding: graph.Same}, fmt.Sprint("[18 16 5] ", 9*5*6+5, " 0 ", 72*6*9*5)},
		{graph.Conv2DTranspose{Size: graph.Square(3), Filters: 4, Strides: graph.Square(2), Groups: 2}, fmt.Sprint("[19 17 4] ", 9*2*6+4, " 0 ", 72*6*9*2)},
		{graph.Conv2DTranspose{Size: graph.Square(3), Filters: 1, Strides: graph.Square(2), Padding: graph.Same, OutputSize: graph.Size{Height: 17}}, "[17 16 1] 55 0 3888"},
		{graph.Conv2DTranspose{Size: graph.Square(4), Filters: 1, Strides: graph.Square(2), Padding: graph.Explicit(1, 1, 1, 1), NoBias: true}, "[18 16 1] 96 0 6912"},
		{graph.GlobalMaxPool{}, "[6] 0 0 0"},
		{graph.GlobalAvgPool{}, "[6] 0 0 0"},
		{graph.Flatten{}, "[432] 0 0 0"},
		{graph.BatchNorm{}, "[9 8 6] 12 12 432"},
		{graph.LRN{}, "[9 8 6] 0 0 864"},
		{graph.Dropout{Rate: 0.5}, "[9 8 6] 0 0 0"},
		{graph.ZeroPad{Top: 1, Bottom: 2, Left: 3, Right: 4}, "[12 15 6] 0 0 0"},
		{graph.UpSample{Size: graph.Size{Height: 2, Width: 3}}, "[18 24 6] 0 0 0"},
		{graph.UpSample{Size: graph.Size{Height: 2, Width: 1}}, "[18 8 6] 0 0 0"},
		{graph.Resize{Size: graph.Size{Height: 4, Width: 20}, Method: graph.Nearest}, "[4 20 6] 0 0 0"},
		{graph.ScaleShift{Scale: []float32{2}}, "[9 8 6] 0 0 432"},
		{graph.Softmax{}, "[9 8 6] 0 0 0"},
		{graph.Add{From: []string{"input", "input"}}, "[9 8 6] 0 0 0"},
		{graph.Concat{From: []string{"input", "input", ""}}, "[9 8 18] 0 0 0"},
	} {
		p := planOf(t, in, tt.layer)
		l := p.Layers[0]
		if got := fmt.Sprint(l.Output, l.Parameters, l.Statistics, l.Multiplications); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.layer, got, tt.want)
		}
	}
	if p := planOf(t, in, graph.GlobalAvgPool{}, graph.Dense{Units: 10}); fmt.Sprint(p.Layers[1].Output, p.Parameters, p.Multiplications) != "[10] 70 60" {
		t.Errorf("dense: %+v", p.Layers[1])
	}
}

// Layers that do not fit together are refused, and the error names both.
func TestBothLayersAreNamed(t *testing.T) {
	in := graph.Input{Height: 9, Width: 8, Channels: 3}
	conv := func(name, from string, filters int) graph.Layer {
		return graph.Conv2D{Name: name, From: from, Filters: filters, Size: graph.Square(3)}
	}
	for _, tt := range []struct {
		layers []graph.Layer
		want   string
	}{
		{
			[]graph.Layer{conv("a", "", 4), conv("b", "input", 5), graph.Add{Name: "sum", From: []string{"a", "b"}}},
			`graph: add "sum": input 2 is [?,7,6,5], the first is [?,7,6,4], want one shape; it reads conv2d "a" and conv2d "b"`,
		},
		{
			[]graph.Layer{conv("a", "", 4), graph.MaxPool{Name: "p", Size: graph.Square(2)}, graph.Concat{Name: "c", From: []string{"p", "a"}}},
			`want shapes that differ in the channels alone; it reads max_pool "p" and conv2d "a"`,
		},
		{
			[]graph.Layer{conv("a", "", 4), graph.Dense{Name: "d", Units: 2}},
			`graph: dense "d": input [?,7,6,4] has 4 axes, want 2 (batch, features): flatten it first; it reads conv2d "a"`,
		},
		{
			[]graph.Layer{graph.Flatten{Name: "f"}, conv("a", "", 4)},
			`graph: conv2d "a": input [?,216] has 2 axes, want 4 (batch, height, width, channels); it reads flatten "f"`,
		},
		{
			[]graph.Layer{graph.GlobalAvgPool{Name: "g"}, graph.GlobalMaxPool{Name: "again"}},
			`graph: global_max_pool "again": input has 2 axes, want 4 (batch, height, width, channels); it reads global_avg_pool "g"`,
		},
		{
			[]graph.Layer{conv("a", "", 4), graph.SwapRGB{Name: "bgr"}},
			`graph: swap_rgb "bgr": input has 4 channels, want 3; it reads conv2d "a"`,
		},
		{
			[]graph.Layer{conv("a", "c", 4), conv("b", "", 4), conv("c", "", 4)},
			`graph: conv2d "a": reads conv2d "c", which reads it in turn, a cycle: a reads c reads b reads a`,
		},
		{
			[]graph.Layer{conv("a", "", 4), conv("b", "c", 4), conv("c", "a", 4)},
			`graph: conv2d "b": reads conv2d "c", which comes after it`,
		},
		{
			[]graph.Layer{conv("a", "", 4), graph.Add{From: []string{"a"}}},
			`graph: add "add1": reads 1 layers, want two or more in from`,
		},
		{
			[]graph.Layer{conv("a", "", 4), graph.Conv2DTranspose{Name: "up", Filters: 2, Size: graph.Square(3), Strides: graph.Square(2), OutputSize: graph.Square(20)}},
			`graph: conv2d_transpose "up": input is 7×6, a convolution from the output 20×20 makes 9×9; it reads conv2d "a"`,
		},
		{[]graph.Layer{graph.Dropout{Rate: 1}}, `graph: dropout "dropout1": rate is 1, want a number above 0 and below 1`},
		{[]graph.Layer{graph.UpSample{}}, `size is 0×0, want factors of 1 to 65536`},
		{[]graph.Layer{graph.Resize{Size: graph.Square(3), Method: "cubic"}}, `method is "cubic", want "nearest" or "bilinear"`},
		{[]graph.Layer{graph.LeakyReLU{Alpha: 2}}, `alpha is 2, want a number up to 1`},
		{[]graph.Layer{graph.LRN{Bias: -1}}, `bias is -1, want a number above 0`},
		{[]graph.Layer{graph.Dense{Units: 3, Initializer: graph.Initializer{Kind: "he"}}}, `initializer "he" is not known`},
		{[]graph.Layer{graph.Flatten{}, graph.Dense{}}, `units is 0, want 1 or more`},
	} {
		_, err := plan.Of(graph.Network{Input: in, Layers: tt.layers})
		var typed *graph.Error
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &typed) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}
