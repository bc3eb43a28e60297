package graph

import "tfcnn/internal/ir"

// ReLU is TensorFlow's Relu: max(x, 0), shape unchanged.
type ReLU struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

func (r ReLU) head() (name, from string) { return r.Name, r.From }
func (ReLU) kind() string                { return "relu" }
func (ReLU) prefix() string              { return "relu" }

func (ReLU) lower(b *lowering) error { return b.step("", ir.ReLU{}) }
