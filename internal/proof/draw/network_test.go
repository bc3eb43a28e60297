package draw_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// layerTypes are the types of layers that a network's JSON may have.
func layerTypes(t *testing.T) []string {
	t.Helper()
	var schema struct {
		Definitions map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(graph.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	var list []string
	for name, definition := range schema.Definitions {
		if _, layer := definition.Properties["type"]; layer && name != "layer" { // which lists them
			list = append(list, name)
		}
	}
	if len(list) < 25 {
		t.Fatalf("the schema has the layers %v", list)
	}
	return list
}

// Networks are drawn the same each time, come back from their JSON, cost no more than
// they may, and together have every layer, every number of channels, and every window,
// batch and way to run.
func TestDrawNetwork(t *testing.T) {
	const networks = 400
	counts := map[string]int{}
	count := func(what string, value any) { counts[fmt.Sprintf("%s %v", what, value)]++ }
	for i := range networks {
		n := draw.DrawNetwork(7, i)
		text, err := draw.WriteNetworks(n)
		if err != nil {
			t.Fatal(err)
		}
		back, err := draw.ReadNetworks("drawn.json", text)
		if err != nil || len(back) != 1 || !reflect.DeepEqual(back[0], n) {
			t.Fatalf("network %d: %v\n%s", i, err, text)
		}
		if again := draw.DrawNetwork(7, i); !reflect.DeepEqual(again, n) {
			t.Fatalf("network %d: drawn twice\n%+v\n%+v", i, n, again)
		}
		planned, err := plan.Of(n.Network)
		if err != nil || planned.MACs()*int64(n.Images) > 50e6 {
			t.Errorf("network %d: %d multiplications, %v", i, planned.MACs()*int64(n.Images), err)
		}
		count("batch", n.Images)
		count("numbers", n.Numbers)
		count("executor", n.Executor)
		count("threads", n.Threads)
		count("weights", n.Store)
		count("compute", n.Compute)
		count("channels", n.Network.Input.Channels)
		lowered, _ := graph.Lower(n.Network)
		for k, layer := range lowered.Layers {
			count("layer", layer.Kind)
			last := lowered.Program.Steps[layer.Last]
			fields := reflect.ValueOf(n.Network.Layers[k])
			if size, has := fields.Type().FieldByName("Size"); has && layer.Kind != "resize" && layer.Kind != "up_sample" {
				count("window", fields.FieldByIndex(size.Index).Interface().(graph.Size).Width)
			}
			if fields.FieldByName("Filters").IsValid() {
				count("filters", last.Shape[3])
			}
		}
	}
	want := []string{
		"numbers gaussian", "numbers whole", "numbers pixels", "numbers fresh", "executor ", "executor single", "executor parallel",
		"threads 0", "threads 1", "threads 2", "threads 3", "weights ", "weights constants", "weights fed",
		"compute ", "compute bfloat16", "compute float16",
	}
	for _, kind := range layerTypes(t) {
		want = append(want, "layer "+kind)
	}
	for _, channels := range []int{1, 3, 8, 16, 17, 24, 32, 64, 65, 256} {
		want = append(want, fmt.Sprint("channels ", channels), fmt.Sprint("filters ", channels))
	}
	for _, size := range []int{1, 2, 3, 4, 5, 7, 11} {
		want = append(want, fmt.Sprint("window ", size))
	}
	for _, images := range []int{1, 2, 3, 4, 8, 16} {
		want = append(want, fmt.Sprint("batch ", images))
	}
	for _, what := range want {
		if counts[what] < 4 {
			t.Errorf("%d networks have %q %d times", networks, what, counts[what])
		}
	}
}

// Weights and images are those of the seed alone, of the kind that the network names,
// and no variance is negative.
func TestNetworkNumbers(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 5, Width: 4, Channels: 2},
		Layers: []graph.Layer{graph.Conv2D{Name: "c", Filters: 300, Size: graph.Square(1)}, graph.BatchNorm{Name: "n"}},
	}
	for kind, whole := range map[draw.Numbers]bool{draw.Gaussian: false, draw.Whole: true, draw.Pixels: false} {
		n := draw.Network{Network: net, Seed: 5, Images: 3, Numbers: kind}
		weights, err := n.Weights()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := n.Weights()
		n.Seed = 6
		other, _ := n.Weights()
		for name, w := range weights {
			if !slices.Equal(w.Data, again[name].Data) || slices.Equal(w.Data, other[name].Data) {
				t.Errorf("%s: %s is not the seed's", kind, name)
			}
			variance := name == "n/variance"
			if least := slices.Min(w.Data); variance != (least > 0) {
				t.Errorf("%s: the least number of %s is %v", kind, name, least)
			}
			if !variance && wholeNumbers(w.Data) != whole {
				t.Errorf("%s: %s has %v", kind, name, w.Data[:3])
			}
		}
		input := n.Input()
		if !slices.Equal(input.Shape, []int{3, 5, 4, 2}) || wholeNumbers(input.Data) != (kind != draw.Gaussian) {
			t.Errorf("%s: input %v %v", kind, input.Shape, input.Data[:3])
		}
		if least, most := slices.Min(input.Data), slices.Max(input.Data); kind == draw.Pixels && (least < 0 || most > 255 || most < 128) {
			t.Errorf("pixels from %v to %v", least, most)
		}
	}
}

