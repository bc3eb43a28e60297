package ref

import (
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// sums describes the sum of terms that each element of a result is, for the bounds of
// kernels and optimizers that compute the sum and the operation behind it as one:
//
// A kernel that computes a convolution and the addition behind it in one call may begin
// with the number that is added (claim 5: Sums that begin with the addend).
//
// TensorFlow's optimizer (constant folding, and the remapper, which makes a product and
// a sum of a batch norm) moves constants towards constants: (x·w)·c becomes x·(w·c), and
// (x + b) + d becomes x + (b + d) (claim 25: Constants folded into sums).
type sums struct {
	arithmetic Arithmetic
	absolute   []float64   // Σ|term|
	terms      []int32     // a term is rounded at most so many times
	statistics []statistic // nil: no levels are asked for
	// No partial sum is rounded where all terms are multiples of quantum, and absolute
	// is at most exact·quantum.
	quantum, exact float64
	constants      constants
}

// constants describes the constants of sums. A term is a number times a constant.
type constants struct {
	// The absolute value of each constant but 0 is between least and most.
	least, most float64
	// reach is the largest sum, over the terms of one element, of the absolute values of
	// the numbers that the constants multiply.
	reach float64
}

// noConstants are those of numbers up to reach that nothing has multiplied.
func noConstants(reach float64) constants { return constants{1, 1, reach} }

// times returns the constants after a product with others. Any part of a chain of
// constants may be multiplied before it meets the numbers: those of the chain so far, or
// those of the result, which are at most reach.
func (c constants) times(others []float64, reach float64) constants {
	least, most := extremes(others)
	return constants{min(c.least, 1) * least, max(c.most, 1) * most, max(c.reach, reach)}
}

// plus returns the constants after a sum with others.
func (c constants) plus(others []float64) constants {
	least, most := extremes(others)
	return constants{min(c.least, least), max(c.most, most), c.reach + 1}
}

// flushes reports whether a product of constants may be flushed to zero.
func (c constants) flushes() bool { return c.least < smallest }

// flushed returns the error of flushing products of constants to zero.
func (c constants) flushed() float64 {
	if !c.flushes() {
		return 0
	}
	return smallest * c.reach
}

// overflows reports whether a product of constants may overflow.
func (c constants) overflows() bool { return c.most > math.MaxFloat32 }

// extremes returns the least and the largest absolute value of the finite numbers but 0;
// 1 and 1 where there are none.
func extremes[F float32 | float64](numbers []F) (least, most float64) {
	least, most = math.Inf(1), 0
	for _, x := range numbers {
		if v := math.Abs(float64(x)); v > 0 && v <= math.MaxFloat32 {
			least, most = min(least, v), max(most, v)
		}
	}
	if most == 0 {
		return 1, 1
	}
	return least, most
}

// beginSums sets the figures of all elements, where sums are recorded.
func (r *Result) beginSums(a Arithmetic, quantum, exact float64) {
	if r.sums != nil {
		r.sums.arithmetic, r.sums.quantum, r.sums.exact = a, quantum, exact
	}
}

// recordConstants sets the constants of a convolution's sums of so many products, where
// sums are recorded.
func (r *Result) recordConstants(operands []tensor.Tensor, products int) {
	if r.sums == nil {
		return
	}
	least, most := extremes(operands[1].Data)
	c := constants{least, most, float64(products) * largestFinite(operands[0].Data)}
	if len(operands) > 2 {
		bias, _, _ := biases(operands, len(operands[2].Data))
		c = c.plus(bias)
	}
	r.sums.constants = c
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
	return &sums{absolute: make([]float64, elements), terms: make([]int32, elements), constants: noConstants(0)}
}

// moved returns the sums of a result with so many elements, of which element to(i) is
// element i of this one.
func (s *sums) moved(elements int, to func(i int) int) *sums {
	if s == nil {
		return nil
	}
	moved := newSums(elements)
	moved.arithmetic, moved.quantum, moved.exact, moved.constants = s.arithmetic, s.quantum, s.exact, s.constants
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

// rest returns the part of element i's bound that does not come of rounding its sum.
func (s *sums) rest(i int, bound float64) float64 {
	return bound - min(bound, s.arithmetic.sumBound(int(s.terms[i]), s.absolute[i]))
}

// bound returns the bound of element i times factor plus more numbers, where each term is
// multiplied and added by itself. own is the bound of element i. The absolute values of
// the numbers add up to others. All terms and numbers are multiples of quantum; a quantum
// of 0 is unknown.
func (s *sums) bound(i int, own, factor, others float64, more int, quantum float64) float64 {
	terms, absolute := int(s.terms[i])+more, s.absolute[i]*factor+others
	if own == 0 && quantum >= smallest && absolute <= s.exact*quantum {
		return 0
	}
	return s.rest(i, own)*factor + s.arithmetic.sumBound(terms, absolute) + float64(terms)*smallest
}

// widen sets the bound of element i to bound where that is larger. The absolute values of
// its terms add up to absolute.
func (r *Result) widen(i int, a Arithmetic, bound, absolute float64) {
	switch {
	case bound-bound != 0:
		r.State[i], r.Bound[i] = Unspecified, 0
	case bound > r.Bound[i]:
		r.Bound[i] = bound
	}
	if absolute+bound > a.limit() && r.State[i] == Plain {
		r.State[i] = OverflowPossible
	}
}

// RecordsSums lists for each step of a program whether a step behind it may be computed as
// one with the sums of its output: one that reads the output, directly or behind steps
// that return their input, and adds to it or has constants.
func RecordsSums(program ir.Program) []bool {
	list := make([]bool, len(program.Steps))
	for i, step := range slices.Backward(program.Steps) {
		traits := step.Op.Traits()
		if !traits.AddsNumbers && !traits.FoldsConstants && !(traits.Output == ir.SameBuffer && list[i]) {
			continue
		}
		for _, from := range step.Inputs {
			if from != ir.Input {
				list[from] = true
			}
		}
	}
	return list
}
