package ref

import (
	"context"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Levels is the use that a caller makes of Result.Level, which costs time to compute.
type Levels int

// The zero value is the cheapest: a level needs a third sum over all products.
const (
	// NoLevels leaves Result.Level nil.
	NoLevels Levels = iota
	// MeasureLevels computes Result.Level, as a figure: on numbers that were not drawn,
	// as images, correct kernels may exceed AlarmLevel.
	MeasureLevels
	// JudgeLevels computes Result.Level of operands that were drawn with random signs,
	// so that a larger error than AlarmLevel·Level is an error of the device.
	JudgeLevels
)

// AlarmLevel is how many times its level an error must be before a device is said to
// compute with less than float32's precision. Of float32 sums of products with random
// signs, in the order of the worst kernels, one in a thousand exceeds 2, one in a million
// 4, and the tail falls on so steeply that one in 10¹² exceeds 8; TF32 lies at
// |Z|·6,900/√n, Z a standard normal number (docs/precision.md).
const AlarmLevel = 8

// statistic describes a sum of terms, as far as its level depends on it.
type statistic struct {
	terms        int
	sum, squares float64 // S and Q of the package comment
}

// level returns T of the package comment.
func (s statistic) level() float64 {
	n := float64(s.terms)
	return unit * math.Sqrt((n+1)*(s.squares/6+s.sum*s.sum/3)+s.squares)
}

// ask sets what is asked of the levels.
func (r *Result) ask(a Arithmetic, levels Levels) {
	r.levels = levels
	r.Judged = levels == JudgeLevels && !a.TF32
}

// beginLevels allocates the levels of a kernel that sums, where levels are asked for and
// the device adds float32 products. Other kernels have their bounds as levels.
func (r *Result) beginLevels(a Arithmetic) {
	if r.levels != NoLevels && !a.TF32 && !a.FFT {
		r.Level = make([]float64, len(r.Value))
		if r.sums != nil {
			r.sums.statistics = make([]statistic, len(r.Value))
		}
	}
}

// setLevel sets the level of element i, a sum whose terms with subnormal factors have
// absolute values that add up to lost.
func (r *Result) setLevel(i int, s statistic, lost float64) {
	if r.Level != nil && r.State[i] != Unspecified {
		r.Level[i] = s.level() + float64(s.terms)*smallest + lost
	}
}

// setSquares sets the sum of the squares of element i's products, where it is asked for.
func (r *Result) setSquares(i int, squares float64) {
	if r.squares != nil {
		r.squares[i] = squares
	}
}

// endLevels has the bounds stand for the levels of a kernel that set none: its errors
// have no other statistic.
func (r *Result) endLevels() {
	if r.levels != NoLevels && r.Level == nil {
		r.Level = r.Bound // not a copy: unwritten pages of zeros take no memory
	}
}

// folded returns the statistic of a sum whose terms are multiplied by factor, and to which
// a number is added. value is that sum; each term has so many roundings more.
func (s statistic) folded(value, factor, addend float64, more int) statistic {
	return statistic{s.terms + more, value, s.squares*factor*factor + addend*addend}
}

// foldedLevel returns by how much the level of element i times factor plus more numbers is
// larger for kernels that multiply the terms. own is the bound of element i, next the
// statistic of the sum and absolute the absolute values of its terms.
func (s *sums) foldedLevel(i int, own, factor float64, next statistic, absolute float64) float64 {
	before := s.of(i)
	level, less := 0.0, 0.0
	if s.statistics == nil {
		level, less = s.arithmetic.sumBound(next.terms, absolute), s.arithmetic.sumBound(before.terms, s.absolute[i])
	} else {
		each := unit * math.Sqrt(float64(next.terms-before.terms)*next.squares)
		level, less = math.Hypot(next.level(), each), before.level()
	}
	if own == 0 { // the sum itself rounds nothing
		return level
	}
	return max(0, level-less*factor)
}

// of returns the statistic of element i; without levels, its terms alone.
func (s *sums) of(i int) statistic {
	if s.statistics == nil {
		return statistic{terms: int(s.terms[i])}
	}
	return s.statistics[i]
}

// askStatistics allocates the statistics of the sums that are recorded, where levels are
// asked for.
func (r *Result) askStatistics() {
	if r.sums != nil && r.levels != NoLevels {
		r.sums.statistics = make([]statistic, len(r.Value))
	}
}

// extendLevels sets the levels of an operation's output by its rule for bounds. The rule
// is asked twice, for operands that are off by nothing and for operands that are off by
// AlarmLevel times their levels. With E₀ and Eₐ the bounds that it gives, the level is
//
//	E₀·(1 − 1/AlarmLevel) + Eₐ/AlarmLevel
//
// Eₐ has the operation's own error and the change of its output. So an error below the
// alarm stays below it, and the operation's own error counts whole: a later sum of
// such numbers adds up levels as standard deviations.
func (r *Result) extendLevels(ctx context.Context, compute extension[ir.Op], op ir.Op, operands []Operand, weights []tensor.Tensor) error {
	if r.levels == NoLevels {
		return nil
	}
	started := r.Level // by kernels that begin with a number that is added to a sum
	r.Level = make([]float64, len(r.Value))
	for _, pass := range [2]struct{ times, part float64 }{{0, 1 - 1./AlarmLevel}, {AlarmLevel, 1. / AlarmLevel}} {
		list := make([]Operand, len(operands))
		for k, o := range operands {
			list[k] = o.offBy(pass.times)
		}
		of, err := newResult(r.Shape)
		if err != nil {
			return err
		}
		if err := compute(ctx, &of, op, list, weights); err != nil {
			return err
		}
		for i, bound := range of.Bound {
			if of.State[i] == Unspecified {
				bound = r.Bound[i] // beyond float32's range, say
			}
			r.Level[i] += pass.part * bound
		}
	}
	for i := range r.Level {
		switch {
		case r.State[i] == Unspecified || r.Bound[i] == 0:
			r.Level[i] = 0
		case r.Level[i]-r.Level[i] != 0:
			r.Level[i] = r.Bound[i]
		case started != nil:
			r.Level[i] += started[i]
		}
	}
	return nil
}

// spread returns the levels, or the bounds of a result without levels.
func (r *Result) spread() []float64 {
	if r.Level == nil {
		return r.Bound
	}
	return r.Level
}

// offBy returns an operand whose bounds are its levels, so many times.
func (o Operand) offBy(times float64) Operand {
	if o.result == nil {
		return o
	}
	off := *o.result
	off.sums, off.Bound = nil, slices.Clone(o.result.spread())
	for i := range off.Bound {
		off.Bound[i] *= times
	}
	return Within(off)
}

// extendLinearLevels, which is called before the bounds are widened, adds the levels of a linear operation's operand to those of its own
// sums. Each is a standard deviation. Under weights of random signs the operand's errors
// add up by their squares, whether they depend on each other or not. Without weights they
// may all have one sign, and add up.
func (r *Result) extendLinearLevels(ctx context.Context, a Arithmetic, op ir.Op, operand Result, weights []tensor.Tensor) error {
	if r.levels == NoLevels {
		return nil
	}
	off := tensor.Tensor{Shape: operand.Shape, Data: make([]float32, len(operand.Value))}
	for i, level := range operand.spread() {
		if level > 0 {
			off.Data[i] = math.Nextafter32(float32(level+smallest), math.MaxFloat32)
		}
	}
	of, err := apply(ctx, a, op, request{squares: true}, append([]tensor.Tensor{off}, weights[:min(1, len(weights))]...)...)
	if err != nil {
		return err
	}
	r.Level = slices.Clone(r.Level) // it may be the bounds
	for i := range r.Level {
		if of.squares != nil {
			r.Level[i] = math.Hypot(r.Level[i], math.Sqrt(of.squares[i]))
		} else {
			r.Level[i] += of.Value[i]
		}
	}
	return nil
}
