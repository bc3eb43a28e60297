package ir

import (
	"slices"

	"tfcnn/graph/tensor"
)

// Add is TensorFlow's AddV2, from left to right. Operands: two or more inputs
// of one shape.
type Add struct{}

// Concat is TensorFlow's ConcatV2 along the last axis. Operands: two or more
// inputs [N, …, C] that differ in C alone.
type Concat struct{}

// Kind returns "add".
func (Add) Kind() string { return "add" }

// Kind returns "concat".
func (Concat) Kind() string { return "concat" }

// Traits returns the traits of a sum.
func (Add) Traits() Traits {
	return Traits{
		Family: Merging, Operands: ManyInputs, Output: InPlace, Saved: SavesNothing, Reads: SamePosition,
		SharedGradient: true, Linear: true, Fusable: true, AddsNumbers: true, TakesConstants: true,
	}
}

// Traits returns the traits of copies.
func (Concat) Traits() Traits {
	return Traits{Family: Merging, Operands: ManyInputs, Output: NewBuffer, Saved: SavesNothing, Reads: SamePosition, Linear: true}
}

// Shape returns the inputs' shape.
func (Add) Shape(operands ...[]int) ([]int, error) {
	if err := checkBranches(operands); err != nil {
		return nil, err
	}
	for i, s := range operands[1:] {
		if !slices.Equal(s, operands[0]) {
			return nil, InputErrorf("input %d is %s, the first is %s, want one shape", i+2, tensor.FormatShape(s), tensor.FormatShape(operands[0]))
		}
	}
	return operands[0], nil
}

// Multiplications returns 0.
func (Add) Multiplications(...[]int) int64 { return 0 }

// Shape returns the inputs' shape with all their channels.
func (Concat) Shape(operands ...[]int) ([]int, error) {
	if err := checkBranches(operands); err != nil {
		return nil, err
	}
	first := operands[0]
	if len(first) < 2 {
		return nil, InputErrorf("input %s has %d axes, want 2 or more (batch, …, channels)", tensor.FormatShape(first), len(first))
	}
	last := len(first) - 1
	output := slices.Clone(first)
	for i, s := range operands[1:] {
		if len(s) != len(first) || !slices.Equal(s[:last], first[:last]) {
			return nil, InputErrorf("input %d is %s, the first is %s, want shapes that differ in the channels alone", i+2, tensor.FormatShape(s), tensor.FormatShape(first))
		}
		output[last] += s[last]
	}
	return output, CheckElements("output", output)
}

// Multiplications returns 0.
func (Concat) Multiplications(...[]int) int64 { return 0 }

func checkBranches(operands [][]int) error {
	if len(operands) < 2 {
		return InputErrorf("got %d inputs, want 2 or more", len(operands))
	}
	for i, s := range operands {
		if err := checkAxes(s); err != nil {
			return InputErrorf("input %d: %w", i+1, err)
		}
	}
	return nil
}
