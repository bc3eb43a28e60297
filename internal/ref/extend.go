package ref

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// extension computes an operation on operands of which some lie within bounds; out
// has the output's shape. Where the operation has one operand, it is a result.
type extension[O ir.Op] func(ctx context.Context, out *Result, op O, operands []Operand, weights []tensor.Tensor) error

// extensions has the extension of every operation that has one of its own, by its
// kind.
var extensions = map[string]extension[ir.Op]{}

// registerExtension registers an extension. It returns a value so that a package
// variable's declaration can call it.
func registerExtension[O ir.Op](compute extension[O]) struct{} {
	var o O
	extensions[o.Kind()] = func(ctx context.Context, out *Result, op ir.Op, operands []Operand, weights []tensor.Tensor) error {
		return compute(ctx, out, op.(O), operands, weights)
	}
	return struct{}{}
}

// registerBoth registers one function as the kernel and the extension of an operation
// without weights.
func registerBoth[O ir.Op](compute func(ctx context.Context, r *Result, op O, operands []Operand) error) struct{} {
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, op O, operands []tensor.Tensor) error {
		list := make([]Operand, len(operands))
		for i, x := range operands {
			list[i] = Known(x)
		}
		return compute(ctx, r, op, list)
	})
	return registerExtension(func(ctx context.Context, out *Result, op O, operands []Operand, _ []tensor.Tensor) error {
		return compute(ctx, out, op, operands)
	})
}

// Extend computes op on operands of which some lie within bounds. The result's bounds
// enclose the output of any device that computed those operands within their bounds,
// and then op. An element computed from a number that may be infinite or NaN is
// Unspecified.
//
// A bound is the error of op at the numbers that the device may have, plus the change of
// op's output within the operands' bounds (claim 22: Propagated bounds). All elements of
// the result are NoBound where the operation has no rule, or where an operand has such
// elements.
func Extend(ctx context.Context, a Arithmetic, op ir.Op, operands []Operand, weights ...tensor.Tensor) (Result, error) {
	return ExtendLevels(ctx, a, NoLevels, op, operands, weights...)
}

// ExtendLevels is Extend with levels, which follow the same rules; see level.go.
func ExtendLevels(ctx context.Context, a Arithmetic, levels Levels, op ir.Op, operands []Operand, weights ...tensor.Tensor) (Result, error) {
	return extend(ctx, a, op, request{levels: levels}, operands, weights)
}

