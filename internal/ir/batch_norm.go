package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// BatchNorm is TensorFlow's FusedBatchNormV3 for inference (Ioffe and Szegedy 2015):
//
//	(x − mean)·scale/√(variance + Epsilon) + offset
//
// with one number of each a channel. Operands: input [N, …, C] of two to four
// axes, then scale, offset, mean and variance, each [C].
type BatchNorm struct{ Epsilon float32 }

// Kind returns "batch_norm".
func (BatchNorm) Kind() string { return "batch_norm" }

func (b *BatchNorm) attributes() []Attribute {
	return []Attribute{{Name: "epsilon", Value: &b.Epsilon, Default: new(float32(0.001))}}
}

// Traits returns the traits of a normalisation by fixed numbers.
func (BatchNorm) Traits() Traits {
	return Traits{
		Family: Normalization, Operands: ChannelNumbers, Output: InPlace, Saved: SavesInputs, Reads: SamePosition,
		Fusable: true, FoldsConstants: true, TakesConstants: true, Float32Weights: true, Rounds: true,
		Unspecified: "a negative variance gives NaN; an infinity gives what the formula gives",
	}
}

// Shape returns the input's shape.
func (b BatchNorm) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 5, 5, "input, scale, offset, mean and variance"); err != nil {
		return nil, err
	}
	input := operands[0]
	if len(input) < 2 || len(input) > 4 {
		return nil, InputErrorf("input %s has %d axes, want 2 to 4 (batch, …, channels)", tensor.FormatShape(input), len(input))
	}
	if err := checkAxes(input); err != nil {
		return nil, err
	}
	channels := input[len(input)-1]
	if channels == 0 {
		return nil, errNoChannels
	}
	for i, name := range []string{"scale", "offset", "mean", "variance"} {
		if s := operands[i+1]; len(s) != 1 || s[0] != channels {
			return nil, fmt.Errorf("%s is %s, want [%d], one number a channel", name, tensor.FormatShape(s), channels)
		}
	}
	if !positive(b.Epsilon) {
		return nil, fmt.Errorf("epsilon is %v, want a number above 0", b.Epsilon)
	}
	return input, nil
}

// Multiplications returns one for each number.
func (b BatchNorm) Multiplications(operands ...[]int) int64 {
	if _, err := b.Shape(operands...); err != nil {
		return 0
	}
	return count(operands[0][1:])
}
