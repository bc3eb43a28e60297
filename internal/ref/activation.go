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
	// slope is the largest slope of the function. 0: the function never falls, and
	// the values at both ends of an interval enclose all values in it.
	slope float64
	// turningPoints are the x at which the function stops falling, or at which the bound is
	// larger than on both sides; empty: the function never falls, and the bound
	// has no such x.
	turningPoints []float64
	// exactFloats reports that a value that float32 has is exact, x being a float32.
	exactFloats bool
	// product describes the function as a product, with the roundings of an optimizer's.
	product product
	// unspecifiedNaN reports that kernels differ in the output for NaN.
	unspecifiedNaN bool
}

// The functions of one number.
var (
	// A negative subnormal number may come out as it is: it compares like zero.
	_ = registerActivation(func(ir.ReLU) activation {
		return activation{value: func(x float64) float64 { return max(x, 0) }, bound: exact, unspecifiedNaN: true}
	})
	_ = registerActivation(func(ir.ReLU6) activation {
		return activation{value: func(x float64) float64 { return min(max(x, 0), 6) }, bound: exact, unspecifiedNaN: true}
	})
	_ = registerActivation(func(op ir.LeakyReLU) activation { return leakyReLU(float64(op.Alpha)) })
	_ = registerActivation(func(ir.ELU) activation { return tableFunction("elu") })
	_ = registerActivation(func(ir.SELU) activation { return tableFunction("selu") })
	_ = registerActivation(func(ir.Sigmoid) activation { return tableFunction("sigmoid") })
	_ = registerActivation(func(ir.Tanh) activation { return tableFunction("tanh") })
	_ = registerActivation(func(ir.Swish) activation { return swish() })
	_ = registerActivation(func(ir.HardSwish) activation { return hardSwish() })
)

// registerActivation registers the kernel and the extension of a function.
func registerActivation[O ir.Op](of func(O) activation) struct{} {
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, op O, operands []tensor.Tensor) error {
		a, x := of(op), operands[0]
		defer func() { r.recordProduct(a.product, Known(x)) }()
		return eachChunk(ctx, len(x.Data), func(i int) { r.Value[i], r.Bound[i], r.State[i] = a.at(x.Data[i]) })
	})
	return registerExtension(func(ctx context.Context, out *Result, op O, operands []Operand, _ []tensor.Tensor) error {
		a, r := of(op), operands[0].result
		defer func() { out.recordProduct(a.product, operands[0]) }()
		return eachChunk(ctx, len(r.Value), func(i int) {
			out.Value[i], out.Bound[i], out.State[i] = a.atWithin(r.Value[i], r.Bound[i], r.State[i])
		})
	})
}

// exact is the bound of a function that rounds nothing (claim 15: Rectifiers).
func exact(x, _ float64) float64 { return flushError(x) }

// flushError returns the error of reading a subnormal x as zero, and 0 for other x.
func flushError(x float64) float64 {
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
			lost := flushError(x) * max(1, math.Abs(alpha))
			if x < 0 {
				lost += unit*math.Abs(y) + flushError(y)
			}
			if x < 0 && flushError(alpha) > 0 {
				lost += math.Abs(y)
			}
			return lost
		},
		slope:          max(1, math.Abs(alpha)),
		exactFloats:    flushError(alpha) == 0,
		unspecifiedNaN: true,
	}
}

// flushLimit is the number below which eˣ may be flushed to zero. It is not 2⁻¹²⁶:
// kernels of oneDNN compute 2ⁿ as twice 2ⁿ⁻¹, which may be subnormal.
const flushLimit = 2 * smallest

// tableFunction is an activation with the measured errors of the table.
func tableFunction(name string) activation {
	f := function(name)
	return activation{
		value: f.Value,
		bound: func(x, y float64) float64 {
			bound := margin * f.Absolute
			if f.Relative(x) {
				bound = margin * f.ULPs * Spacing(y)
				if bound > 0 && math.Abs(y) < flushLimit {
					bound += flushLimit
				}
			}
			if math.Abs(x) < smallest {
				bound += math.Abs(y - f.Value(0))
			}
			return bound
		},
	}
}

// swish is x·s with s = sigmoid(x): y is off by a part of |y| (claim 16: Swish and hard
// swish). Where s may be flushed to zero that costs |x|·2⁻¹²⁵ at the most.
func swish() activation {
	f := function("sigmoid")
	relative := (1+margin*f.ULPs*0x1p-23)*(1+unit) - 1
	return activation{
		value: func(x float64) float64 { return x * f.Value(x) },
		bound: func(x, y float64) float64 {
			bound := relative*math.Abs(y) + flushedProduct(y)
			if f.Value(x) < flushLimit {
				bound += math.Abs(x) * flushLimit
			}
			return bound
		},
		turningPoints: []float64{-1.2784645427610738}, // y is −0.27846 there, the least
		product:       product{scale: 1},              // sigmoid's error is a part of it everywhere
	}
}

// hardSwish is x·h with h = relu6(x + 3)/6. In one call with a convolution oneDNN
// computes h as x/6 + 1/2, cut off at 0 and 1. The bound holds either way (claim 16:
// Swish and hard swish).
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
		turningPoints:  []float64{-edge, -1.5, edge},
		product:        product{scale: 6, roundings: 3}, // of 1/6, and of two products
		unspecifiedNaN: true,
	}
}

// flushedProduct returns the error of flushing a subnormal product to zero, or of reading
// its factor as zero.
func flushedProduct(y float64) float64 {
	if y != 0 && math.Abs(y) < 2*smallest {
		return smallest + flushError(y)
	}
	return 0
}

// at computes the function of a float32.
func (a activation) at(x float32) (value, bound float64, state State) {
	value = a.value(float64(x))
	switch {
	case value != value:
		if a.unspecifiedNaN || x == x {
			state = Unspecified
		}
		return value, 0, state
	case value-value != 0:
		return value, 0, Plain
	case a.exactFloats && isNormalFloat32(value) && !isSubnormal(x):
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

// atWithin computes the function of a number that lies within a bound of x (claim 24:
// Functions and maxima of bounded numbers).
func (a activation) atWithin(x, within float64, state State) (float64, float64, State) {
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
	for _, turn := range a.turningPoints {
		if math.Abs(turn-x) < within {
			moved = max(moved, math.Abs(a.value(turn)-value))
			own = max(own, a.bound(turn, a.value(turn)))
		}
	}
	if a.slope > 0 {
		moved = a.slope * within
	}
	bound := moved + own + 4*unit64*(math.Abs(value)+moved)
	if math.Abs(value)+bound > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}
