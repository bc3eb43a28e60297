package profile

import (
	"testing"

	"tfcnn/internal/trace"
)

// The record of a grouped Conv2D, as TensorFlow 2.21 made it for alexnet's
// conv2 at batch 8, before it norm1's pool, behind it norm2.
func recordedConv2() []trace.Node {
	return []trace.Node{
		{Name: "_arg_conv2/filter", Op: "_Arg", Outputs: []trace.Output{{Bytes: 1228800}}},
		{
			Layer: "pool1", Name: "pool1/MaxPool", Op: "MaxPool", Start: 31520e3, End: 32555e3,
			Allocations: []trace.Allocation{{At: 31545e3, Bytes: 2239488}, {At: 58741e3, Bytes: -2239488}},
			Outputs:     []trace.Output{{Bytes: 2239488, Pointer: 1}},
		},
		{
			Layer: "conv2", Name: "conv2/Conv2D", Op: "Conv2D", Inputs: []string{"pool1/MaxPool", "_arg_conv2/filter"}, Start: 32574e3, End: 58742e3,
			Allocations: []trace.Allocation{
				{At: 32600e3, Bytes: 5971968},
				{At: 32607e3, Bytes: 2239488},
				{At: 32641e3, Bytes: 1228800},
				{At: 33119e3, Bytes: 5971968},
				{At: 58707e3, Bytes: -5971968},
				{At: 58716e3, Bytes: -1228800},
				{At: 58717e3, Bytes: -2239488},
				{At: 67205e3, Bytes: -5971968},
			},
			Outputs: []trace.Output{{Bytes: 5971968, Pointer: 2}},
		},
		{Layer: "conv2", Name: "conv2/relu/Relu", Op: "Relu", Inputs: []string{"conv2/Conv2D"}, Start: 59065e3, End: 59362e3, Outputs: []trace.Output{{Bytes: 5971968, Pointer: 2}}},
		{
			Layer: "norm2", Name: "norm2/LRN", Op: "LRN", Inputs: []string{"conv2/relu/Relu"}, Start: 59365e3, End: 67207e3,
			Allocations: []trace.Allocation{{At: 59376e3, Bytes: 5971968}},
			Outputs:     []trace.Output{{Bytes: 5971968, Pointer: 3}},
		},
	}
}

func TestAllocations(t *testing.T) {
	nodes := recordedConv2()
	all := allocations(nodes)
	most, at := busiest(all)
	if want := int64(2*5971968 + 2*2239488 + 1228800); most != want || nodes[all[at].node].Name != "conv2/Conv2D" {
		t.Errorf("most is %d at %+v, want %d", most, all[at], want)
	}
	want := []allocation{
		{node: 1, bytes: 2239488, from: 31545e3, to: 58741e3, output: true, pointer: 1},
		// Of two of one size the output is the one that stays.
		{node: 2, bytes: 5971968, from: 32600e3, to: 67205e3, output: true, pointer: 2},
		{node: 2, bytes: 2239488, from: 32607e3, to: 58717e3},
		{node: 2, bytes: 1228800, from: 32641e3, to: 58716e3},
		{node: 2, bytes: 5971968, from: 33119e3, to: 58707e3},
		{node: 4, bytes: 5971968, from: 59376e3, to: forever, output: true, pointer: 3},
	}
	if len(all) != len(want) {
		t.Fatalf("%+v", all)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("got %+v, want %+v", all[i], want[i])
		}
	}
	for i, name := range map[int]string{2: "copy of the input, its groups separated", 3: "copy of the filter, its groups separated", 4: "copy of the output, its groups separated"} {
		if got := scratch(nodes, all[i]); got != name {
			t.Errorf("%d bytes are %q, want %q", all[i].bytes, got, name)
		}
	}
	// Another node has written over the convolution's output since.
	for at, name := range map[int64]string{50000e3: "conv2/Conv2D", 59376e3: "conv2/relu/Relu"} {
		if got := nodes[ownerOf(nodes, all[1], at)].Name; got != name {
			t.Errorf("at %d the memory holds the output of %s, want %s", at, got, name)
		}
	}
	if k := kept(nodes); len(k) != 0 {
		t.Errorf("kept %+v", k)
	}
}

// Half a run of oneDNN: what it keeps, and its other names.
func TestAllocationsOneDNN(t *testing.T) {
	nodes := []trace.Node{
		{Layer: "c", Name: "c/filter", Op: "Const", Outputs: []trace.Output{{Bytes: 600}}},
		{
			Layer: "c", Name: "c/BiasAdd", Op: "_MklNativeFusedConv2D", Inputs: []string{"x", "c/filter"},
			Allocations: []trace.Allocation{{At: 1e3, Bytes: 5000}, {At: 2e3, Bytes: 800}, {At: 3e3, Bytes: 12336}, {At: 9e3, Bytes: -12336}, {At: 30e3, Bytes: -5000}},
			Outputs:     []trace.Output{{Bytes: 5000, Pointer: 1}},
		},
		{
			Layer: "p", Name: "p/MaxPool", Op: "_MklNativeMaxPool", Inputs: []string{"c/BiasAdd"},
			Allocations: []trace.Allocation{{At: 10e3, Bytes: 2000}, {At: 11e3, Bytes: 500}, {At: 20e3, Bytes: -500}},
			Outputs:     []trace.Output{{Bytes: 2000, Pointer: 2}, {Slot: 1, Bytes: 500, Pointer: 3}},
		},
	}
	k := kept(nodes)
	if len(k) != 1 || k[0] != (Difference{"c", "_MklNativeFusedConv2D", "kept from the first run on, filters in oneDNN's layout", 800}) {
		t.Errorf("kept %+v", k)
	}
	all := allocations(nodes)
	for i, name := range map[int]string{2: "oneDNN's scratchpad", 4: "oneDNN's note of where each maximum lies, one byte a number"} {
		if got := scratch(nodes, all[i]); got != name {
			t.Errorf("%d bytes are %q, want %q", all[i].bytes, got, name)
		}
	}
	if most, _ := busiest(all); most != 5000+800+12336 {
		t.Error(most)
	}
}
