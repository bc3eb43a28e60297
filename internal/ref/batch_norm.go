package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = register(batchNorm)
	_ = registerExtension(extendBatchNorm)
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
func batchNorm(ctx context.Context, r *Result, _ Arithmetic, op ir.BatchNorm, operands []tensor.Tensor) error {
	x, channels := operands[0], norms(op, operands[1:])
	return eachChunk(ctx, len(x.Data), func(i int) {
		r.Value[i], r.Bound[i], r.State[i] = channels[i%len(channels)].at(float64(x.Data[i]), 0, Plain)
	})
}

// extendBatchNorm normalises a result. A device may instead multiply the filter of the
// convolution before by f (claim 25: Batch norm folded into a sum). Each product then has one more rounding, which is no larger
// than the operand's bound.
func extendBatchNorm(ctx context.Context, out *Result, op ir.BatchNorm, operands []Operand, weights []tensor.Tensor) error {
	r, channels := operands[0].result, norms(op, weights)
	return eachChunk(ctx, len(r.Value), func(i int) {
		out.Value[i], out.Bound[i], out.State[i] = channels[i%len(channels)].at(r.Value[i], r.Bound[i], r.State[i])
	})
}
