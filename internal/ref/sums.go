package ref

import "math"

// sums describes the sum of products that each element of a result is. A kernel that
// computes a convolution and the addition behind it in one call may begin with the
// number that is added (claim 5: Sums that begin with the addend).
type sums struct {
	arithmetic Arithmetic
	absolute   []float64   // Σ|term|
	terms      []int32     // a term is rounded at most so many times
	statistics []statistic // nil: no levels are asked for
	// No partial sum is rounded where all terms are multiples of quantum, and absolute
	// is at most exact·quantum.
	quantum, exact float64
}

// beginSums sets the figures of all elements, where sums are recorded.
func (r *Result) beginSums(a Arithmetic, quantum, exact float64) {
	if r.sums != nil {
		r.sums.arithmetic, r.sums.quantum, r.sums.exact = a, quantum, exact
	}
}

// recordSum sets the figures of element i, where sums are recorded.
func (r *Result) recordSum(i int, s statistic, absolute float64) {
	if r.sums != nil {
		r.sums.terms[i], r.sums.absolute[i] = int32(min(s.terms, math.MaxInt32)), absolute
		if r.sums.statistics != nil {
			r.sums.statistics[i] = s
		}
	}
}

func newSums(elements int) *sums {
	return &sums{absolute: make([]float64, elements), terms: make([]int32, elements)}
}

// moved returns the sums of a result with so many elements, of which element to(i) is
// element i of this one.
func (s *sums) moved(elements int, to func(i int) int) *sums {
	if s == nil {
		return nil
	}
	moved := newSums(elements)
	moved.arithmetic, moved.quantum, moved.exact = s.arithmetic, s.quantum, s.exact
	for i, absolute := range s.absolute {
		moved.absolute[to(i)], moved.terms[to(i)] = absolute, s.terms[i]
	}
	if s.statistics != nil {
		moved.statistics = make([]statistic, elements)
		for i, of := range s.statistics {
			moved.statistics[to(i)] = of
		}
	}
	return moved
}

// startedWith returns the bound of a sum of element i and more numbers, for kernels that
// begin with those numbers. own is the bound of element i. The absolute values of the
// numbers add up to others, and the numbers are multiples of quantum; a quantum of 0 is
// unknown.
func (s *sums) startedWith(i int, own, others float64, more int, quantum float64) float64 {
	terms, absolute := int(s.terms[i]), s.absolute[i]
	if q := min(s.quantum, quantum); own == 0 && q > 0 && absolute+others <= s.exact*q {
		return 0
	}
	a := s.arithmetic
	// Of own, a part is what the roundings of the same products come to.
	return own - min(own, a.sumBound(terms, absolute)) + a.sumBound(terms+more, absolute+others) + float64(terms+more)*smallest
}
