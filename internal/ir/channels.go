package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// ScaleShift is TensorFlow's Mul and AddV2 with constants: x·Scale + Shift,
// each with one number a channel, one for all channels, or none (1 and 0).
// Operand: input [N, …, C].
type ScaleShift struct{ Scale, Shift []float32 }

// ReverseChannels is TensorFlow's ReverseV2 of the last axis: RGB becomes BGR.
// Operand: input [N, …, C].
type ReverseChannels struct{}

// Kind returns "scale_shift".
func (ScaleShift) Kind() string { return "scale_shift" }

// Kind returns "reverse_channels".
func (ReverseChannels) Kind() string { return "reverse_channels" }

func (s *ScaleShift) attributes() []Attribute {
	return []Attribute{
		{Name: "scale", Value: &s.Scale, Default: new([]float32)},
		{Name: "shift", Value: &s.Shift, Default: new([]float32)},
	}
}

// Traits returns the traits of a product and a sum; without numbers there is neither.
func (s ScaleShift) Traits() Traits {
	return Traits{
		Family: Normalization, Operands: OneInput, Output: InPlace, Saved: SavesNothing, Reads: SamePosition,
		SharedGradient: true, NoArithmetic: len(s.Scale)+len(s.Shift) == 0, Rounds: len(s.Scale)+len(s.Shift) > 0,
		Fusable: true, FoldsConstants: true, TakesConstants: true,
		AddsNumbers: len(s.Scale) == 0 && len(s.Shift) > 0,
		Unspecified: subnormalTimesInfinity,
	}
}

// Traits returns the traits of a copy in another order.
func (ReverseChannels) Traits() Traits {
	return Traits{Family: Normalization, Operands: OneInput, Output: NewBuffer, Saved: SavesNothing, Reads: SamePosition, Linear: true}
}

// Shape returns the input's shape.
func (s ScaleShift) Shape(operands ...[]int) ([]int, error) {
	input, err := ReverseChannels{}.Shape(operands...)
	if err != nil {
		return nil, err
	}
	channels := input[len(input)-1]
	for i, name := range []string{"scale", "shift"} {
		numbers := [][]float32{s.Scale, s.Shift}[i]
		if n := len(numbers); n > 1 && n != channels {
			return nil, fmt.Errorf("%s has %d numbers, want 1 or %d, one a channel", name, n, channels)
		}
		for _, x := range numbers {
			if !finite(x) {
				return nil, fmt.Errorf("%s has %v, want finite numbers", name, x)
			}
		}
	}
	return input, nil
}

// Multiplications returns one for each number, where there is a scale.
func (s ScaleShift) Multiplications(operands ...[]int) int64 {
	if _, err := s.Shape(operands...); err != nil || len(s.Scale) == 0 {
		return 0
	}
	return count(operands[0][1:])
}

// Shape returns the input's shape.
func (ReverseChannels) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if len(input) < 2 || len(input) > maxAxes {
		return nil, InputErrorf("input %s has %d axes, want 2 to %d (batch, …, channels)", tensor.FormatShape(input), len(input), maxAxes)
	}
	if input[len(input)-1] == 0 {
		return nil, errNoChannels
	}
	return input, checkAxes(input)
}

// Multiplications returns 0.
func (ReverseChannels) Multiplications(...[]int) int64 { return 0 }

// maxAxes is the most axes that TensorFlow's kernels for the last axis take.
const maxAxes = 8
