package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// Add is TensorFlow's AddV2, from left to right: the sum of two or more layers
// of one shape.
type Add struct {
	Name string
	From []string `net:",required"` // the layers that it reads, two or more; "" is the one before

	Activation Activation
}

// Concat is TensorFlow's ConcatV2: the channels (or features) of two or more layers,
// one layer after the other. Their shapes differ in the last axis only.
type Concat struct {
	Name string
	From []string `net:",required"` // the layers that it reads, two or more; "" is the one before
}

func (a Add) nameAndInputs() (string, []string) { return a.Name, a.From }
func (Add) kind() string                        { return "add" }
func (Add) prefix() string                      { return "add" }

func (a Add) lower(b *lowering) error {
	if err := atLeastTwo(a.From); err != nil {
		return err
	}
	if err := b.step("", ir.Add{}); err != nil {
		return err
	}
	return b.activate(a.Activation)
}

func (c Concat) nameAndInputs() (string, []string) { return c.Name, c.From }
func (Concat) kind() string                        { return "concat" }
func (Concat) prefix() string                      { return "concat" }

func (c Concat) lower(b *lowering) error {
	if err := atLeastTwo(c.From); err != nil {
		return err
	}
	return b.step("", ir.Concat{})
}

func atLeastTwo(from []string) error {
	if len(from) < 2 {
		return fmt.Errorf("reads %d layers, want two or more in from", len(from))
	}
	return nil
}
