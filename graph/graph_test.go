package graph_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

// The tutorial's example on scikit-learn's 427×640 images: a stride-2 SAME convolution
// and a 2×2 VALID pool, both of the images; the pool cannot read the odd last row.
func ExampleNetwork_Plan() {
	net := graph.Network{
		Input: graph.Input{Height: 427, Width: 640, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "lines", Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same, NoBias: true},
			graph.MaxPool{From: graph.InputName, Size: graph.Square(2)},
		},
		Outputs: []string{"lines", "max_pool1"},
	}
	plan, err := net.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, layer := range plan.Layers {
		fmt.Println(layer.Name, layer.Input, "→", layer.Output, layer.Parameters, "parameters", layer.Padding, layer.Unread)
	}
	// Output:
	// lines [427 640 3] → [214 320 2] 294 parameters {3 3 2 3} {0 0}
	// max_pool1 [427 640 3] → [213 320 3] 0 parameters {0 0 0 0} {1 0}
}

func ExampleError() {
	net := graph.Network{
		Input: graph.Input{Height: 5, Width: 5, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c1", Filters: 4, Size: graph.Square(3), Groups: 2},
		},
	}
	_, err := net.Plan()
	fmt.Println(err)
	var refused *graph.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Layer)
	}
	// Output:
	// graph: conv2d "c1": input has 3 channels, not a multiple of the 2 groups
	// c1
}

// The tutorial's layer: 5×5, 200 maps, stride 1, SAME, on 150×100 RGB.
func TestTutorialFigures(t *testing.T) {
	plan, err := graph.Network{
		Input:  graph.Input{Height: 100, Width: 150, Channels: 3},
		Layers: []graph.Layer{graph.Conv2D{Filters: 200, Size: graph.Square(5), Padding: graph.Same}},
	}.Plan()
	if err != nil || plan.Parameters != 15_200 || plan.Multiplications != 225_000_000 {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestPlanReadsByName(t *testing.T) {
	plan, err := graph.Network{
		Input: graph.Input{Height: 20, Width: 30, Channels: 4},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 8, Size: graph.Square(3), Groups: 2, Activation: graph.ReLUActivation},
			graph.ReLU{},
			graph.AvgPool{Size: graph.Square(2)},
			graph.Conv2D{From: "relu1", Filters: 1, Size: graph.Square(1), NoBias: true},
			graph.MaxPool{Name: "pool", From: "conv1", Size: graph.Size{Height: 2, Width: 3}, Strides: graph.Size{Width: 1}, Padding: graph.Explicit(1, 0, 2, 2)},
			graph.Conv2D{From: graph.InputName, Filters: 1, Size: graph.Square(3), Dilations: graph.Square(2), Strides: graph.Square(5)},
		},
	}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"conv1 conv2d input [20 30 4] [18 28 8] 152 {0 0 0 0} {0 0}",
		"relu1 relu conv1 [18 28 8] [18 28 8] 0 {0 0 0 0} {0 0}",
		"avg_pool1 avg_pool relu1 [18 28 8] [9 14 8] 0 {0 0 0 0} {0 0}",
		"conv2 conv2d relu1 [18 28 8] [18 28 1] 8 {0 0 0 0} {0 0}",
		"pool max_pool conv1 [18 28 8] [9 30 8] 0 {1 0 2 2} {1 0}",
		"conv3 conv2d input [20 30 4] [4 6 1] 37 {0 0 0 0} {8 12}",
	}
	for i, l := range plan.Layers {
		got := fmt.Sprintln(l.Name, l.Kind, strings.Join(l.From, ","), l.Input, l.Output, l.Parameters, l.Padding, l.Unread)
		if strings.TrimSpace(got) != want[i] {
			t.Errorf("got  %swant %s", got, want[i])
		}
	}
	if layer, found := plan.Layer("pool"); !found || layer.Name != "pool" {
		t.Error("Plan.Layer does not find the pool")
	}
}

