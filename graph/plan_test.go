package graph_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
)

func load(t *testing.T, name string) graph.Network {
	t.Helper()
	n, err := nets.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Published: VGG16's last pool sees 212 pixels, ResNet-18's last convolution
// 435, AlexNet's last pool 195, MobileNet's last convolution 315 (Araujo,
// Norris and Sim 2019, table 1).
func TestReceptiveFieldsPublished(t *testing.T) {
	for _, tt := range []struct {
		net, layer   string
		size, stride float64
	}{
		{"alexnet", "pool5", 195, 32},
		{"vgg16", "block5_pool", 212, 32},
		{"resnet18", "layer4.1.conv2", 435, 32},
		{"resnet18", "layer2.0.add", 67, 8}, // the longer branch; the short one sees 43
		{"mobilenet", "conv_pw_13", 315, 32},
		{"lenet5", "c5", 32, 4}, // the whole image
	} {
		plan, err := load(t, tt.net).Plan()
		if err != nil {
			t.Fatal(err)
		}
		layer, _ := plan.Layer(tt.layer)
		if want := (graph.ReceptiveField{Height: tt.size, Width: tt.size, VerticalStride: tt.stride, HorizontalStride: tt.stride}); layer.ReceptiveField != want {
			t.Errorf("%s, %s sees %v, want %v", tt.net, tt.layer, layer.ReceptiveField, want)
		}
	}
}

func TestReceptiveFields(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 12, Width: 16, Channels: 2},
		Layers: []graph.Layer{
			// Reaches 5 rows with gaps, and 3 columns.
			graph.Conv2D{Name: "a", Filters: 2, Size: graph.Square(3), Dilations: graph.Size{Height: 2}, Strides: graph.Size{Width: 2}, Padding: graph.Same},
			// Of 4×4 taps with stride 2 a number has 2×2 inputs behind it: one
			// more of a's numbers, 1 row and 2 columns on.
			graph.Conv2DTranspose{Name: "b", Filters: 2, Size: graph.Square(4), Strides: graph.Square(2), Padding: graph.Same},
			// Two of b's numbers a row, half a row and a column apart.
			graph.Resize{Name: "c", From: "b", Size: graph.Size{Height: 48, Width: 16}},
			graph.UpSample{Name: "d", From: "b", Size: graph.Square(2)},
			graph.GlobalMaxPool{Name: "e", From: "a"},
			graph.Dense{Name: "f", From: "e", Units: 3},
			graph.Flatten{Name: "g", From: "a"},
			graph.Softmax{Name: "h", From: "g"},
			// Of 3×5 taps with stride 2 a number has at most 2×3 inputs behind it.
			graph.Conv2DTranspose{Name: "i", From: "a", Filters: 2, Size: graph.Size{Height: 3, Width: 5}, Strides: graph.Square(2)},
		},
	}
	plan, err := net.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"5×3/1×2", "6×5/0.5×1", "6.5×5/0.25×1", "6×5/0.25×0.5",
		"16×17/12×16", // 12 rows 1 apart, 8 columns 2 apart
		"16×17/12×16", // of one number
		"5×3/1×2", "16×17/1×2",
		"6×7/0.5×1", // 1 row and 2 times 2 columns more
	} {
		if got := plan.Layers[i].ReceptiveField.String(); got != want {
			t.Errorf("%s sees %s, want %s", plan.Layers[i].Name, got, want)
		}
	}
}

// LeNet-5 by hand: 32×32 → c1 28×28×6 → 14×14×6 → c3 10×10×16 → 5×5×16 = 400
// → 120 → 84 → 10.
func TestLeNetByHand(t *testing.T) {
	plan, err := load(t, "lenet5").Plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                                 string
		parameters, dense, macs, activations int64
		inPlace                              bool
	}{
		{"c1", 6*25 + 6, 1024*4704 + 4704, 4704 * 25, 4704, false},
		{"s2", 0, 4704*1176 + 1176, 0, 1176, false},
		{"c3", 16*6*25 + 16, 1176*1600 + 1600, 1600 * 150, 1600, false},
		{"s4", 0, 1600*400 + 400, 0, 400, false},
		{"flatten", 0, 400*400 + 400, 0, 400, true},
		{"c5", 48120, 48120, 48000, 120, false},
		{"f6", 10164, 10164, 10080, 84, false},
		{"output", 850, 850, 840, 10, false},
		{"softmax", 0, 110, 0, 10, true},
	} {
		l, _ := plan.Layer(tt.name)
		if l.Parameters != tt.parameters || l.Dense != tt.dense || l.Multiplications != tt.macs || l.Activations != tt.activations || l.InPlace != tt.inPlace {
			t.Errorf("%+v, want %+v", l, tt)
		}
	}
	if plan.Parameters != 61706 || plan.MACs() != 416520 {
		t.Error(plan.Parameters, plan.MACs())
	}
}

