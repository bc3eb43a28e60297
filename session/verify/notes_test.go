package verify_test

import (
	"math"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/session/verify"
)

// The note of a layer is that of its first step that has one, and its activation
// takes nothing from it.
func TestNoteBeforeActivation(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 3, Width: 3, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(2), Padding: graph.Same, NoBias: true, Activation: graph.SigmoidActivation},
		},
	}
	weights := net.InitialWeights(1)
	weights["c/filter"].Data[3] = float32(math.Inf(1))
	result, err := verify.Network(t.Context(), net, weights, batchOf(net, 1, 1), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layer := result.Layers[0]
	if layer.Verdict.Unspecified == 0 || !strings.HasPrefix(layer.Note, "a filter's NaN or infinity counts only where its tap meets the input") {
		t.Errorf("%d numbers are unspecified; the note is %q", layer.Verdict.Unspecified, layer.Note)
	}
}

// A layer has a note only where numbers of it are unspecified.
func TestNotes(t *testing.T) {
	result, err := verify.Network(t.Context(), everyLayer, everyLayer.InitialWeights(1), batchOf(everyLayer, 1, 1), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range result.Layers {
		if layer.Verdict.Unspecified == 0 && layer.Note != "" {
			t.Errorf("%s: has the note %q, and no number that is unspecified", layer.Layer, layer.Note)
		}
	}
}

// The error of a result names its first layer or chain of the worst status that is no
// pass: less precision than float32's is one.
func TestErr(t *testing.T) {
	layer := func(name string, status verify.Status) verify.Layer {
		return verify.Layer{Layer: name, Kind: "Dense", Verdict: verify.Verdict{Status: status, Elements: 5, Level: 43}}
	}
	precise := verify.Result{Layers: []verify.Layer{layer("a", verify.Pass), layer("b", verify.Overflow)}}
	if err := precise.Err(); err != nil {
		t.Error(err)
	}
	rounded := verify.Result{Layers: append(precise.Layers, layer("c", verify.Precision), layer("d", verify.Precision))}
	if err := rounded.Err(); err == nil || !strings.HasPrefix(err.Error(), `verify: Dense "c": precision: largest error is 43 times its level`) {
		t.Error(err)
	}
	chain := verify.Result{Layers: precise.Layers, Chains: []verify.Chain{{Layers: []string{"a", "b"}, Verdict: layer("", verify.Precision).Verdict}}}
	if err := chain.Err(); err == nil || !strings.HasPrefix(err.Error(), `verify: layers ["a", "b"] run as one: precision: `) {
		t.Error(err)
	}
	for _, worse := range []verify.Status{verify.Nothing, verify.NotHeld, verify.Fail} {
		both := verify.Result{Layers: append(rounded.Layers, layer("e", worse))}
		if err := both.Err(); err == nil || !strings.HasPrefix(err.Error(), `verify: Dense "e": `+string(worse)) {
			t.Errorf("%s: %v", worse, err)
		}
	}
}
