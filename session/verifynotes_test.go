package session_test

import (
	"testing"

	"tfcnn/session"
)

// A layer has a note only where numbers of it are unspecified.
func TestVerifyNotes(t *testing.T) {
	v, err := session.Verify(t.Context(), everyLayer, everyLayer.InitialWeights(1), batchOf(everyLayer, 1, 1), session.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range v.Layers {
		if layer.Verdict.Unspecified == 0 && layer.Note != "" {
			t.Errorf("%s: has the note %q, and no number that is unspecified", layer.Layer, layer.Note)
		}
	}
}
