package ir

import (
	"fmt"
	"math"

	"tfcnn/graph/tensor"
)

// activations are the operations of this file.
var activations = []Op{
	ReLU{}, ReLU6{}, LeakyReLU{}, ELU{}, SELU{}, Sigmoid{}, Tanh{}, Swish{}, HardSwish{}, Softmax{}, Identity{},
}

// elementwise is embedded by operations that change each number by itself. Operand: an
// input of any shape.
type elementwise struct{}

// Shape returns the input's shape.
func (elementwise) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	return operands[0], checkAxes(operands[0])
}

// Multiplications returns 0: activations are not counted.
func (elementwise) Multiplications(...[]int) int64 { return 0 }

type (
	// ReLU is TensorFlow's Relu, max(x, 0).
	ReLU struct{ elementwise }
	// ReLU6 is TensorFlow's Relu6, min(max(x, 0), 6).
	ReLU6 struct{ elementwise }
	// LeakyReLU is TensorFlow's LeakyRelu: x, and Alpha·x below 0. Alpha is at
	// most 1: TensorFlow computes max(x, Alpha·x).
	LeakyReLU struct {
		elementwise
		Alpha float32
	}
	// ELU is TensorFlow's Elu: x, and eˣ − 1 below 0 (Clevert and others 2015).
	ELU struct{ elementwise }
	// SELU is TensorFlow's Selu: an ELU times 1.0507, of which the part below
	// 0 is times 1.6733 too (Klambauer and others 2017).
	SELU struct{ elementwise }
	// Sigmoid is TensorFlow's Sigmoid, 1/(1 + e⁻ˣ).
	Sigmoid struct{ elementwise }
	// Tanh is TensorFlow's Tanh.
	Tanh struct{ elementwise }
	// Swish is x·sigmoid(x), of TensorFlow's Sigmoid and Mul (Ramachandran, Zoph
	// and Le 2017).
	Swish struct{ elementwise }
	// HardSwish is x·relu6(x + 3)/6, of TensorFlow's AddV2, Relu6 and Mul (Howard
	// and others 2019).
	HardSwish struct{ elementwise }
	// Identity is TensorFlow's Identity.
	Identity struct{ elementwise }
	// Softmax is TensorFlow's Softmax, eˣ/Σeˣ over the last axis. Operand:
	// input [N, …, C].
	Softmax struct{}
)

// activation returns the traits of a function of one number, which TensorFlow
// computes in place.
func activation(saved Saved, unspecified string) Traits {
	return Traits{
		Family: Activation, Operands: OneInput, Output: InPlace, Saved: saved, Reads: SamePosition,
		SharedGradient: true, Elementwise: true, Fusable: true, Unspecified: unspecified,
	}
}

// curve returns the traits of a function that rounds, and is flat or straight farther from
// 0 than reach.
func curve(t Traits, reach float64) Traits {
	t.Rounds, t.Responds = true, Interval{Low: -reach, High: reach}
	return t
}

// comparedNaN describes the output of kernels that compare, for NaN.
const comparedNaN = "NaN gives NaN; kernels that compare give another number"

// Kind returns "relu".
func (ReLU) Kind() string { return "relu" }

// Traits returns the traits of an activation.
func (ReLU) Traits() Traits {
	t := activation(SavesOutput, comparedNaN)
	t.Responds = Interval{Low: 0, High: math.Inf(1)}
	return t
}

// Kind returns "relu6".
func (ReLU6) Kind() string { return "relu6" }

// Traits returns the traits of an activation.
func (ReLU6) Traits() Traits {
	t := activation(SavesOutput, comparedNaN)
	t.Responds = Interval{Low: 0, High: 6}
	return t
}

// Kind returns "leaky_relu".
func (LeakyReLU) Kind() string { return "leaky_relu" }

// The default is TensorFlow's.
func (l *LeakyReLU) attributes() []Attribute {
	return []Attribute{{Name: "alpha", Value: &l.Alpha, Default: new(float32(0.2))}}
}

