package ir

import (
	"fmt"
	"math"
)

// LRN is TensorFlow's LRN, local response normalisation across channels
// (Krizhevsky, Sutskever and Hinton 2012, section 3.3):
//
//	x / (Bias + Alpha·Σx²)^Beta
//
// where the sum is over the channels that are at most DepthRadius away.
// Operand: input [N,H,W,C].
type LRN struct {
	DepthRadius       int
	Bias, Alpha, Beta float32
}

// Kind returns "lrn".
func (LRN) Kind() string { return "lrn" }

// The defaults are TensorFlow's.
func (l *LRN) attributes() []Attribute {
	return []Attribute{
		{Name: "depth_radius", Value: &l.DepthRadius, Default: new(5)},
		{Name: "lrn_bias", Value: &l.Bias, Default: new(float32(1))},
		{Name: "alpha", Value: &l.Alpha, Default: new(float32(1))},
		{Name: "beta", Value: &l.Beta, Default: new(float32(0.5))},
	}
}

// Traits returns the traits of a normalisation by the numbers round each.
func (l LRN) Traits() Traits {
	// Where squares are much smaller or larger than Bias/Alpha, only one of the two counts.
	responds := Interval{}
	if l.Bias > 0 && l.Alpha > 0 {
		reach := math.Sqrt(float64(l.Bias) / float64(l.Alpha))
		responds = Interval{Low: -reach, High: reach}
	}
	return Traits{
		Rounds: true, Responds: responds,
		Family: Normalization, Operands: OneInput, Output: NewBuffer, Saved: SavesBoth, Reads: LastAxis,
		Unspecified: "an infinity gives what the formula gives",
	}
}

// Shape returns the input's shape.
func (l LRN) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	if err := checkInput(operands[0]); err != nil {
		return nil, err
	}
	if l.DepthRadius < 0 || l.DepthRadius > maxSize/2 {
		return nil, fmt.Errorf("depth radius is %d, want 0 or more", l.DepthRadius)
	}
	// A base that may be zero or negative has no power.
	if !positive(l.Bias) {
		return nil, fmt.Errorf("bias is %v, want a number above 0", l.Bias)
	}
	if l.Alpha != 0 && !positive(l.Alpha) {
		return nil, fmt.Errorf("alpha is %v, want 0 or a number above it", l.Alpha)
	}
	if !finite(l.Beta) {
		return nil, fmt.Errorf("beta is %v, want a finite number", l.Beta)
	}
	return operands[0], nil
}

// Multiplications returns two for each number: its square, and the quotient. The
// power is not counted.
func (l LRN) Multiplications(operands ...[]int) int64 {
	if _, err := l.Shape(operands...); err != nil {
		return 0
	}
	return 2 * count(operands[0][1:])
}
