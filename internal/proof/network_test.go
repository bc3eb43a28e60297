package proof_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

var comparedNetwork = graph.Network{
	Input: graph.Input{Height: 6, Width: 5, Channels: 3},
	Layers: []graph.Layer{
		graph.SeparableConv2D{Name: "s", Filters: 4, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
		graph.Conv2D{Name: "c", Filters: 4, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "n"},
		graph.Add{Name: "sum", From: []string{"n", "s"}},
		graph.ReLU{Name: "r"},
		graph.GlobalAvgPool{Name: "mean"},
		graph.Dense{Name: "out", Units: 3},
	},
}

// outputsOf computes every step of a network with a backend, from the outputs of
// the steps before it.
func outputsOf(t *testing.T, lowered graph.Lowered, weights graph.Weights, input tensor.Tensor, backend proof.Backend) []tensor.Tensor {
	t.Helper()
	var outputs []tensor.Tensor
	for _, step := range lowered.Program.Steps {
		var operands []tensor.Tensor
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, input)
			} else {
				operands = append(operands, outputs[from])
			}
		}
		for _, w := range step.Weights {
			operands = append(operands, weights[w.Name])
		}
		x, err := backend.Apply(t.Context(), step.Op, operands...)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, x)
	}
	return outputs
}

// Each output that was fetched is compared, by the layers since the other outputs;
// a step that is wrong is found in the part that has it, and in no other.
func TestNetwork(t *testing.T) {
	lowered, err := graph.Lower(comparedNetwork)
	if err != nil {
		t.Fatal(err)
	}
	weights := comparedNetwork.InitialWeights(1)
	random := rand.New(rand.NewPCG(3, 4))
	input, _ := tensor.New(2, 6, 5, 3)
	for i := range input.Data {
		input.Data[i] = float32(random.NormFloat64())
	}
	layers := proof.Network{Lowered: lowered}
	chains, across := layers.ChainSteps()
	if !across {
		t.Error("no chain has steps of two layers")
	}
	activated := graph.Conv2D{Filters: 1, Size: graph.Square(1), Activation: graph.ReLUActivation}
	separate, err := graph.Lower(graph.Network{Input: comparedNetwork.Input, Layers: []graph.Layer{activated, activated}})
	if err != nil {
		t.Fatal(err)
	}
	if ends, across := (&proof.Network{Lowered: separate}).ChainSteps(); across || !slices.Equal(ends, []int{1, 3}) {
		t.Errorf("chains end at %v, across layers %v; want two within a layer each", ends, across)
	}
	last := len(lowered.Program.Steps) - 1
	for _, tt := range []struct {
		name  string
		steps []int
		parts string // the layers of each
		wrong string // of these, where layer "n" gives a number that is wrong
	}{
		{"layers", layers.LayerSteps(), "[0] [1] [2] [3] [4] [5] [6]", "[2]"},
		{"chains", chains, "[0] [1 2 3 4] [5] [6]", "[1 2 3 4]"},
		{"the end", []int{last}, "[0 1 2 3 4 5 6]", "[0 1 2 3 4 5 6]"},
		{"two", []int{last, lowered.Layers[1].Last}, "[0 1] [0 2 3 4 5 6]", "[0 2 3 4 5 6]"},
		{"none", nil, "", ""},
	} {
		for _, fault := range []float32{0, 100} {
			wrong := fault
			outputs := outputsOf(t, lowered, weights, input, reference{Change: func(op ir.Op, x tensor.Tensor) {
				if _, is := op.(ir.BatchNorm); is {
					x.Data[7] += wrong
				}
			}})
			run := proof.Run{Input: input, Steps: tt.steps}
			for _, step := range tt.steps {
				run.Outputs = append(run.Outputs, outputs[step])
			}
			done := 0
			n := proof.Network{Lowered: lowered, Weights: weights, Progress: func(steps int) { done = steps }}
			parts, err := n.Compare(t.Context(), run, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, failed := "", ""
			for _, part := range parts {
				got += fmt.Sprint(part.Layers, " ")
				if part.Verdict.Status == proof.Fail {
					failed += fmt.Sprint(part.Layers, " ")
				} else if part.Verdict.Status != proof.Pass || part.Verdict.Elements == 0 {
					t.Errorf("%s: layers %v: %v", tt.name, part.Layers, part.Verdict)
				}
			}
			if want := spaced(tt.parts); got != want || len(tt.steps) > 0 && done != last+1 {
				t.Errorf("%s: parts %q, want %q; %d steps compared", tt.name, got, want, done)
			}
			if want := spaced(tt.wrong); fault != 0 && failed != want || fault == 0 && failed != "" {
				t.Errorf("%s, off by %g: %q failed, want %q", tt.name, fault, failed, want)
			}
			// Of the same bits only parts of several layers are compared again.
			again, err := n.Compare(t.Context(), run, &run)
			if err != nil || slices.ContainsFunc(again, func(p proof.Part) bool { return len(p.Layers) < 2 }) || len(again) > len(parts) {
				t.Errorf("%s: again: %v, %v", tt.name, again, err)
			}
		}
	}
}

// A chain goes on where one step reads it, the network does not output it, and TensorFlow
// may compute the two as one; both branches of a sum do.
func TestChains(t *testing.T) {
	conv := func(name, from string) graph.Layer {
		return graph.Conv2D{Name: name, From: from, Filters: 2, Size: graph.Square(1), NoBias: true}
	}
	for name, tt := range map[string]struct {
		layers  []graph.Layer
		outputs []string
		ends    []int
		across  bool
	}{
		"scales":       {[]graph.Layer{graph.ScaleShift{Scale: []float32{2}}, graph.ScaleShift{Scale: []float32{3}}}, nil, []int{1}, true},
		"a filter":     {[]graph.Layer{conv("a", ""), graph.ScaleShift{Scale: []float32{3}}, conv("b", "")}, nil, []int{1, 2}, true},
		"an output":    {[]graph.Layer{conv("a", ""), graph.ReLU{Name: "r"}}, []string{"a", "r"}, []int{0, 1}, false},
		"two readers":  {[]graph.Layer{conv("a", ""), graph.ReLU{Name: "r"}, graph.Add{From: []string{"a", "r"}}}, nil, []int{0, 2}, true},
		"read twice":   {[]graph.Layer{conv("a", ""), graph.Add{From: []string{"a", "a"}}}, nil, []int{0, 1}, false},
		"branches":     {[]graph.Layer{conv("a", ""), conv("b", graph.InputName), graph.Add{From: []string{"a", "b"}}, graph.ReLU{}}, nil, []int{3}, true},
		"padding":      {[]graph.Layer{graph.ZeroPad{Top: 1}, conv("a", "")}, nil, []int{1}, true},
		"padded pool":  {[]graph.Layer{graph.ZeroPad{Top: 1}, graph.AvgPool{Size: graph.Square(2)}}, nil, []int{0, 1}, false},
		"convolutions": {[]graph.Layer{conv("a", ""), conv("b", "")}, nil, []int{0, 1}, false},
	} {
		lowered, err := graph.Lower(graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 2}, Layers: tt.layers, Outputs: tt.outputs})
		if err != nil {
			t.Fatal(err)
		}
		if ends, across := (&proof.Network{Lowered: lowered}).ChainSteps(); !slices.Equal(ends, tt.ends) || across != tt.across {
			t.Errorf("%s: chains end at %v, across layers %v; want %v, %v", name, ends, across, tt.ends, tt.across)
		}
	}
}

