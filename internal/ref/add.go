package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = register(add)
	_ = registerExtension(extendAdd)
	_ = registerBoth(scaleShift)
)

// add is a sum of n terms in any order, with n−1 roundings (claim 12: Sums and scales of
// numbers). A sum of two terms has one rounding and no partial sum that could overflow.
func add(ctx context.Context, r *Result, _ Arithmetic, _ ir.Add, operands []tensor.Tensor) error {
	q := 1.0
	peak := 0.0
	for _, x := range operands {
		q = min(q, quantum(x.Data))
		peak += largestFinite(x.Data)
	}
	err := eachChunk(ctx, len(r.Value), func(i int) {
		sum, absolute, lost := 0.0, 0.0, 0.0
		for _, x := range operands {
			v := float64(x.Data[i])
			sum += v
			absolute += math.Abs(v)
			if isSubnormal(x.Data[i]) {
				lost += math.Abs(v)
			}
		}
		r.Value[i] = sum
		switch {
		case math.IsNaN(sum) || math.IsInf(sum, 0):
			if peak > math.MaxFloat32 && len(operands) > 2 {
				r.State[i] = OverflowPossible
			}
		case q > 0 && absolute <= exactTerms*q:
		default:
			if len(operands) == 2 {
				absolute = math.Abs(sum)
			}
			r.sum(i, Arithmetic{}, len(operands)-1, absolute, lost, 0)
		}
	})
	if r.sums != nil {
		list := make([]Operand, len(operands))
		for i, x := range operands {
			list[i] = Known(x)
		}
		r.recordAdd(list, q)
	}
	return err
}

// scaleShift is a product and a sum, each rounded once, or both at once.
func scaleShift(ctx context.Context, r *Result, op ir.ScaleShift, operands []Operand) error {
	x := operands[0]
	channels := r.Shape[len(r.Shape)-1]
	number := func(list []float32, channel int, none float64) float64 {
		switch len(list) {
		case 0:
			return none
		case 1:
			return float64(list[0])
		}
		return float64(list[channel])
	}
	roundings := 0
	for _, list := range [][]float32{op.Scale, op.Shift} {
		if len(list) > 0 {
			roundings++
		}
	}
	err := eachChunk(ctx, len(r.Value), func(i int) {
		v, within, state := x.at(i)
		scale, shift := number(op.Scale, i%channels, 1), number(op.Shift, i%channels, 0)
		product := v * scale
		r.Value[i] = product + shift
		if state != Plain {
			r.State[i] = Unspecified
			return
		}
		if math.IsNaN(r.Value[i]) || math.IsInf(r.Value[i], 0) || roundings == 0 {
			if isSubnormal(float32(scale)) {
				r.State[i] = Unspecified // infinity times zero, if scale is read so
			}
			r.Bound[i] = within
			return
		}
		reach := math.Abs(v) + within
		absolute := reach*math.Abs(scale) + math.Abs(shift)
		lost := 0.0
		switch {
		case isSubnormal(float32(scale)):
			lost += reach * math.Abs(scale)
		case reach > 0 && math.Abs(v)-within < smallest:
			lost += min(reach, smallest) * math.Abs(scale)
		}
		if isSubnormal(float32(shift)) {
			lost += math.Abs(shift)
		}
		// Exact where the product, and then the sum, is a float32 that is not
		// flushed.
		if within == 0 && lost == 0 && isNormalFloat32(product) && isNormalFloat32(r.Value[i]) {
			return
		}
		r.sum(i, Arithmetic{}, roundings, absolute, lost, 0)
		r.Bound[i] += within * math.Abs(scale)
	})
	if err != nil {
		return err
	}
	f := folding{
		more: roundings, factorQuantum: quantum(op.Scale), addendQuantum: quantum(op.Shift),
		scaled: len(op.Scale) > 0, shifted: len(op.Shift) > 0,
	}
	for c := range channels {
		f.factor = append(f.factor, math.Abs(number(op.Scale, c, 1)))
		f.addend = append(f.addend, math.Abs(number(op.Shift, c, 0)))
	}
	return r.fold(ctx, x, f)
}

// isNormalFloat32 reports whether x is zero or a normal float32.
func isNormalFloat32(x float64) bool {
	return float64(float32(x)) == x && (x == 0 || math.Abs(x) >= smallest)
}
