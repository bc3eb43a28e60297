package session

import (
	"testing"

	"tfcnn/internal/capi"
)

// The record of a grouped Conv2D, as TensorFlow 2.21 made it for alexnet's
// conv2 at batch 8, before it norm1's pool, behind it norm2.
func recordedConv2() []capi.MemoryNode {
	return []capi.MemoryNode{
		{Name: "_arg_conv2/filter", Kind: "_Arg", Outputs: []capi.Buffer{{Bytes: 1228800}}},
		{
			Name: "pool1/MaxPool", Kind: "MaxPool", Start: 31520e3, End: 32555e3,
			Changes: []capi.MemoryChange{{Micros: 31545, Bytes: 2239488}, {Micros: 58741, Bytes: -2239488}},
			Outputs: []capi.Buffer{{Bytes: 2239488, Pointer: 1}},
		},
		{
			Name: "conv2/Conv2D", Kind: "Conv2D", Inputs: []string{"pool1/MaxPool", "_arg_conv2/filter"}, Start: 32574e3, End: 58742e3,
			Changes: []capi.MemoryChange{
				{Micros: 32600, Bytes: 5971968},
				{Micros: 32607, Bytes: 2239488},
				{Micros: 32641, Bytes: 1228800},
				{Micros: 33119, Bytes: 5971968},
				{Micros: 58707, Bytes: -5971968},
				{Micros: 58716, Bytes: -1228800},
				{Micros: 58717, Bytes: -2239488},
				{Micros: 67205, Bytes: -5971968},
			},
			Outputs: []capi.Buffer{{Bytes: 5971968, Pointer: 2}},
		},
		{Name: "conv2/relu/Relu", Kind: "Relu", Inputs: []string{"conv2/Conv2D"}, Start: 59065e3, End: 59362e3, Outputs: []capi.Buffer{{Bytes: 5971968, Pointer: 2}}},
		{
			Name: "norm2/LRN", Kind: "LRN", Inputs: []string{"conv2/relu/Relu"}, Start: 59365e3, End: 67207e3,
			Changes: []capi.MemoryChange{{Micros: 59376, Bytes: 5971968}},
			Outputs: []capi.Buffer{{Bytes: 5971968, Pointer: 3}},
		},
	}
}

func TestReplay(t *testing.T) {
	nodes := recordedConv2()
	all := allocations(nodes)
	most, at := busiest(all)
	if want := int64(2*5971968 + 2*2239488 + 1228800); most != want || nodes[all[at].node].Name != "conv2/Conv2D" {
		t.Errorf("most is %d at %+v, want %d", most, all[at], want)
	}
	want := []allocation{
		{node: 1, bytes: 2239488, from: 31545, to: 58741, output: true, pointer: 1},
		// Of two of one size the output is the one that stays.
		{node: 2, bytes: 5971968, from: 32600, to: 67205, output: true, pointer: 2},
		{node: 2, bytes: 2239488, from: 32607, to: 58717},
		{node: 2, bytes: 1228800, from: 32641, to: 58716},
		{node: 2, bytes: 5971968, from: 33119, to: 58707},
		{node: 4, bytes: 5971968, from: 59376, to: forever, output: true, pointer: 3},
	}
	if len(all) != len(want) {
		t.Fatalf("%+v", all)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("got %+v, want %+v", all[i], want[i])
		}
	}
	for i, name := range map[int]string{2: "copy of the input, its groups put apart", 3: "copy of the filter, its groups put apart", 4: "copy of the output, its groups put apart"} {
		if got := workspace(nodes, all[i]); got != name {
			t.Errorf("%d bytes are %q, want %q", all[i].bytes, got, name)
		}
	}
	// Another node has written over the convolution's output since.
	for micros, name := range map[int64]string{50000: "conv2/Conv2D", 59376: "conv2/relu/Relu"} {
		if got := nodes[holder(nodes, all[1], micros)].Name; got != name {
			t.Errorf("at %d the memory holds the output of %s, want %s", micros, got, name)
		}
	}
	if k := kept(nodes); len(k) != 0 {
		t.Errorf("kept %+v", k)
	}
}

// Half a run of oneDNN: what it keeps, and its other names.
func TestReplayOneDNN(t *testing.T) {
	nodes := []capi.MemoryNode{
		{Name: "c/filter", Kind: "Const", Outputs: []capi.Buffer{{Bytes: 600}}},
		{
			Name: "c/BiasAdd", Kind: "_MklNativeFusedConv2D", Inputs: []string{"x", "c/filter"},
			Changes: []capi.MemoryChange{{Micros: 1, Bytes: 5000}, {Micros: 2, Bytes: 800}, {Micros: 3, Bytes: 12336}, {Micros: 9, Bytes: -12336}, {Micros: 30, Bytes: -5000}},
			Outputs: []capi.Buffer{{Bytes: 5000, Pointer: 1}},
		},
		{
			Name: "p/MaxPool", Kind: "_MklNativeMaxPool", Inputs: []string{"c/BiasAdd"},
			Changes: []capi.MemoryChange{{Micros: 10, Bytes: 2000}, {Micros: 11, Bytes: 500}, {Micros: 20, Bytes: -500}},
			Outputs: []capi.Buffer{{Bytes: 2000, Pointer: 2}, {Slot: 1, Bytes: 500, Pointer: 3}},
		},
	}
	k := kept(nodes)
	if len(k) != 1 || k[0] != (Difference{"c", "_MklNativeFusedConv2D", "kept from the first run on, filters in oneDNN's layout", 800}) {
		t.Errorf("kept %+v", k)
	}
	all := allocations(nodes)
	for i, name := range map[int]string{2: "oneDNN's scratchpad", 4: "oneDNN's note of where each maximum lies, one byte a number"} {
		if got := workspace(nodes, all[i]); got != name {
			t.Errorf("%d bytes are %q, want %q", all[i].bytes, got, name)
		}
	}
	if most, _ := busiest(all); most != 5000+800+12336 {
		t.Error(most)
	}
}
