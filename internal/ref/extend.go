package ref

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Follows says whether Extend knows op: those that TensorFlow may compute in
// one call with what comes before them, or before that.
func Follows(op ir.Op) bool {
	switch op.(type) {
	case ir.ReLU, ir.ReLU6, ir.LeakyReLU, ir.ELU, ir.SELU, ir.Sigmoid, ir.Tanh, ir.Softmax,
		ir.Identity, ir.Flatten, ir.BatchNorm, ir.Add, ir.MaxPool:
		return true
	}
	return false
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
	switch op := op.(type) {
	case ir.Identity, ir.Flatten:
		r.Shape = slices.Clone(shape)
		return r, nil
	case ir.BatchNorm:
		return extendBatchNorm(ctx, r, op, operands)
	case ir.Add:
		return extendAdd(ctx, r, operands)
	case ir.MaxPool:
		return extendMaxPool(ctx, r, op, shape)
	}
	return extendActivation(ctx, r, op)
}

// extendAdd adds numbers to a result: the bounds add up, and each sum rounds.
// That is right for kernels that add to the finished sums of a convolution, not
// for those that begin with the number and add each product to it; TensorFlow
// 2.21 was seen to add in a call of its own.
func extendAdd(ctx context.Context, r Result, operands []tensor.Tensor) (Result, error) {
	out, err := newResult(r.Shape)
	if err != nil {
		return Result{}, err
	}
	return out, eachChunk(ctx, len(r.Value), func(i int) {
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
func extendMaxPool(ctx context.Context, r Result, op ir.MaxPool, shape []int) (Result, error) {
	out, err := newResult(shape)
	if err != nil {
		return Result{}, err
	}
	h, w, err := op.Window(r.Shape)
	if err != nil {
		return Result{}, err
	}
	channels := r.Shape[3]
	return out, eachRow(ctx, shape[0], h.Out, func(picture, row int) {
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