func spaced(parts string) string {
	if parts == "" {
		return ""
	}
	return parts + " "
}

// Numbers without a bound are no pass, also beside numbers with one.
func TestUnknownBoundsAreNoPass(t *testing.T) {
	known := proof.Verdict{Status: proof.Pass, Elements: 5}
	open := proof.Verdict{Status: proof.NotHeld, Elements: 2, Unbounded: 2}
	for _, v := range []proof.Verdict{known.Merge(open, 0), open.Merge(known, 0)} {
		if v.OK() || v.String() != "not held: no bound is known for 2 of 7 numbers" {
			t.Errorf("got %v", v)
		}
	}
	mixed := ref.Result{Shape: []int{2}, Value: []float64{1, 0}, Bound: make([]float64, 2), Level: make([]float64, 2), State: []ref.State{ref.Plain, ref.NoBound}}
	if v := proof.Compare(mixed, tensor.Tensor{Shape: []int{2}, Data: []float32{1, 5}}); v.Status != proof.NotHeld || v.Unbounded != 1 {
		t.Errorf("one number of two: %v", v)
	}
	failed := proof.Verdict{Status: proof.Fail, Elements: 1, Outside: 1}
	if v := open.Merge(failed, 0); v.Status != proof.Fail {
		t.Errorf("got %v", v)
	}
}