// Traits returns the traits of an activation.
func (l LeakyReLU) Traits() Traits {
	t := activation(SavesInputs, comparedNaN)
	t.Rounds = true
	if l.Alpha == 0 {
		t.Responds = Interval{Low: 0, High: math.Inf(1)}
	}
	t.FusedWhenFetched = 1
	return t
}

// Shape returns the input's shape.
func (l LeakyReLU) Shape(operands ...[]int) ([]int, error) {
	if !finite(l.Alpha) || l.Alpha > 1 {
		return nil, fmt.Errorf("alpha is %v, want a number up to 1", l.Alpha)
	}
	return l.elementwise.Shape(operands...)
}

// Kind returns "elu".
func (ELU) Kind() string { return "elu" }

// Traits returns the traits of an activation.
func (ELU) Traits() Traits { return curve(activation(SavesOutput, comparedNaN), 4) }

// Kind returns "selu".
func (SELU) Kind() string { return "selu" }

// Traits returns the traits of an activation.
func (SELU) Traits() Traits { return curve(activation(SavesOutput, comparedNaN), 4) }

// Kind returns "sigmoid".
func (Sigmoid) Kind() string { return "sigmoid" }

// Traits returns the traits of an activation.
func (Sigmoid) Traits() Traits { return curve(activation(SavesOutput, ""), 4) }

// Kind returns "tanh".
func (Tanh) Kind() string { return "tanh" }

// Traits returns the traits of an activation.
func (Tanh) Traits() Traits {
	t := curve(activation(SavesOutput, ""), 2)
	t.UnfusableAfterNorm = true
	return t
}

// Kind returns "swish".
func (Swish) Kind() string { return "swish" }

// Traits returns the traits of a product: the backward pass reads the sigmoid, too.
func (Swish) Traits() Traits {
	t := curve(product(1, infinityTimesZero), 4)
	t.FusedWhenFetched = 2
	return t
}

// Kind returns "hard_swish".
func (HardSwish) Kind() string { return "hard_swish" }

// Traits returns the traits of a product: the backward pass reads relu6(x + 3), and a
// sixth of it, too.
func (HardSwish) Traits() Traits { return curve(product(2, comparedNaN+"; "+infinityTimesZero), 3) }

// product returns the traits of x times a function of x, for which TensorFlow
// needs memory beside x.
func product(intermediates int, unspecified string) Traits {
	t := activation(SavesInputs, unspecified)
	t.Output, t.SharedGradient, t.SavedIntermediates, t.TakesConstants = NewBuffer, false, intermediates, true
	return t
}

// infinityTimesZero describes the output for −Inf, where the other factor is 0.
const infinityTimesZero = "−Inf gives NaN, the product of −Inf and 0; kernels that compute otherwise give another number"

// Kind returns "identity".
func (Identity) Kind() string { return "identity" }

// Traits returns the traits of a copy. Dropout becomes one, and so it is drawn; in
// training, the backward pass reads the mask of the numbers that Dropout drops.
func (Identity) Traits() Traits {
	t := unchanged(Normalization)
	t.Elementwise, t.SavedIntermediates = true, 1
	return t
}

// Kind returns "softmax".
func (Softmax) Kind() string { return "softmax" }

// Traits returns the traits of an activation that reads all channels of a position.
func (Softmax) Traits() Traits {
	t := activation(SavesOutput, "a row with NaN or +Inf gives NaN; kernels whose maximum drops NaN give numbers")
	t.Reads, t.Elementwise, t.SharedGradient = LastAxis, false, false
	return curve(t, 8)
}

// Shape returns the input's shape.
func (Softmax) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if len(input) < 2 {
		return nil, InputErrorf("input %s has %d axes, want 2 or more (batch, …, classes)", tensor.FormatShape(input), len(input))
	}
	if input[len(input)-1] == 0 {
		return nil, errNoChannels
	}
	return input, checkAxes(input)
}

// Multiplications returns 0: activations are not counted.
func (Softmax) Multiplications(...[]int) int64 { return 0 }
