package session_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session"
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

// networkRuns runs networks in sessions with some options.
type networkRuns struct {
	*operations.Backend
	options session.Options
}

func (r networkRuns) RunNetwork(ctx context.Context, n graph.Network, w graph.Weights, input tensor.Tensor, layers []string) ([]tensor.Tensor, error) {
	s, err := session.Open(n, w, r.options)
	if err != nil {
		return nil, err
	}
	outputs, err := s.RunOutputs(ctx, input, layers...)
	return outputs, errors.Join(err, s.Close())
}

// TensorFlow's outputs of whole networks fit what Keras computed, with the weights in
// either store and by either executor.
func TestNetworkCaseFiles(t *testing.T) {
	files, err := proof.ReadAll(os.DirFS("../testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, options := range []session.Options{
		{Device: "cpu"},
		{Device: "cpu", Weights: session.Fed, Executor: session.Parallel},
	} {
		device := networkRuns{backend(t), options}
		for _, file := range files {
			for _, c := range file.Networks {
				outcomes, err := c.Run(t.Context(), device)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range outcomes {
					ran++
					if o.Status != proof.Pass {
						t.Errorf("%+v: %s: %s: %s\nrepeat: %s", options, file.Name, o.Name, o.Text(), o.Repeat)
					}
				}
			}
		}
	}
	if ran < 300 {
		t.Errorf("%d outputs, want those of all networks", ran)
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