func wholeNumbers(data []float32) bool {
	return !slices.ContainsFunc(data, func(x float32) bool { return x != float32(int(x)) })
}

func TestReadNetworksRefuses(t *testing.T) {
	const net = `"network":{"input":{"height":2,"width":2,"channels":1},"layers":[{"type":"relu"}]}`
	for text, want := range map[string]string{
		`{}`:                 `no networks, want {"networks": [ … ]}`,
		`{"networks":[}`:     "not JSON",
		`{"nets":[]}`:        "unknown field",
		`{"networks":[{}]} `: "network 1: images is 0, want 1 to 1024",
		`{"networks":[{` + net + `,"images":1,"numbers":"big"}]}`:                                 `network 1: numbers is "big", want one of`,
		`{"networks":[{` + net + `,"images":1,"numbers":"whole","threads":-1}]}`:                  "network 1: threads is -1, want 0 to 256",
		`{"networks":[{"network":{"layers":[]},"images":1,"numbers":"whole"}]}`:                   "input",
		`{"networks":[{` + net + `,"images":1,"numbers":"whole","seed":"x"}]}`:                    "seed",
		`{"networks":[{` + net + `,"images":9999,"numbers":"whole"}]}`:                            "images is 9999",
		`{"networks":[{` + strings.Replace(net, `2`, `0`, 1) + `,"images":1,"numbers":"whole"}]}`: "height",
	} {
		if _, err := draw.ReadNetworks("x.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "proof: networks x.json: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// RunNetwork computes the steps of a network one by one, with the fault.
func (r tampered) RunNetwork(ctx context.Context, n draw.Network) (draw.NetworkResult, error) {
	weights, err := n.Weights()
	if err != nil {
		return draw.NetworkResult{}, err
	}
	lowered, err := graph.Lower(n.Network)
	if err != nil {
		return draw.NetworkResult{}, err
	}
	network := proof.Network{Lowered: lowered, Weights: weights}
	run := proof.Run{Input: n.Input(), Steps: network.LayerSteps()}
	var outputs []tensor.Tensor
	for i, step := range lowered.Program.Steps {
		var operands []tensor.Tensor
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, run.Input)
			} else {
				operands = append(operands, outputs[from])
			}
		}
		for _, w := range step.Weights {
			operands = append(operands, weights[w.Name])
		}
		x, err := r.Apply(ctx, step.Op, operands...)
		if err != nil {
			return draw.NetworkResult{}, err
		}
		// The fault is in the first number.
		if kind, wrong := strings.CutPrefix(string(r), "wrong "); wrong && kind == step.Op.Kind() {
			x.Data[0] += 1000
		}
		outputs = append(outputs, x)
		if slices.Contains(run.Steps, i) {
			run.Outputs = append(run.Outputs, x)
		}
	}
	parts, err := network.Compare(ctx, run, nil)
	result := draw.NetworkResult{Kernels: []string{"reference"}}
	for _, part := range parts {
		layer := lowered.Layers[part.Layers[0]]
		result.Parts = append(result.Parts, draw.NetworkPart{Kind: layer.Kind, Layers: []string{layer.Name}, Verdict: part.Verdict})
	}
	return result, err
}