// extend is Extend with what is requested.
func extend(ctx context.Context, a Arithmetic, op ir.Op, with request, operands []Operand, weights []tensor.Tensor) (Result, error) {
	if numbers, known := allKnown(operands); known {
		return apply(ctx, a, op, with, append(numbers, weights...)...)
	}
	var shapes [][]int
	for _, o := range operands {
		shapes = append(shapes, o.shape())
	}
	for i, x := range append(knownNumbers(operands), weights...) {
		if err := x.Check(); err != nil {
			return Result{}, fmt.Errorf("ref: %s: operand %d: %w", op.Kind(), i, err)
		}
	}
	for _, w := range weights {
		shapes = append(shapes, w.Shape)
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	out, err := newResult(shape)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	for _, o := range operands {
		if o.result != nil && slices.Contains(o.result.State, NoBound) {
			out.markNoBound()
			return out, nil
		}
	}
	out.ask(a, with.levels)
	if with.sums && op.Traits().TakesConstants {
		out.sums = newSums(len(out.Value))
	}
	switch extend, known := extensions[op.Kind()]; {
	case known:
		if traits := op.Traits(); with.levels != NoLevels && (traits.AddsNumbers || traits.FoldsConstants) {
			out.Level = make([]float64, len(out.Value))
		}
		if err = extend(ctx, &out, op, operands, weights); err == nil {
			err = out.extendLevels(ctx, extend, op, operands, weights)
		}
	case op.Traits().Linear && len(operands) == 1:
		out, err = extendLinear(ctx, a, op, with, *operands[0].result, weights)
	default:
		out.markNoBound()
	}
	return out, err
}

// markNoBound sets the state of all elements to NoBound.
func (r *Result) markNoBound() {
	for i := range r.Value {
		r.Value[i], r.State[i] = math.NaN(), NoBound
	}
}

func knownNumbers(operands []Operand) []tensor.Tensor {
	var list []tensor.Tensor
	for _, o := range operands {
		if o.result == nil {
			list = append(list, o.known)
		}
	}
	return list
}

// extendAdd adds results and numbers: the bounds add up, and each sum rounds. The
// bound covers kernels that add to the finished sums of a convolution, and those that
// start with the number and add each product to it.
func extendAdd(ctx context.Context, out *Result, _ ir.Add, operands []Operand, _ []tensor.Tensor) error {
	quanta := make([]float64, len(operands)) // of the other operands
	for k := range operands {
		quanta[k] = 1
		for other, o := range operands {
			if other != k {
				quanta[k] = min(quanta[k], o.quantum())
			}
		}
	}
	err := eachChunk(ctx, len(out.Value), func(i int) {
		sum, absolute, moved, lost, state := 0.0, 0.0, 0.0, 0.0, Plain
		for _, o := range operands {
			v, b, s := o.at(i)
			sum += v
			absolute += math.Abs(v) + b
			moved += b
			state = max(state, s)
			if b > 0 || math.Abs(v) < smallest {
				lost += min(math.Abs(v)+b, smallest) // it may be subnormal
			}
		}
		out.Value[i], out.State[i] = sum, state
		switch {
		case state == Unspecified:
		case sum-sum != 0:
			if state == Plain && absolute-absolute == 0 {
				out.State[i] = OverflowPossible
			}
		case len(operands) == 2 && moved == 0 && isNormalFloat32(sum) && lost == 0:
			// One sum of two float32, and it is one.
		default:
			out.sum(i, Arithmetic{}, len(operands)-1, absolute, lost, 0)
			out.Bound[i] += moved
			out.State[i] = max(out.State[i], state)
		}
		for k, o := range operands {
			if o.result != nil && o.result.sums != nil {
				_, own, _ := o.at(i)
				v := math.Abs(o.result.Value[i]) + own
				out.started(i, o.result.sums, own, moved-own, absolute-v, len(operands)-1, quanta[k])
			}
		}
	})
	if out.sums != nil {
		quantum := 1.0
		for _, o := range operands {
			quantum = min(quantum, o.termQuantum())
		}
		out.recordAdd(operands, quantum)
	}
	return err
}

// started widens the bound of element i for kernels that begin with the numbers that
// are added to a sum of products.
func (r *Result) started(i int, s *sums, own, otherBounds, others float64, more int, quantum float64) {
	if r.State[i] == Unspecified || r.Value[i]-r.Value[i] != 0 {
		return
	}
	others = max(others, 0)
	bound := s.bound(i, own, 1, others, more, min(s.quantum, quantum)) + max(otherBounds, 0)
	if r.levels != NoLevels && bound > 0 {
		next := s.of(i).folded(r.Value[i], 1, others, more)
		r.Level[i] = max(r.Level[i], s.foldedLevel(i, own, 1, next, s.absolute[i]+others))
	}
	r.widen(i, s.arithmetic, bound, s.absolute[i]+others)
}

// extendLinear computes a linear operation of a result (claim 23: Linear operations on
// bounded numbers). A device reads x+d with |d| ≤ b. Its output is off by the operation's output for d, at most Σb·|w|, and by
// its own error at x+d, which is at most the error at x plus the error at b under |w|.
// x is rounded to float32 here; the rounding, and the error of reading a subnormal
// number as zero, are added to b. No sum is exact, as x+d need not be a whole number.
func extendLinear(ctx context.Context, a Arithmetic, op ir.Op, with request, r Result, weights []tensor.Tensor) (Result, error) {
	empty := func() tensor.Tensor { return tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))} }
	x, b, notPlain := empty(), empty(), empty()
	exact, plain := true, true
	// Padding may be the convolution's own, and a kernel may leave out the taps on it.
	padded := r.padded != nil && len(weights) > 0 && !allFinite(weights[0].Data)
	for i, v := range r.Value {
		if r.State[i] != Plain || padded && r.padded[i] {
			notPlain.Data[i], plain = 1, false
			continue
		}
		x.Data[i] = float32(v)
		if bound := r.Bound[i] + math.Abs(v-float64(x.Data[i])); v-v == 0 && bound > 0 {
			b.Data[i], exact = math.Nextafter32(float32(bound+smallest), math.MaxFloat32), false
		}
	}
	if exact && plain {
		return apply(ctx, a, op, with, append([]tensor.Tensor{x}, weights...)...)
	}
	a.inexact = !exact
	want, err := apply(ctx, a, op, with, append([]tensor.Tensor{x}, weights...)...)
	if err != nil {
		return Result{}, err
	}
	if err := want.extendLinearLevels(ctx, a, op, r, weights); err != nil {
		return Result{}, err
	}
	if !plain {
		reached, err := Apply(ctx, op, append([]tensor.Tensor{notPlain}, mapFilter(weights, func(float32) float32 { return 1 })...)...)
		if err != nil {
			return Result{}, err
		}
		each := len(want.Value) / max(1, want.Shape[0])
		for i, n := range reached.Value {
			if n > 0 {
				want.State[i], want.Bound[i] = Unspecified, 0
			}
			if n > 0 && a.FFT { // a transform spreads NaN over the whole image
				for k := i / each * each; k < i/each*each+each; k++ {
					want.State[k], want.Bound[k] = Unspecified, 0
				}
			}
		}
	}
	if exact {
		return want, nil
	}
	more, err := apply(ctx, a, op, request{sums: with.sums}, append([]tensor.Tensor{b}, mapFilter(weights, func(w float32) float32 { return max(w, -w) })...)...)
	if err != nil {
		return Result{}, err
	}
	if want.sums != nil {
		want.sums.constants.reach += more.sums.constants.reach
	}
	for i := range want.Value {
		if want.sums != nil {
			want.sums.absolute[i] += more.Value[i] + more.Bound[i]
		}
		want.Bound[i] += (more.Value[i] + more.Bound[i]) * (1 + 4*unit64)
		want.State[i] = max(want.State[i], more.State[i])
		if want.State[i] == Unspecified || want.Value[i]-want.Value[i] != 0 || want.Bound[i]-want.Bound[i] != 0 {
			want.State[i], want.Bound[i] = Unspecified, 0
		}
	}
	return want, nil
}

