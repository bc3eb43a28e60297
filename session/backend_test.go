package session_test

import (
	"context"
	"os"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/tensorflow/operations"
)

func backend(t testing.TB) *operations.Backend {
	t.Helper()
	b, err := operations.NewBackend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TensorFlow's results fit every case file: known answers, and the reference.
func TestCaseFiles(t *testing.T) {
	files, err := proof.ReadAll(os.DirFS("../testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	b := backend(t)
	for _, file := range files {
		for _, c := range file.Cases {
			o, err := c.Run(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if !o.Status.OK() {
				t.Errorf("%s: %s: %s\nrepeat: %s", file.Name, c.Name, o.Text(), o.Repeat)
			}
		}
	}
}

func TestBackendRefuses(t *testing.T) {
	b := backend(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Apply(ctx, ir.ReLU{}, tensor.Tensor{Shape: []int{1}, Data: []float32{1}}); err == nil {
		t.Error("a ctx that is done: no error")
	}
	if _, err := operations.NewBackend("tpu"); err == nil {
		t.Error("device tpu: no error")
	}
}