// having returns cheap networks of the draw that have such operations.
func having(t *testing.T, networks int, matches func(ir.Op) bool) []draw.Network {
	t.Helper()
	var list []draw.Network
	for i := 0; len(list) < networks && i < 5000; i++ {
		n := draw.DrawNetwork(11, i)
		lowered, _ := graph.Lower(n.Network)
		planned, _ := plan.Of(n.Network)
		found := slices.ContainsFunc(lowered.Program.Steps, func(s ir.Step) bool { return matches(s.Op) })
		if found && len(lowered.Layers) > 3 && planned.MACs() < 200_000 {
			n.Images = min(n.Images, 2)
			list = append(list, n)
		}
	}
	if len(list) < networks {
		t.Fatalf("%d of %d networks", len(list), networks)
	}
	return list
}

// A planted fault is found, and shrunk to a network of the layer that has it: behind a
// Flatten or a global pool where the layer wants a row of features.
func TestRandomNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	kind := func(name string) func(ir.Op) bool { return func(op ir.Op) bool { return op.Kind() == name } }
	conv := func(matches func(ir.Conv2D) bool) func(ir.Op) bool {
		return func(op ir.Op) bool { c, is := op.(ir.Conv2D); return is && matches(c) }
	}
	const outside = "1 numbers outside"
	for _, tt := range []struct {
		how     string
		has     func(ir.Op) bool
		failure string // a part of it; "" none
	}{
		{"right", kind("conv2d"), ""},
		{"wrong", conv(func(c ir.Conv2D) bool { return c.Strides[1] > 1 }), outside},
		{"wrong batch_norm", kind("batch_norm"), outside},
		{"wrong lrn", kind("lrn"), outside},
		{"wrong dense", kind("dense"), outside},
		{"wrong add", kind("add"), outside},
		{"wrong elu", kind("elu"), outside},
		{"dies", conv(func(c ir.Conv2D) bool { return c.Dilations[0] > 1 }), "the process died: exit status 7"},
		{"refuses", conv(func(c ir.Conv2D) bool { return c.Padding.Kind == ir.Same }), "device: no SAME today"},
	} {
		w := watch(tt.how)
		given := having(t, 4, tt.has)
		result, err := draw.RandomNetworks{Given: given, GivenFrom: "given.json", Parallel: 2, MostFailures: 1, ShrinkTime: 30 * time.Second}.Run(t.Context(), w)
		w.Close()
		if err != nil {
			t.Fatalf("%s: %v", tt.how, err)
		}
		if (len(result.Failures) == 0) != (tt.failure == "") || (w.Deaths > 0) != (tt.how == "dies") || result.GaveUp != (result.Networks < len(given)) {
			t.Errorf("%s: %d failures, %d deaths, %d networks, gave up: %t", tt.how, len(result.Failures), w.Deaths, result.Networks, result.GaveUp)
		}
		if tt.how == "right" {
			compared := 0
			for _, kind := range result.Kinds {
				compared += kind.Verdict.Elements
			}
			if result.Networks != 4 || result.Compared != 4 || compared == 0 || !slices.Equal(result.Kernels, []string{"reference"}) {
				t.Errorf("%+v", result)
			}
		}
		for _, o := range result.Failures {
			if !strings.Contains(o.Failure, tt.failure) || o.File != "given.json" || o.Status != proof.Fail {
				t.Errorf("%s: %s, %s, %s", tt.how, o.File, o.Status, o.Failure)
			}
			list, err := draw.ReadNetworks("repeat.json", o.Repeat)
			if err != nil {
				t.Fatalf("%s: %v", tt.how, err)
			}
			lowered, err := graph.Lower(list[0].Network)
			if err != nil {
				t.Fatal(err)
			}
			most := 1
			if _, is := list[0].Network.Layers[len(lowered.Layers)-1].(graph.Dense); is {
				most = 2 // it reads a row of features
			}
			last := lowered.Program.Steps[lowered.Layers[len(lowered.Layers)-1].First:]
			faulty := slices.ContainsFunc(last, func(s ir.Step) bool { return tt.has(s.Op) })
			if !faulty || len(lowered.Layers) > most || list[0].Images != 1 || len(list[0].Network.Outputs) > 0 {
				t.Errorf("%s: shrunk to %s", tt.how, o.Repeat)
			}
		}
	}
}

// A backend without networks ends the worker with an error, and no network passes.
func TestBackendWithoutNetworks(t *testing.T) {
	n := having(t, 1, func(op ir.Op) bool { return op.Kind() == "conv2d" })[0]
	w := watch("operations alone")
	defer w.Close()
	o, err := w.RunNetwork(t.Context(), n)
	if err != nil || o.Status != proof.Fail || !strings.HasPrefix(o.Failure, "the process died") {
		t.Errorf("%+v, %v", o, err)
	}
}
