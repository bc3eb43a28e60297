package ir

import "fmt"

// ReLU is TensorFlow's Relu, max(x, 0). Operand: an input of any shape.
type ReLU struct{}

// Kind is "relu".
func (ReLU) Kind() string { return "relu" }

// Shape is the input's.
func (ReLU) Shape(operands ...[]int) ([]int, error) {
	if len(operands) != 1 {
		return nil, fmt.Errorf("got %d operands, want one input", len(operands))
	}
	return operands[0], CheckElements("input", operands[0])
}

// Multiplications is 0.
func (ReLU) Multiplications(...[]int) int64 { return 0 }
