package ref

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Follows says whether TensorFlow may compute op in one call with what comes
// before it.
func Follows(op ir.Op) bool {
	switch op.(type) {
	case ir.ReLU, ir.ReLU6, ir.LeakyReLU, ir.ELU, ir.SELU, ir.Sigmoid, ir.Tanh, ir.Softmax,
		ir.Identity, ir.Flatten, ir.BatchNorm, ir.Add, ir.MaxPool:
		return true
	}
	return false
}

// isLinear reports whether each number of op's output is a sum of numbers of its
// first operand, each times a weight. The second operand, where there is one,
// holds the weights, the third what is added.
func isLinear(op ir.Op) bool {
	switch op.(type) {
	case ir.Conv2D, ir.DepthwiseConv2D, ir.Conv2DTranspose, ir.Dense, ir.AvgPool:
		return true
	}
	return false
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
	err = extend(ctx, &out, a, op, operands, weights)
	return out, err
}

// extend has one rule an operation, or one for those that are linear.
func extend(ctx context.Context, out *Result, a Arithmetic, op ir.Op, operands []Operand, weights []tensor.Tensor) error {
	x := operands[0]
	if isLinear(op) {
		return extendLinear(ctx, out, a, op, *x.result, weights)
	}
	switch op := op.(type) {
	case ir.Identity, ir.Flatten:
		move(out, operands, func(_, i int) int { return i })
	case ir.Pad:
		move(out, operands, padPlace(op, x.shape(), out.Shape))
	case ir.Concat:
		move(out, operands, concatPlace(operands, out.Shape))
	case ir.ReverseChannels:
		move(out, operands, reversePlace(x.shape()))
	case ir.BatchNorm:
		return extendBatchNorm(ctx, out, *x.result, op, weights)
	case ir.Add:
		return extendAdd(ctx, out, operands)
	case ir.ScaleShift:
		return scaleShift(ctx, out, op, x)
	case ir.MaxPool:
		return extendMaxPool(ctx, out, op, *x.result)
	case ir.LRN:
		return lrn(ctx, out, op, x)
	case ir.Resize:
		return resize(ctx, out, op, x)
	case ir.Softmax:
		return softmax(ctx, out, *x.result)
	default:
		if f, known := activationOf(op); known {
			return extendActivation(ctx, out, f, *x.result)
		}
		out.letGo()
	}
	return nil
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
func extendAdd(ctx context.Context, out *Result, operands []Operand) error {
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
func extendLinear(ctx context.Context, out *Result, a Arithmetic, op ir.Op, r Result, weights []tensor.Tensor) error {
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
		var err error
		*out, err = ApplyIn(ctx, a, op, append([]tensor.Tensor{x}, weights...)...)
		return err
	}
	a.inexact = true
	want, err := ApplyIn(ctx, a, op, append([]tensor.Tensor{x}, weights...)...)
	if err != nil {
		return err
	}
	more, err := ApplyIn(ctx, a, op, append([]tensor.Tensor{b}, changed(weights, func(w float32) float32 { return max(w, -w) })...)...)
	if err != nil {
		return err
	}
	if !plain {
		reached, err := Apply(ctx, op, append([]tensor.Tensor{open}, changed(weights, func(float32) float32 { return 1 })...)...)
		if err != nil {
			return err
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
	*out = want
	return nil
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
func extendMaxPool(ctx context.Context, out *Result, op ir.MaxPool, r Result) error {
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
