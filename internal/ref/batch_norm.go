package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, op ir.BatchNorm, operands []tensor.Tensor) error {
		return batchNorm(ctx, r, op, Known(operands[0]), operands[1:])
	})
	_ = registerExtension(func(ctx context.Context, out *Result, op ir.BatchNorm, operands []Operand, weights []tensor.Tensor) error {
		return batchNorm(ctx, out, op, operands[0], weights)
	})
)

// norm is batch_norm for one channel: x·f + (offset − mean·f), with f =
// scale/√(variance+ε).
//
// Its error is at most
//
//	(γ₅ + rsqrt's error)·(|x·f| + |mean·f| + |offset|) + 2⁻¹²⁶·(|x|+|mean|+|scale|+|f|+3)
//
// in every way in which kernels compute it (claim 13: Batch norm). Subnormal numbers may
// be read as zero.
type norm struct {
	f, mean, offset float64
	scale, root     float64 // |scale|, 1/√(variance+ε)
	fixed           float64 // |mean·f| + |offset|
	lost            float64 // the error of flushing mean and offset
	subnormal       bool    // scale is subnormal: f may be 0
	isNaN           bool    // one of the channel's numbers is NaN
	state           State
}

const normTerms = 5

// norms sets up the channels. operands are scale, offset, mean and variance.
func norms(op ir.BatchNorm, operands []tensor.Tensor) []norm {
	list := make([]norm, len(operands[0].Data))
	for c := range list {
		scale, offset := operands[0].Data[c], operands[1].Data[c]
		mean, variance := operands[2].Data[c], operands[3].Data[c]
		base := float64(variance) + float64(op.Epsilon)
		f := float64(scale) / math.Sqrt(base)
		n := norm{
			f: f, mean: float64(mean), offset: float64(offset),
			scale: math.Abs(float64(scale)), root: 1 / math.Sqrt(base),
			fixed:     math.Abs(float64(mean)*f) + math.Abs(float64(offset)),
			lost:      flushError(float64(mean))*math.Abs(f) + flushError(float64(offset)),
			subnormal: isSubnormal(scale),
			isNaN:     scale != scale || offset != offset || mean != mean || variance != variance,
		}
		switch {
		case f != f || base <= 0 || base-base != 0 || n.fixed != n.fixed:
			// A negative variance gives NaN, an infinity what the formula gives;
			// variance + ε may be flushed where one of them is subnormal.
			n.state = Unspecified
		case base < smallest, isSubnormal(variance) && base < 0x1p-100, isSubnormal(op.Epsilon) && base < 0x1p-100:
			n.state = Unspecified
		case math.Abs(f) > math.MaxFloat32:
			n.state = OverflowPossible
		}
		list[c] = n
	}
	return list
}

// at normalises a number of the channel that lies within a bound of x.
func (n norm) at(x, within float64, state State) (float64, float64, State) {
	value := (x-n.mean)*n.f + n.offset
	if state == Plain && (n.isNaN || x != x) {
		// Each of the formulas computes with all five numbers, and has NaN for a NaN.
		return math.NaN(), 0, Plain
	}
	state = max(state, n.state)
	if state == Unspecified || value-value != 0 {
		if value-value != 0 && (x-x == 0 || n.subnormal || math.Abs(n.f) < smallest || n.fixed > math.MaxFloat32) {
			state = Unspecified
		}
		return value, 0, state
	}
	reach := math.Abs(x) + within
	absolute := reach*math.Abs(n.f) + n.fixed
	lost := smallest*(reach+math.Abs(n.mean)+n.scale+math.Abs(n.f)+3) + n.lost
	if reach < smallest || math.Abs(x)-within < smallest {
		lost += min(reach, smallest) * math.Abs(n.f)
	}
	if n.subnormal {
		lost += absolute
	}
	bound := within*math.Abs(n.f) + (gamma(normTerms)+margin*function("rsqrt").ULPs*0x1p-23)*absolute + lost
	if max(absolute+bound, (reach+math.Abs(n.mean))*max(1, n.root)) > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}

// batchNorm normalises every number by its channel.
//
// A device may multiply the filter of a convolution before by f, and add the constant
// offset − mean·f to its sums, or begin with it; and it may fold constants of operations
// behind into f and that constant. Beside f's own error, which all products share, each
// product has one rounding more then, and the constant is a term of the sum, with two
// roundings of its own (claim 25: Constants folded into sums); see fold.
func batchNorm(ctx context.Context, r *Result, op ir.BatchNorm, operand Operand, weights []tensor.Tensor) error {
	channels := norms(op, weights)
	err := eachChunk(ctx, len(r.Value), func(i int) {
		x, within, state := operand.at(i)
		r.Value[i], r.Bound[i], r.State[i] = channels[i%len(channels)].at(x, within, state)
	})
	if err != nil {
		return err
	}
	const roundings = 3 // of the constant: mean·f, the difference, and the sum
	f := folding{more: roundings, scaled: true, shifted: true}
	for _, n := range channels {
		f.factor, f.addend = append(f.factor, math.Abs(n.f)), append(f.addend, n.fixed)
	}
	return r.fold(ctx, operand, f)
}
