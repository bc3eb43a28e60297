package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// activation is a function of one number, for numbers that are known and for
// numbers that are known within a bound.
type activation struct {
	value func(x float64) float64
	// bound is the kernel's own error at x, value(x) being y. x need not be a
	// float32.
	bound func(x, y float64) float64
	// slope is the largest that the function has; 0: it never falls, and its
	// ends tell how far it may move.
	slope float64
	// turns are the x at which the function stops falling, or at which the bound is
	// larger than on both sides; empty: the function never falls, and the bound
	// has no such x.
	turns []float64
	// kept says that a value that float32 has is exact, x being a float32.
	kept bool
	// nan says that kernels differ in what they make of NaN.
	nan bool
}

// The functions of one number.
var (
	// A negative subnormal number may come out as it is: it compares like zero.
	_ = activates(func(ir.ReLU) activation {
		return activation{value: func(x float64) float64 { return max(x, 0) }, bound: exact, nan: true}
	})
	_ = activates(func(ir.ReLU6) activation {
		return activation{value: func(x float64) float64 { return min(max(x, 0), 6) }, bound: exact, nan: true}
	})
	_ = activates(func(op ir.LeakyReLU) activation { return leakyReLU(float64(op.Alpha)) })
	_ = activates(func(ir.ELU) activation { return measured("elu") })
	_ = activates(func(ir.SELU) activation { return measured("selu") })
	_ = activates(func(ir.Sigmoid) activation { return measured("sigmoid") })
	_ = activates(func(ir.Tanh) activation { return measured("tanh") })
	_ = activates(func(ir.Swish) activation { return swish() })
	_ = activates(func(ir.HardSwish) activation { return hardSwish() })
)

// activates registers the kernels of a function, for numbers and for results.
func activates[O ir.Op](of func(O) activation) struct{} {
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, op O, operands []tensor.Tensor) error {
		a, x := of(op), operands[0]
		return eachChunk(ctx, len(x.Data), func(i int) { r.Value[i], r.Bound[i], r.State[i] = a.at(x.Data[i]) })
	})
	return extends(func(ctx context.Context, out *Result, op O, operands []Operand, _ []tensor.Tensor) error {
		a, r := of(op), operands[0].result
		return eachChunk(ctx, len(r.Value), func(i int) {
			out.Value[i], out.Bound[i], out.State[i] = a.through(r.Value[i], r.Bound[i], r.State[i])
		})
	})
}

// exact is the bound of a function that rounds nothing.
func exact(x, _ float64) float64 { return flushed(x) }

// flushed is what reading x as zero, where it is subnormal, may change it by.
func flushed(x float64) float64 {
	if math.Abs(x) < smallest {
		return math.Abs(x)
	}
	return 0
}

// leakyReLU is exact above 0 and one rounded product below. A subnormal alpha
// may be read as zero.
func leakyReLU(alpha float64) activation {
	return activation{
		value: func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * x
		},
		bound: func(x, y float64) float64 {
			lost := flushed(x) * max(1, math.Abs(alpha))
			if x < 0 {
				lost += unit*math.Abs(y) + flushed(y)
			}
			if x < 0 && flushed(alpha) > 0 {
				lost += math.Abs(y)
			}
			return lost
		},
		slope: max(1, math.Abs(alpha)),
		kept:  flushed(alpha) == 0,
		nan:   true,
	}
}

// lostBelow is where eˣ may be flushed to zero. It is not 2⁻¹²⁶: kernels of
// oneDNN make 2ⁿ as twice 2ⁿ⁻¹, and lose it where that is subnormal.
const lostBelow = 2 * smallest

// measured is a function of the table.
func measured(name string) activation {
	f := function(name)
	return activation{
		value: f.Value,
		bound: func(x, y float64) float64 {
			bound := margin * f.Absolute
			if f.Relative(x) {
				bound = margin * f.ULPs * Spacing(y)
				if bound > 0 && math.Abs(y) < lostBelow {
					bound += lostBelow
				}
			}
			if math.Abs(x) < smallest {
				bound += math.Abs(y - f.Value(0))
			}
			return bound
		},
	}
}

