package ref

import (
	"context"
	"fmt"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Follows says whether Extend knows op: those that TensorFlow may compute in
// one call with what comes before them, or before that.
func Follows(op ir.Op) bool { return op.Traits().Fusable }

// extension computes an operation on a result; out has the output's shape.
type extension[O ir.Op] func(ctx context.Context, out *Result, r Result, op O, operands []tensor.Tensor) error

// extensions has the extension of every fusable operation by its kind.
var extensions = map[string]extension[ir.Op]{}

// extends enters an extension. It returns a value so that a package variable's
// declaration can call it.
func extends[O ir.Op](compute extension[O]) struct{} {
	var o O
	extensions[o.Kind()] = func(ctx context.Context, out *Result, r Result, op ir.Op, operands []tensor.Tensor) error {
		return compute(ctx, out, r, op.(O), operands)
	}
	return struct{}{}
}

var (
	_ = extends(func(_ context.Context, out *Result, r Result, _ ir.Identity, _ []tensor.Tensor) error {
		return out.keep(r)
	})
	_ = extends(func(_ context.Context, out *Result, r Result, _ ir.Flatten, _ []tensor.Tensor) error {
		return out.keep(r)
	})
	_ = extends(extendBatchNorm)
	_ = extends(extendAdd)
	_ = extends(extendMaxPool)
	_ = extends(func(ctx context.Context, out *Result, r Result, _ ir.Softmax, _ []tensor.Tensor) error {
		return softmax(ctx, out, r)
	})
)

// keep takes the numbers of a result.
func (r *Result) keep(from Result) error {
	r.Value, r.Bound, r.Level, r.State = from.Value, from.Bound, from.Level, from.State
	return nil
}

// Extend computes op on a result instead of on numbers: what a device may give
// that has computed the first within its bound, and then op. operands are op's
// others: weights, or the numbers that are added.
//
// The bound is that of op at the numbers that the device may have, and what op
// makes of the bound that comes in: it is multiplied by op's largest slope
// there. Levels do not reach through it: an alarm is raised where the sums are.
func Extend(ctx context.Context, r Result, op ir.Op, operands ...tensor.Tensor) (Result, error) {
	shapes := [][]int{r.Shape}
	for i, x := range operands {
		if err := x.Check(); err != nil {
			return Result{}, fmt.Errorf("ref: %s: operand %d: %w", op.Kind(), i+1, err)
		}
		shapes = append(shapes, x.Shape)
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	extend, known := extensions[op.Kind()]
	if !known {
		return Result{}, fmt.Errorf("ref: %s does not follow another operation", op.Kind())
	}
	out, err := newResult(shape)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	if err := extend(ctx, &out, r, op, operands); err != nil {
		return Result{}, err
	}
	return out, nil
}

// extendAdd adds numbers to a result: the bounds add up, and each sum rounds.
// That is right for kernels that add to the finished sums of a convolution, not
// for those that begin with the number and add each product to it; TensorFlow
// 2.21 was seen to add in a call of its own.
func extendAdd(ctx context.Context, out *Result, r Result, _ ir.Add, operands []tensor.Tensor) error {
	return eachChunk(ctx, len(r.Value), func(i int) {
		sum, absolute, lost := r.Value[i], math.Abs(r.Value[i])+r.Bound[i], 0.0
		if r.Bound[i] > 0 || math.Abs(r.Value[i]) < smallest {
			lost = min(absolute, smallest) // the number that comes in may be subnormal
		}
		for _, x := range operands {
			v := float64(x.Data[i])
			sum += v
			absolute += math.Abs(v)
			if isSubnormal(x.Data[i]) {
				lost += math.Abs(v)
			}
		}
		out.Value[i], out.State[i] = sum, r.State[i]
		switch {
		case r.State[i] == Unspecified:
		case sum-sum != 0:
			if r.State[i] == Plain && absolute-absolute == 0 {
				out.State[i] = OverflowPossible
			}
		case len(operands) == 1 && r.Bound[i] == 0 && keeps(sum) && lost == 0:
			// One sum of two float32, and it is one.
		default:
			out.sum(i, Arithmetic{}, len(operands), absolute, lost, 0)
			out.Bound[i] += r.Bound[i]
			out.Level[i] = 0
			out.State[i] = max(out.State[i], r.State[i])
		}
	})
}

// extendMaxPool takes the largest value of each window. It may become as large
// as the largest of the numbers' upper ends, and sinks by no more than the
// largest number's own bound. A number that may be an infinity or NaN may be
// dropped, too.
func extendMaxPool(ctx context.Context, out *Result, r Result, op ir.MaxPool, _ []tensor.Tensor) error {
	h, w, err := op.Window(r.Shape)
	if err != nil {
		return err
	}
	channels := r.Shape[3]
	return eachRow(ctx, r.Shape[0], h.Out, func(picture, row int) {
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