// The costs of absurd networks are counted or refused, and never wrap around.
func TestPlanCounts(t *testing.T) {
	absurd := graph.Network{Input: graph.Input{Height: 10000, Width: 10000, Channels: 8}}
	for range 60 { // each 1.6·10¹⁷ multiplications
		absurd.Layers = append(absurd.Layers, graph.Conv2D{Filters: 8, Size: graph.Square(5000), Padding: graph.Same, NoBias: true})
	}
	_, err := absurd.Plan()
	var refused *graph.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "9,223,372,036,854,775,807") {
		t.Errorf("60 layers: %v", err)
	}
	absurd.Layers = absurd.Layers[:50]
	plan, err := absurd.Plan()
	if want := int64(50 * 8e8 * 2e8); err != nil || plan.Multiplications != want {
		t.Errorf("50 layers: %d, want %d, %v", plan.Multiplications, want, err)
	}
	// Nobody reads the second layer: nothing of it is live, and yet its bytes
	// are printed.
	unread := graph.Network{
		Input:   graph.Input{Height: 1, Width: 1, Channels: 1},
		Layers:  []graph.Layer{graph.Conv2D{Name: "a", Filters: 1, Size: graph.Square(1)}, graph.UpSample{Size: graph.Square(40000)}},
		Outputs: []string{"a"},
	}
	for _, tt := range []struct {
		net   graph.Network
		batch int
		fits  bool
	}{
		{load(t, "tutorial"), math.MaxInt64, false},
		{load(t, "tutorial"), math.MaxInt64/4/(45_000+3_000_000) + 1, false},
		{load(t, "tutorial"), math.MaxInt64 / 4 / (45_000 + 3_000_000), true}, // the rest has room for the weights
		{unread, 1 << 40, false},
		{unread, 1 << 28, true},
	} {
		m, err := tt.net.Memory(graph.Workload{Batch: tt.batch})
		if (err == nil) != tt.fits {
			t.Errorf("batch %d: %+v, %v", tt.batch, m.Inference, err)
		}
		if err == nil && m.Refused == "" {
			t.Errorf("batch %d: TensorFlow's kernels take it", tt.batch)
		}
	}
}

// A layer's plan has its window; the window of a separable convolution is its
// depthwise part's.
func TestWindows(t *testing.T) {
	p := plan(t, graph.Input{Height: 9, Width: 8, Channels: 4},
		graph.SeparableConv2D{Filters: 4, Size: graph.Size{Height: 3, Width: 2}, Strides: graph.Square(2), Padding: graph.Explicit(1, 2, 0, 1)},
		graph.Conv2DTranspose{Filters: 4, Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same},
		graph.MaxPool{Size: graph.Square(3)},
		graph.ReLU{}, graph.GlobalAvgPool{}, graph.Dense{Units: 2},
	)
	for i, want := range []*graph.Window{
		{
			Height:  graph.Axis{In: 9, Out: 5, Size: 3, Stride: 2, Dilation: 1, Before: 1, After: 2},
			Width:   graph.Axis{In: 8, Out: 4, Size: 2, Stride: 2, Dilation: 1, After: 1},
			Padding: graph.Explicit(1, 2, 0, 1),
		},
		{
			Height:     graph.Axis{In: 10, Out: 5, Size: 3, Stride: 2, Dilation: 1, After: 1},
			Width:      graph.Axis{In: 8, Out: 4, Size: 3, Stride: 2, Dilation: 1, After: 1},
			Padding:    graph.Same,
			Transposed: true,
		},
		{
			Height: graph.Axis{In: 10, Out: 3, Size: 3, Stride: 3, Dilation: 1},
			Width:  graph.Axis{In: 8, Out: 2, Size: 3, Stride: 3, Dilation: 1},
		},
		nil,
		{
			Height: graph.Axis{In: 3, Out: 1, Size: 3, Stride: 3, Dilation: 1},
			Width:  graph.Axis{In: 2, Out: 1, Size: 2, Stride: 2, Dilation: 1},
		},
		nil,
	} {
		got := p.Layers[i].Window
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("layer %d: window %+v, want %+v", i, got, want)
		}
	}
	if l := p.Layers[0]; l.Padding != (graph.Sides{Top: 1, Bottom: 2, Right: 1}) || l.Unread != (graph.Unread{}) {
		t.Errorf("separable convolution: padding %+v, unread %+v", l.Padding, l.Unread)
	}
	if l := p.Layers[1]; l.Padding != (graph.Sides{}) {
		t.Errorf("transposed convolution: padding %+v, want none of its own", l.Padding)
	}
}
