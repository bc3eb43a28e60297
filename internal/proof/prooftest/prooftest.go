// Package prooftest is for tests of package proof and of the packages below it.
package prooftest

import (
	"context"
	"testing"

	"tfcnn/graph"
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

// RunNetwork returns the outputs of layers, each operation's rounded to float32.
func (b Reference) RunNetwork(ctx context.Context, n graph.Network, w graph.Weights, input tensor.Tensor, layers []string) ([]tensor.Tensor, error) {
	lowered, err := graph.Lower(n)
	if err != nil {
		return nil, err
	}
	outputs := map[int]tensor.Tensor{ir.Input: input}
	for i, step := range lowered.Program.Steps {
		var operands []tensor.Tensor
		for _, from := range step.Inputs {
			operands = append(operands, outputs[from])
		}
		for _, weight := range step.Weights {
			operands = append(operands, w[weight.Name])
		}
		if outputs[i], err = b.Apply(ctx, step.Op, operands...); err != nil {
			return nil, err
		}
	}
	var list []tensor.Tensor
	for _, name := range layers {
		at, err := lowered.Layer(name)
		if err != nil {
			return nil, err
		}
		list = append(list, outputs[lowered.Layers[at].Last])
	}
	return list, nil
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

// Run runs the cases of operations of files.
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
