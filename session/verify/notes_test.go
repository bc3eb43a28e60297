package verify_test

import (
	"testing"

	"tfcnn/session/verify"
)

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
