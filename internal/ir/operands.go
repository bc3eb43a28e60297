package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

var errNoChannels = InputErrorf("input has 0 channels, want 1 or more")

// operandCount returns an error unless the number of operands lies between two numbers.
func operandCount(operands [][]int, least, most int, want string) error {
	if len(operands) < least || len(operands) > most {
		return fmt.Errorf("got %d operands, want %s", len(operands), want)
	}
	return nil
}

// checkAxes refuses sizes that are negative or too large; only the batch, the first
// axis, may be −1, not known.
func checkAxes(shape []int) error {
	for axis, size := range shape {
		switch {
		case size == -1 && axis > 0:
			return InputErrorf("input %s: axis %d is not known, want a static size", tensor.FormatShape(shape), axis)
		case size < -1 || size > maxSize:
			return InputErrorf("input %s: %d is not a size", tensor.FormatShape(shape), size)
		}
	}
	return inputElements("input", shape)
}

// checkFilter refuses a convolution's filter with sizes below 1, or above the largest
// size that TensorFlow indexes.
func checkFilter(filter []int, axes [4]string) error {
	if len(filter) != 4 {
		return fmt.Errorf("filter %s has %d axes, want 4 (%s, %s, %s, %s)", tensor.FormatShape(filter), len(filter), axes[0], axes[1], axes[2], axes[3])
	}
	for axis, name := range axes {
		if size := filter[axis]; size < 1 || size > maxSize {
			return fmt.Errorf("filter %s: %s is %d, want 1 or more", tensor.FormatShape(filter), name, size)
		}
	}
	return CheckElements("filter", filter)
}

// checkBias checks the shape of the third operand, if there is one.
func checkBias(operands [][]int, filters int) error {
	if len(operands) < 3 {
		return nil
	}
	if bias := operands[2]; len(bias) != 1 || bias[0] != filters {
		return fmt.Errorf("bias is %s, want [%d], one number a filter", tensor.FormatShape(bias), filters)
	}
	return nil
}

// count returns the product of sizes, which have been checked.
func count(sizes []int) int64 {
	n, _ := tensor.Elements(sizes)
	return int64(n)
}

func finite(x float32) bool { return x-x == 0 }

func positive(x float32) bool { return finite(x) && x > 0 }