func TestRefusals(t *testing.T) {
	net := func(layers ...graph.Layer) graph.Network {
		return graph.Network{Input: graph.Input{Height: 5, Width: 5, Channels: 3}, Layers: layers}
	}
	conv := graph.Conv2D{Name: "c1", Filters: 2, Size: graph.Square(3)}
	with := func(change func(*graph.Conv2D)) graph.Network {
		c := conv
		change(&c)
		return net(c)
	}
	var nothing graph.Layer
	for _, tt := range []struct {
		net  graph.Network
		want string
	}{
		{graph.Network{}, `graph: input's height is 0, want 1 or more`},
		{graph.Network{Input: graph.Input{Height: 1, Width: 1, Channels: -1}}, `graph: input's channels is -1`},
		{graph.Network{Input: graph.Input{Height: 1 << 20, Width: 1 << 20, Channels: 1}, Layers: []graph.Layer{conv}}, `graph: input [1048576,1048576,1] has more than`},
		{net(), `graph: network has no layers`},
		{net(nothing), `graph: layer 0 is <nil>, want a layer value`},
		{net(conv, &graph.ReLU{}), `graph: layer 1 is *graph.ReLU, want a layer value`},
		{net(conv, conv), `graph: conv2d "c1": name is taken by an earlier conv2d layer`},
		{net(graph.ReLU{Name: "conv1"}, graph.Conv2D{Filters: 1, Size: graph.Square(1)}), `graph: conv2d "conv1": name is taken by an earlier relu layer`},
		{net(graph.ReLU{Name: "input"}), `graph: relu "input": name "input" is taken by the network's input`},
		{net(graph.ReLU{Name: "a/b"}), `graph: relu "a/b": name has a character that TensorFlow does not take`},
		{net(graph.ReLU{Name: "_a"}), `graph: relu "_a": name has a character`},
		{net(graph.ReLU{From: "later"}, graph.ReLU{Name: "later"}), `graph: relu "relu1": reads relu "later", which reads it in turn, a cycle: relu1 reads later reads relu1`},
		{net(graph.ReLU{Name: "self", From: "self"}), `graph: relu "self": reads itself, a cycle`},
		{net(conv, graph.ReLU{From: "c2"}), `reads "c2", which is no layer, want one of "c1"`},
		{with(func(c *graph.Conv2D) { c.Filters = 0 }), `graph: conv2d "c1": filter [3,3,3,0]: filters is 0, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Size = graph.Size{} }), `graph: conv2d "c1": filter [0,0,3,2]: height is 0`},
		{with(func(c *graph.Conv2D) { c.Size.Width = -3 }), `width is -3, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Strides.Height = -1 }), `vertical stride is -1, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Dilations.Width = -1 }), `horizontal dilation is -1, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Dilations = graph.Square(3) }), `window spans 7 rows, input has only 5`},
		{with(func(c *graph.Conv2D) { c.Padding = graph.Explicit(0, -1, 0, 0) }), `padding at the bottom is -1`},
		{with(func(c *graph.Conv2D) { c.Padding.Left = 1 }), `padding VALID has explicit sides too`},
		{with(func(c *graph.Conv2D) { c.Padding.Kind = 9 }), `padding kind 9 is none of`},
		{with(func(c *graph.Conv2D) { c.Groups = -1 }), `groups is -1, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Groups = 2 }), `input has 3 channels, not a multiple of the 2 groups`},
		{with(func(c *graph.Conv2D) { c.Groups = 3 }), `2 filters are not a multiple of the 3 groups`},
		{with(func(c *graph.Conv2D) { c.Activation = "rellu" }), `activation "rellu" is not known, want one of "elu"`},
		{with(func(c *graph.Conv2D) { c.Filters = math.MaxInt }), `is 9223372036854775807, want 1 or more`},
		{with(func(c *graph.Conv2D) { c.Filters = 1 << 30 }), `has more than 2147483647 elements`},
		{net(graph.MaxPool{}), `graph: max_pool "max_pool1": vertical window is 0`},
		{net(graph.MaxPool{Size: graph.Square(6)}), `window spans 6 rows, input has only 5`},
		{net(graph.AvgPool{Size: graph.Square(2), Padding: graph.Explicit(2, 0, 0, 0)}), `graph: avg_pool "avg_pool1": padding 2 at the top is not less than the window's 2`},
		{graph.Network{Input: graph.Input{Height: 5, Width: 5, Channels: 3}, Layers: []graph.Layer{conv}, Outputs: []string{"c2"}}, `graph: no layer is named "c2", want one of "c1"`},
		{graph.Network{Input: graph.Input{Height: 5, Width: 5, Channels: 3}, Layers: []graph.Layer{conv}, Outputs: []string{"c1", "c1"}}, `graph: output "c1" is named twice`},
	} {
		_, err := tt.net.Plan()
		var typed *graph.Error
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &typed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestInitialWeights(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 5, Width: 5, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 16, Size: graph.Square(3)},
			graph.Conv2D{Filters: 2, Size: graph.Square(3), NoBias: true},
		},
	}
	weights := net.InitialWeights(1)
	if len(weights) != 3 || weights.Check(net) != nil {
		t.Fatalf("%d tensors, %v", len(weights), weights.Check(net))
	}
	limit := float32(math.Sqrt(6.0 / (9 * (3 + 16))))
	mean := 0.0
	h := fnv.New64a()
	for _, v := range weights["conv1/filter"].Data {
		if v < -limit || v > limit {
			t.Fatalf("%v is beyond Glorot's limit %v", v, limit)
		}
		mean += float64(v) / 432
		fmt.Fprintf(h, "%08x", math.Float32bits(v))
	}
	if math.Abs(mean) > float64(limit)/5 {
		t.Errorf("mean %v of numbers drawn from ±%v", mean, limit)
	}
	// The bits are a promise: the same on every run and machine.
	if got, want := h.Sum64(), uint64(0x771db6a8a5c8f53d); got != want {
		t.Errorf("bits of seed 1 hash to %#x, want %#x", got, want)
	}
	if equal, _ := tensor.Equal(weights["conv1/filter"], net.InitialWeights(2)["conv1/filter"]); equal {
		t.Error("seeds 1 and 2 draw the same")
	}
	net.Layers = net.Layers[:1]
	if equal, _ := tensor.Equal(weights["conv1/filter"], net.InitialWeights(1)["conv1/filter"]); !equal {
		t.Error("a layer's weights depend on the layers after it")
	}
	if err := weights.Check(net); err == nil || err.Error() != `graph: weights do not fit: "conv2/filter" belongs to no layer` {
		t.Error(err)
	}
	if got := (graph.Network{}).InitialWeights(1); got != nil {
		t.Errorf("a network that is refused has weights %v", got)
	}
}
