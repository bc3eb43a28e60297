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
