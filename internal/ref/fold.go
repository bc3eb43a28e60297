package ref

import (
	"context"
	"math"
)

// folding is a product and a sum with constants, which an optimizer may fold into the
// constants of the sums before: scale_shift and batch_norm.
type folding struct {
	// The absolute values of the constants, one of each a channel.
	factor, addend []float64
	// more is the number of roundings that a term gets.
	more int
	// All factors, and all addends, are multiples of these; 0 where that is unknown.
	factorQuantum, addendQuantum float64
	// scaled and shifted report whether there is a product, and a sum.
	scaled, shifted bool
}

// fold widens the bounds of a result, which the operation itself has computed of x, for
// kernels that fold its constants into the sums that x is, and records the sums of the
// result where that is asked for.
//
// A sum Σx·w within a bound b becomes Σx·(w·c) + d. Of b, the part that comes of rounding
// the sum is computed anew: of each term, with one rounding more for each constant
// (γₙ₊₁·Σ|x·w·c|, not γₙ), also where the sum is far smaller than its terms. The rest of b is
// multiplied by |c|. A product w·c may be flushed to zero, which costs 2⁻¹²⁶·Σ|x|.
func (r *Result) fold(ctx context.Context, x Operand, f folding) error {
	before, channels := x.sums(), len(f.factor)
	if before == nil && r.sums == nil {
		return nil
	}
	folded := before != nil
	if !folded {
		before = x.asTerms(r.levels != NoLevels)
	}
	if before.statistics != nil {
		r.askStatistics()
	}
	merged := before.constants
	if f.scaled {
		merged = merged.times(f.factor, 0)
	}
	quantum := min(before.quantum*f.factorQuantum, f.addendQuantum)
	err := eachChunk(ctx, len(r.Value), func(i int) {
		factor, addend := f.factor[i%channels], f.addend[i%channels]
		absolute := before.absolute[i]*factor + addend
		next := before.of(i).folded(r.Value[i], factor, addend, f.more)
		if r.sums != nil {
			r.recordSum(i, next, absolute)
		}
		switch {
		case !folded || r.State[i] == Unspecified:
			return
		case r.Value[i]-r.Value[i] != 0:
			if f.scaled && (merged.flushes() || merged.overflows()) {
				r.State[i] = Unspecified // an infinity times zero, or zero times an infinity
			}
			return
		}
		_, own, _ := x.at(i)
		bound := before.bound(i, own, factor, addend, f.more, quantum)
		if r.levels != NoLevels && bound > 0 {
			r.Level[i] = max(r.Level[i], before.foldedLevel(i, own, factor, next, absolute))
		}
		if f.factorQuantum == 0 { // the operation's own error beside that of its operand
			bound += max(0, r.Bound[i]-own*factor)
		}
		if f.scaled {
			bound += merged.flushed()
		}
		if addend < smallest {
			bound += addend // it may be read as zero
		}
		r.widen(i, before.arithmetic, bound, absolute)
		if f.scaled && merged.overflows() && r.State[i] == Plain {
			r.State[i] = OverflowPossible
		}
	})
	if r.sums == nil || err != nil {
		return err
	}
	r.beginSums(before.arithmetic, quantum, before.exact)
	r.sums.constants = before.constants
	if f.scaled {
		r.sums.constants = r.sums.constants.times(f.factor, x.reach())
	}
	if f.shifted {
		r.sums.constants = r.sums.constants.plus(f.addend)
	}
	return nil
}

// recordAdd records the sums of a sum of operands, which may be sums themselves.
func (r *Result) recordAdd(operands []Operand, quantum float64) {
	if r.sums == nil {
		return
	}
	r.beginSums(Arithmetic{}, quantum, exactTerms)
	r.askStatistics()
	for _, o := range operands {
		if s := o.sums(); s != nil {
			r.sums.arithmetic, r.sums.exact = s.arithmetic, min(r.sums.exact, s.exact)
		}
	}
	for i := range r.Value {
		absolute, rest, terms, squares := 0.0, 0.0, 0, 0.0
		for _, o := range operands {
			v, own, _ := o.at(i)
			if s := o.sums(); s != nil {
				absolute, rest, terms = absolute+s.absolute[i], rest+s.rest(i, own), max(terms, int(s.terms[i]))
				squares += s.of(i).squares
			} else {
				absolute, rest, squares = absolute+math.Abs(v)+own, rest+own, squares+v*v
			}
		}
		terms += len(operands) - 1
		r.recordSum(i, statistic{terms, r.Value[i], squares}, absolute)
		if rest > 0 && r.State[i] != Unspecified && r.Value[i]-r.Value[i] == 0 {
			r.widen(i, r.sums.arithmetic, rest+r.sums.arithmetic.sumBound(terms, absolute), absolute)
		}
	}
	r.sums.constants = noConstants(largestOf(r.sums.absolute))
}

// product is a function x·f(x), f being between 0 and 1, of which an optimizer may
// multiply a part by a constant behind it. The zero value is no product.
type product struct {
	// The part is a constant, or a number, that f is at most scale times.
	scale float64
	// roundings is how many times the part and its products round.
	roundings int
}

// recordProduct records the sums of products of an operand's numbers, each a sum of one
// term.
func (r *Result) recordProduct(p product, x Operand) {
	if r.sums == nil {
		return
	}
	r.beginSums(Arithmetic{}, 0, 0)
	r.askStatistics()
	for i, v := range r.Value {
		r.recordSum(i, statistic{p.roundings, v, v * v}, math.Abs(v)+r.Bound[i])
	}
	r.sums.constants = constants{0, 1, p.scale * x.reach()}
}

// sums returns the sums that the operand's numbers are; nil: unknown.
func (o Operand) sums() *sums {
	if o.result == nil {
		return nil
	}
	return o.result.sums
}

// termQuantum returns a power of two of which all terms of the operand's sums are
// multiples; 0 where there is none.
func (o Operand) termQuantum() float64 {
	if s := o.sums(); s != nil {
		return s.quantum
	}
	return o.quantum()
}

// asTerms returns the operand's numbers as sums of one term each, with their statistics
// where levels are asked for.
func (o Operand) asTerms(levels bool) *sums {
	n := len(o.known.Data)
	if o.result != nil {
		n = len(o.result.Value)
	}
	s := newSums(n)
	s.quantum, s.exact = o.quantum(), exactTerms
	if levels {
		s.statistics = make([]statistic, n)
	}
	for i := range s.absolute {
		v, own, _ := o.at(i)
		s.absolute[i] = math.Abs(v) + own
		if levels {
			s.statistics[i] = statistic{0, v, v * v}
		}
	}
	s.constants = noConstants(o.reach())
	return s
}

// reach returns the largest absolute value of the operand's finite numbers.
func (o Operand) reach() float64 {
	if o.result == nil {
		return largestFinite(o.known.Data)
	}
	reach := 0.0
	for i, v := range o.result.Value {
		if v-v == 0 {
			reach = max(reach, math.Abs(v)+o.result.Bound[i])
		}
	}
	return reach
}

// largestOf returns the largest finite number.
func largestOf(numbers []float64) float64 {
	largest := 0.0
	for _, x := range numbers {
		if x-x == 0 {
			largest = max(largest, x)
		}
	}
	return largest
}
