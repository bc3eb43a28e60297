package proof_test

import (
	"fmt"
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
)

// whole has small whole numbers.
func whole(shape ...int) tensor.Tensor {
	x, err := tensor.New(shape...)
	if err != nil {
		panic(err)
	}
	for i := range x.Data {
		x.Data[i] = float32(i*7%11) - 5
	}
	return x
}

// Parts are in the order of their first layers, also where an earlier one ends later.
func TestOrderOfParts(t *testing.T) {
	conv := func(name, from string) graph.Layer {
		return graph.Conv2D{Name: name, From: from, Filters: 2, Size: graph.Square(1)}
	}
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 2},
		Layers: []graph.Layer{
			conv("a", graph.InputName), conv("b", graph.InputName), conv("c", "b"),
			graph.Add{Name: "sum", From: []string{"a", "c"}},
			conv("d", "b"),
		},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	weights, input := net.InitialWeights(1), whole(1, 4, 4, 2)
	outputs := outputsOf(t, lowered, weights, input, reference{})
	last := func(layer int) int { return lowered.Layers[layer].Last }
	n := proof.Network{Lowered: lowered, Weights: weights}
	for _, tt := range []struct {
		layers []int // whose outputs were fetched
		want   string
	}{
		{[]int{2, 3, 4}, "[[0 3] [1 2] [1 4]]"},
		{[]int{4, 3, 2}, "[[0 3] [1 2] [1 4]]"},
		{[]int{1, 3, 4}, "[[0 2 3] [1] [4]]"},
		{[]int{4, 3}, "[[0 1 2 3] [1 4]]"},
	} {
		run := proof.Run{Input: input}
		for _, layer := range tt.layers {
			run.Steps = append(run.Steps, last(layer))
			run.Outputs = append(run.Outputs, outputs[last(layer)])
		}
		parts, err := n.Compare(t.Context(), run, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]int
		for _, p := range parts {
			got = append(got, p.Layers)
			if p.Verdict.Status != proof.Pass {
				t.Errorf("layers %v: %v", p.Layers, p.Verdict)
			}
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("outputs of %v: parts %v, want %v", tt.layers, got, tt.want)
		}
	}
}

// Of a layer of several operations all outputs that were fetched are in one part, and
// its verdict is that of all their numbers.
func TestPartsOfOneLayer(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 3},
		Layers: []graph.Layer{graph.SeparableConv2D{Name: "s", Filters: 2, Size: graph.Square(2)}, graph.Flatten{Name: "flat"}},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	weights, input := net.InitialWeights(1), whole(2, 4, 4, 3)
	n := proof.Network{Lowered: lowered, Weights: weights}
	steps := n.LayerSteps()
	if !slices.Equal(steps, []int{0, 1, 2}) {
		t.Fatalf("steps %v, want depthwise, pointwise and flat", steps)
	}
	for kind, outside := range map[string]int{"": 0, "depthwise_conv2d": 1, "conv2d": 1} {
		outputs := outputsOf(t, lowered, weights, input, reference{Change: func(op ir.Op, x tensor.Tensor) {
			if op.Kind() == kind {
				x.Data[2] += 1000
			}
		}})
		parts, err := n.Compare(t.Context(), proof.Run{Input: input, Steps: steps, Outputs: outputs}, nil)
		if err != nil || len(parts) != 2 || !slices.Equal(parts[0].Layers, []int{0}) || !slices.Equal(parts[1].Layers, []int{1}) {
			t.Fatalf("%q is wrong: %+v, %v", kind, parts, err)
		}
		v := parts[0].Verdict
		if v.Elements != 2*3*3*(3+2) || v.Outside != outside || parts[1].Verdict.Elements != 2*3*3*2 || parts[1].Verdict.Status != proof.Pass {
			t.Errorf("%q is wrong: %+v", kind, parts)
		}
		if outside > 0 && (v.Status != proof.Fail || v.Worst[0] != 0 || v.MaxError < 999) {
			t.Errorf("%q is wrong: %v at %v", kind, v, v.Worst)
		}
	}
}

