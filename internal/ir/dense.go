package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// Dense is TensorFlow's MatMul: every output a weighted sum of all inputs.
// Operands: input [N,F], filter [F,U], and optionally a bias [U].
type Dense struct{}

// Kind returns "dense".
func (Dense) Kind() string { return "dense" }

// Traits returns the traits of a sum over all features.
func (Dense) Traits() Traits {
	return Traits{
		Family: FullyConnected, Operands: FilterAndBias, Output: NewBuffer, Saved: SavesInputs, Reads: LastAxis,
		MultiplyAccumulate: true, Linear: true, TakesConstants: true, ChannelAxis: 0, Unspecified: subnormalTimesInfinity,
	}
}

// Shape returns [N, U].
func (Dense) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 2, 3, "input, filter and perhaps a bias"); err != nil {
		return nil, err
	}
	input, filter := operands[0], operands[1]
	if len(input) != 2 {
		return nil, InputErrorf("input %s has %d axes, want 2 (batch, features): flatten it first", tensor.FormatShape(input), len(input))
	}
	if err := checkAxes(input); err != nil {
		return nil, err
	}
	if len(filter) != 2 {
		return nil, fmt.Errorf("filter %s has %d axes, want 2 (features, units)", tensor.FormatShape(filter), len(filter))
	}
	for axis, name := range []string{"features", "units"} {
		if size := filter[axis]; size < 1 || size > maxSize {
			return nil, fmt.Errorf("filter %s: %s is %d, want 1 or more", tensor.FormatShape(filter), name, size)
		}
	}
	if input[1] != filter[0] {
		return nil, InputErrorf("input has %d features, filter wants %d", input[1], filter[0])
	}
	if err := CheckElements("filter", filter); err != nil {
		return nil, err
	}
	if err := checkBias(operands, filter[1]); err != nil {
		return nil, err
	}
	output := []int{input[0], filter[1]}
	return output, CheckElements("output", output)
}

// Multiplications returns F·U.
func (d Dense) Multiplications(operands ...[]int) int64 {
	if _, err := d.Shape(operands...); err != nil {
		return 0
	}
	return count(operands[1])
}
