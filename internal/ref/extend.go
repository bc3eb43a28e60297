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

// extends enters an extension. It returns a value so that a package variable's
// declaration can call it.
func extends[O ir.Op](compute extension[O]) struct{} {
	var o O
	extensions[o.Kind()] = func(ctx context.Context, out *Result, op ir.Op, operands []Operand, weights []tensor.Tensor) error {
		return compute(ctx, out, op.(O), operands, weights)
	}
	return struct{}{}
}

// computes enters the kernel and the extension of an operation without weights for
// which they are one function.
func computes[O ir.Op](compute func(ctx context.Context, r *Result, op O, operands []Operand) error) struct{} {
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, op O, operands []tensor.Tensor) error {
		list := make([]Operand, len(operands))
		for i, x := range operands {
			list[i] = Known(x)
		}
		return compute(ctx, r, op, list)
	})
	return extends(func(ctx context.Context, out *Result, op O, operands []Operand, _ []tensor.Tensor) error {
		return compute(ctx, out, op, operands)
	})
}

// Extend computes op on operands of which some lie within bounds: what a device
// may give that has computed those within their bounds, and then op. Numbers that
// may be infinite or NaN make what is computed of them Unspecified.
//
// The bound is that of op at the numbers that the device may have, and what op
// makes of the bounds that come in. Levels end here, but where op only moves
// numbers: an alarm is raised where the sums are. An operation without a rule
// gives a result of which all is NotHeld, and so does any of such a result.
func Extend(ctx context.Context, a Arithmetic, op ir.Op, operands []Operand, weights ...tensor.Tensor) (Result, error) {
	if numbers, known := allKnown(operands); known {
		return ApplyIn(ctx, a, op, append(numbers, weights...)...)
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
		if o.result != nil && slices.Contains(o.result.State, NotHeld) {
			out.letGo()
			return out, nil
		}
	}
	switch extend, known := extensions[op.Kind()]; {
	case known:
		err = extend(ctx, &out, op, operands, weights)
	case op.Traits().Linear && len(operands) == 1:
		out, err = extendLinear(ctx, a, op, *operands[0].result, weights)
	default:
		out.letGo()
	}
	return out, err
}

// letGo says that no bound is known of any number.
func (r *Result) letGo() {
	for i := range r.Value {
		r.Value[i], r.State[i] = math.NaN(), NotHeld
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

// extendAdd adds results and numbers: the bounds add up, and each sum rounds.
// That is right for kernels that add to the finished sums of a convolution, not
// for those that begin with the number and add each product to it; TensorFlow
// 2.21 was seen to add in a call of its own.
func extendAdd(ctx context.Context, out *Result, _ ir.Add, operands []Operand, _ []tensor.Tensor) error {
	return eachChunk(ctx, len(out.Value), func(i int) {
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
		case len(operands) == 2 && moved == 0 && keeps(sum) && lost == 0:
			// One sum of two float32, and it is one.
		default:
			out.sum(i, Arithmetic{}, len(operands)-1, absolute, lost, 0)
			out.Bound[i] += moved
			out.Level[i] = 0
			out.State[i] = max(out.State[i], state)
		}
	})
}

// extendLinear computes a linear operation of a result: a device reads x+d with
// |d| ≤ b, so that it is off by what it makes of d, at most Σb·|w|, and by its own
// error at x+d, which is no larger than that at x and that at b under |w|
// together. x is rounded to float32 here, which adds to b, and so does a number
// that may be subnormal and read as zero. No sum is exact, as x+d need not be
// whole.
func extendLinear(ctx context.Context, a Arithmetic, op ir.Op, r Result, weights []tensor.Tensor) (Result, error) {
	empty := func() tensor.Tensor { return tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))} }
	x, b, open := empty(), empty(), empty()
	exact, plain := true, true
	for i, v := range r.Value {
		if r.State[i] != Plain {
			open.Data[i], plain = 1, false
			continue
		}
		x.Data[i] = float32(v)
		if bound := r.Bound[i] + math.Abs(v-float64(x.Data[i])); v-v == 0 && bound > 0 {
			b.Data[i], exact = math.Nextafter32(float32(bound+smallest), math.MaxFloat32), false
		}
	}
	if exact && plain {
		return ApplyIn(ctx, a, op, append([]tensor.Tensor{x}, weights...)...)
	}
	a.inexact = true
	want, err := ApplyIn(ctx, a, op, append([]tensor.Tensor{x}, weights...)...)
	if err != nil {
		return Result{}, err
	}
	more, err := ApplyIn(ctx, a, op, append([]tensor.Tensor{b}, changed(weights, func(w float32) float32 { return max(w, -w) })...)...)
	if err != nil {
		return Result{}, err
	}
	if !plain {
		reached, err := Apply(ctx, op, append([]tensor.Tensor{open}, changed(weights, func(float32) float32 { return 1 })...)...)
		if err != nil {
			return Result{}, err
		}
		each := len(want.Value) / max(1, want.Shape[0])
		for i, n := range reached.Value {
			if n > 0 {
				want.State[i] = Unspecified
			}
			if n > 0 && a.FFT { // a transform spreads what is not a number
				for k := i / each * each; k < i/each*each+each; k++ {
					want.State[k] = Unspecified
				}
			}
		}
	}
	for i := range want.Value {
		want.Bound[i] += (more.Value[i] + more.Bound[i]) * (1 + 4*unit64)
		want.State[i] = max(want.State[i], more.State[i])
		if want.State[i] == Unspecified || want.Value[i]-want.Value[i] != 0 || want.Bound[i]-want.Bound[i] != 0 {
			want.State[i], want.Bound[i] = Unspecified, 0
		}
	}
	return want, nil
}

// changed is the filter alone, where there is one, each number changed.
func changed(weights []tensor.Tensor, to func(float32) float32) []tensor.Tensor {
	if len(weights) == 0 {
		return nil
	}
	filter := weights[0].Clone()
	for i, w := range filter.Data {
		filter.Data[i] = to(w)
	}
	return []tensor.Tensor{filter}
}

// extendMaxPool takes the largest value of each window. It may become as large
// as the largest of the numbers' upper ends, and sinks by no more than the
// largest number's own bound. A number that may be an infinity or NaN may be
// dropped, too.
func extendMaxPool(ctx context.Context, out *Result, op ir.MaxPool, operands []Operand, _ []tensor.Tensor) error {
	r := operands[0].result
	h, w, err := op.Window(r.Shape)
	if err != nil {
		return err
	}
	channels := r.Shape[3]
	return eachRow(ctx, out.Shape[0], h.Out, func(picture, row int) {
		for column := range w.Out {
			for channel := range channels {
				i := ((picture*h.Out+row)*w.Out+column)*channels + channel
				largest, high := math.Inf(-1), math.Inf(-1)
				subnormal, state := 0.0, Plain
				eachTap(h, w, row, column, func(y, z int) {
					k := ((picture*h.In+y)*w.In+z)*channels + channel
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