// A part is left out where an earlier run read and gave the same bits: one that gave the
// same bits of other numbers is compared.
func TestSameBitsAreComparedOnce(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 2},
		Layers: []graph.Layer{
			graph.ScaleShift{Name: "a", Scale: []float32{2}},
			graph.ReLU{Name: "r"},
			graph.ZeroPad{Name: "p", Top: 1},
		},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	input := whole(1, 4, 4, 2)
	outputs := outputsOf(t, lowered, nil, input, reference{})
	run := proof.Run{Input: input, Steps: []int{0, 1, 2}, Outputs: outputs}
	for _, tt := range []struct {
		name   string
		output int // that was another one in the earlier run; −1: none
		change func(tensor.Tensor)
		want   string
	}{
		{"equal", -1, nil, "[]"},
		{"a number that ReLU drops", 0, func(x tensor.Tensor) { x.Data[0]-- }, "[[0] [1]]"},
		{"ReLU's output", 1, func(x tensor.Tensor) { x.Data[1]++ }, "[[1] [2]]"},
		{"the last output", 2, func(x tensor.Tensor) { x.Data[0]++ }, "[[2]]"},
	} {
		earlier := run
		earlier.Outputs = slices.Clone(outputs)
		if tt.output >= 0 {
			earlier.Outputs[tt.output] = outputs[tt.output].Clone()
			tt.change(earlier.Outputs[tt.output])
		}
		done := 0
		n := proof.Network{Lowered: lowered, Progress: func(steps int) { done = steps }}
		parts, err := n.Compare(t.Context(), run, &earlier)
		if err != nil || done != 3 {
			t.Fatalf("%d steps of 3 are done, %v", done, err)
		}
		got := [][]int{}
		for _, p := range parts {
			got = append(got, p.Layers)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: parts %v are compared, want %v", tt.name, got, tt.want)
		}
	}
}

// The steps to fetch: of a layer all but those before an operation that runs in the same
// call; of chains their ends, which are the network's outputs too.
func TestStepsToFetch(t *testing.T) {
	conv := func(name string, a graph.Activation) graph.Layer {
		return graph.Conv2D{Name: name, Filters: 2, Size: graph.Square(1), Activation: a}
	}
	relu, none := graph.ReLUActivation, graph.Activation("")
	separable := graph.SeparableConv2D{Name: "s", Filters: 2, Size: graph.Square(1), Activation: relu}
	for name, tt := range map[string]struct {
		layers  []graph.Layer
		outputs []string
		steps   []int
		ends    []int
		across  bool
	}{
		"an activation at the end":     {[]graph.Layer{conv("a", none), conv("b", relu)}, nil, []int{0, 2}, []int{0, 2}, false},
		"an activation at the start":   {[]graph.Layer{conv("a", relu), conv("b", none)}, nil, []int{1, 2}, []int{1, 2}, false},
		"two convolutions in a layer":  {[]graph.Layer{separable, conv("b", none)}, nil, []int{0, 2, 3}, []int{0, 2, 3}, false},
		"a batch norm and a ReLU":      {[]graph.Layer{conv("a", none), graph.BatchNorm{Name: "n"}, graph.ReLU{Name: "r"}}, nil, []int{0, 1, 2}, []int{2}, true},
		"an output in the middle":      {[]graph.Layer{conv("a", none), graph.BatchNorm{Name: "n"}, graph.ReLU{Name: "r"}}, []string{"n", "r"}, []int{0, 1, 2}, []int{1, 2}, true},
		"an output at the start":       {[]graph.Layer{conv("a", none), graph.BatchNorm{Name: "n"}, graph.ReLU{Name: "r"}}, []string{"a", "r"}, []int{0, 1, 2}, []int{0, 2}, true},
		"each layer is an output":      {[]graph.Layer{conv("a", none), graph.ReLU{Name: "r"}}, []string{"a", "r"}, []int{0, 1}, []int{0, 1}, false},
		"two readers":                  {[]graph.Layer{conv("a", none), graph.ReLU{Name: "r"}, graph.Add{Name: "sum", From: []string{"a", "r"}}}, nil, []int{0, 1, 2}, []int{0, 2}, true},
		"a sum takes both chains":      {[]graph.Layer{conv("a", none), graph.Conv2D{Name: "b", From: graph.InputName, Filters: 2, Size: graph.Square(1)}, graph.Add{Name: "sum", From: []string{"a", "b"}}}, nil, []int{0, 1, 2}, []int{2}, true},
		"one layer, an activation too": {[]graph.Layer{conv("a", relu)}, nil, []int{1}, []int{1}, false},
	} {
		net := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 2}, Layers: tt.layers, Outputs: tt.outputs}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := proof.Network{Lowered: lowered}
		if steps := n.LayerSteps(); !slices.Equal(steps, tt.steps) {
			t.Errorf("%s: layers want the steps %v, got %v", name, tt.steps, steps)
		}
		if ends, across := n.ChainSteps(); !slices.Equal(ends, tt.ends) || across != tt.across {
			t.Errorf("%s: chains end at %v, across layers %v; want %v, %v", name, ends, across, tt.ends, tt.across)
		}
	}
}