// mapFilter returns the filter alone, with to applied to each number; nil where there
// is no filter.
func mapFilter(weights []tensor.Tensor, to func(float32) float32) []tensor.Tensor {
	if len(weights) == 0 {
		return nil
	}
	filter := weights[0].Clone()
	for i, w := range filter.Data {
		filter.Data[i] = to(w)
	}
	return []tensor.Tensor{filter}
}

// extendMaxPool takes the largest value of each window (claim 24: Functions and maxima of
// bounded numbers). A device's maximum is at most
// the largest upper end of the numbers, and at least the lower end of the largest
// number. A device may drop a number that is an infinity or NaN.
func extendMaxPool(ctx context.Context, out *Result, op ir.MaxPool, operands []Operand, _ []tensor.Tensor) error {
	r := operands[0].result
	h, w, err := op.Window(r.Shape)
	if err != nil {
		return err
	}
	channels := r.Shape[3]
	return eachRow(ctx, out.Shape[0], h.Out, func(image, row int) {
		for column := range w.Out {
			for channel := range channels {
				i := ((image*h.Out+row)*w.Out+column)*channels + channel
				largest, high := math.Inf(-1), math.Inf(-1)
				subnormal, state := 0.0, Plain
				eachTap(h, w, row, column, func(y, z int) {
					k := ((image*h.In+y)*w.In+z)*channels + channel
					largest = max(largest, r.Value[k])
					high = max(high, r.Value[k]+r.Bound[k])
					if r.State[k] != Plain {
						state = Unspecified
					}
					if v := math.Abs(r.Value[k]); v-r.Bound[k] < smallest && v+r.Bound[k] > 0 {
						subnormal = max(subnormal, min(v+r.Bound[k], smallest))
					}
				})
				bound := 0.0
				switch {
				case math.IsNaN(largest) || math.IsInf(largest, -1):
					state = Unspecified
				case largest-largest == 0:
					bound = high - largest
					if bound > 0 {
						bound += 4 * unit64 * math.Abs(largest)
					}
				}
				if subnormal > 0 && math.Abs(largest)-bound < smallest {
					bound += min(math.Abs(largest), smallest) + subnormal
				}
				out.Value[i], out.Bound[i], out.State[i] = largest, bound, state
			}
		}
	})
}
