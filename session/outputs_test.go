package session_test

import (
	"fmt"
	"slices"
	"testing"

	"tfcnn/session"
)

// Outputs tells the names and the shapes of what RunOutputs without names returns.
func TestOutputs(t *testing.T) {
	s, _ := open(t, vocabulary)
	outputs := s.Outputs()
	results, err := s.RunOutputs(t.Context(), batchOf(vocabulary, 3, 1))
	if err != nil || len(results) != len(outputs) {
		t.Fatalf("%d results of %d outputs, %v", len(results), len(outputs), err)
	}
	for i, o := range outputs {
		if want := vocabulary.Outputs[i]; o.Name != want {
			t.Errorf("output %d is called %q, want %q", i, o.Name, want)
		}
		if got := append([]int{-1}, results[i].Shape[1:]...); !slices.Equal(o.Shape, got) {
			t.Errorf("%s has shape %v, Outputs says %v", o.Name, got, o.Shape)
		}
	}
	outputs[0].Shape[1] = 0 // it is the caller's
	if again := fmt.Sprint(s.Outputs()[0].Shape); again == fmt.Sprint(outputs[0].Shape) {
		t.Errorf("the shape of a caller's is the session's: %s", again)
	}
	if none := (*session.Session)(nil).Outputs(); none != nil {
		t.Errorf("no session has outputs %v", none)
	}
}