// swish is x·s with s = sigmoid(x). s is off by the table's error, a part of s
// as everywhere, and the product rounds once: y is off by a part of |y|. Where s
// may be flushed to zero that costs |x|·2⁻¹²⁵ at the most.
func swish() activation {
	f := function("sigmoid")
	relative := (1+margin*f.ULPs*0x1p-23)*(1+unit) - 1
	return activation{
		value: func(x float64) float64 { return x * f.Value(x) },
		bound: func(x, y float64) float64 {
			bound := relative*math.Abs(y) + flushedProduct(y)
			if f.Value(x) < lostBelow {
				bound += math.Abs(x) * lostBelow
			}
			return bound
		},
		turns: []float64{-1.2784645427610738}, // y is −0.27846 there, the least
	}
}

// hardSwish is x·h with h = relu6(x + 3)/6. Nodes of TensorFlow round the sum,
// 1/6 and two products: 4u·|y|. In one call with a convolution oneDNN computes
// h as x/6 + 1/2, cut off at 0 and 1: 1/6 and the product round, 2u·|x|/6, and
// the sum, u·h. Together
//
//	u·(x²/3 + 4|y|)
//
// holds either way, and 1 per cent more what is of second order. Below −3 both
// are 0, above 3 both are x: 6 times the rounded 1/6 is rounded to 1.
func hardSwish() activation {
	const edge = 3 * (1 + 4*unit) // beyond which a rounded sum is cut off
	return activation{
		value: func(x float64) float64 { return x * min(max(x+3, 0), 6) / 6 },
		bound: func(x, y float64) float64 {
			if math.Abs(x) > edge {
				return 0
			}
			return 1.01*unit*(x*x/3+4*math.Abs(y)) + flushedProduct(y)
		},
		turns: []float64{-edge, -1.5, edge},
		nan:   true,
	}
}

// flushedProduct is what flushing a product that is subnormal may cost, or
// reading its factor as zero.
func flushedProduct(y float64) float64 {
	if y != 0 && math.Abs(y) < 2*smallest {
		return smallest + flushed(y)
	}
	return 0
}

// at is the function of a float32.
func (a activation) at(x float32) (value, bound float64, state State) {
	value = a.value(float64(x))
	switch {
	case value != value:
		if a.nan || x == x {
			state = Unspecified
		}
		return value, 0, state
	case value-value != 0:
		return value, 0, Plain
	case a.kept && keeps(value) && !isSubnormal(x):
		return value, 0, Plain
	case x-x != 0:
		// The end of the curve: exact, or as near as everywhere.
		return value, a.bound(math.Copysign(math.MaxFloat32, float64(x)), value), Plain
	}
	bound = a.bound(float64(x), value)
	if math.Abs(value)+bound > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}

// through is the function of a number that is within a bound of x.
func (a activation) through(x, within float64, state State) (float64, float64, State) {
	switch {
	case state != Plain:
		// An infinity may become a number here, as right as any other.
		return a.value(x), 0, Unspecified
	case within == 0:
		return a.at(float32(x))
	}
	low, high := a.value(x-within), a.value(x+within)
	value := a.value(x)
	moved := max(math.Abs(high-value), math.Abs(value-low))
	own := max(a.bound(x, value), a.bound(x-within, low), a.bound(x+within, high))
	for _, turn := range a.turns {
		if math.Abs(turn-x) < within {
			moved = max(moved, math.Abs(a.value(turn)-value))
			own = max(own, a.bound(turn, a.value(turn)))
		}
	}
	if a.slope > 0 {
		moved = a.slope * within
	}
	// A number between the ends that is read as zero gives what zero gives: that
	// lies between the ends too, or no further out than the nearer one's bound.
	bound := moved + own + 4*unit64*(math.Abs(value)+moved)
	if math.Abs(value)+bound > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}
