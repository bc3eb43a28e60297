package ir

import (
	"tfcnn/graph/tensor"
)

// Flatten is TensorFlow's Reshape to a matrix: the numbers of each image in
// one row, in the order in which they lie (row, column, channel). Operand:
// input [N, …].
type Flatten struct{}

// Kind returns "flatten".
func (Flatten) Kind() string { return "flatten" }

// Traits returns the traits of a copy in another shape.
func (Flatten) Traits() Traits { return unchanged(Reshaping) }

// unchanged returns the traits of an operation that hands its input on.
func unchanged(family Family) Traits {
	return Traits{
		Family: family, Operands: OneInput, Output: SameBuffer, Saved: SavesNothing, Reads: SamePosition,
		SharedGradient: true, Linear: true, Fusable: true, NoArithmetic: true,
	}
}

// Shape returns [N, F].
func (Flatten) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if len(input) < 2 {
		return nil, InputErrorf("input %s has %d axes, want 2 or more (batch, …)", tensor.FormatShape(input), len(input))
	}
	if err := checkAxes(input); err != nil {
		return nil, err
	}
	return []int{input[0], int(count(input[1:]))}, nil
}

// Multiplications returns 0.
func (Flatten) Multiplications(...[]int) int64 { return 0 }
