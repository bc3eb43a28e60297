// Package prooftest is for tests of package proof and of the packages below it.
package prooftest

import (
	"context"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// Reference is the reference itself, rounded to float32, as a backend. Change,
// where it is not nil, makes an output wrong on purpose.
type Reference struct {
	Change func(op ir.Op, x tensor.Tensor)
}

// Apply returns the reference's numbers.
func (b Reference) Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error) {
	r, err := ref.Apply(ctx, op, operands...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
	for i, v := range r.Value {
		x.Data[i] = float32(v)
	}
	if b.Change != nil {
		b.Change(op, x)
	}
	return x, nil
}

// File reads a case file from its text.
func File(t testing.TB, name, text string) proof.File {
	t.Helper()
	file, err := proof.Read(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Run runs the cases of files.
func Run(t testing.TB, files []proof.File, backend proof.Backend) (outcomes []proof.Outcome) {
	t.Helper()
	for _, file := range files {
		for _, c := range file.Cases {
			o, err := c.Run(t.Context(), backend)
			if err != nil {
				t.Fatal(err)
			}
			o.File = file.Name
			outcomes = append(outcomes, o)
		}
	}
	return outcomes
}
