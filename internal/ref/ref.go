// Package ref computes the output of an operation with slow, plain kernels, and for
// each number the largest error that a correct float32 kernel can make in it. Package
// proof compares TensorFlow's outputs with these.
//
//	result, err := ref.Apply(ctx, op, input, filter)
//	// |device's number − result.Value[i]| ≤ result.Bound[i], or the device is wrong
//
// docs/claims.md derives each bound, in numbered claims that comments refer to. Values
// are summed in float64. The bound of a sum of n products, u = 2⁻²⁴ and γₙ = nu/(1−nu), is
//
//	γₙ·Σ|x·w| + n·2⁻¹²⁶ + Σ|x·w| over the terms with a subnormal factor
//
// for any order of summation (claim 1: Sums in any order), and for kernels that flush
// subnormal numbers to zero (claim 2: Flushed subnormal numbers). Where float32 can do no
// wrong the bound is zero and numbers compare with == (claim 3: Exact sums).
//
// The bound grows with n and real errors with √n or less, so a device that rounds its
// inputs to bfloat16 or TF32 can stay within it. Result.Level is what errors are like:
// with S = Σp and Q = Σp² over the n products p, a bias among them,
//
//	T = u·√((n+1)·(Q/6 + S²/3) + Q)
//
// and the terms for subnormal numbers. Where the products' signs are random, kernels of
// float32 stay below AlarmLevel·T (claim 8: Levels of errors). On other numbers, as equal
// ones, all roundings may err one way, and a level is a figure. level.go has the levels of
// sums that other operations read.
//
// For filters with NaN or infinities kernels differ on padding, and for windows of
// max_pool with NaN they differ too. Those elements are Unspecified: any answer
// passes.
package ref

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

const (
	unit     = 0x1p-24  // u, half the spacing of float32 at 1
	unit64   = 0x1p-53  // the same of float64
	smallest = 0x1p-126 // the smallest normal float32
)

// State is the kind of an element: a number with a bound, or an exception.
type State uint8

const (
	// Plain is the state of a number with a bound: an answer outside is wrong.
	Plain State = iota
	// OverflowPossible is the state of a sum whose partial sums may leave float32's
	// range: an infinity or NaN is as right as a number within the bound (claim 4:
	// Partial sums that overflow).
	OverflowPossible
	// Unspecified is the state of an element in which correct kernels differ: any
	// answer passes (claim 31: Numbers in which kernels differ).
	Unspecified
	// NoBound is the state of an element without a known bound: no answer can be
	// compared with it (claim 32: Numbers without a bound).
	NoBound
)

// Result is an operation's output: Value, Bound, State and, where it is asked for, Level
// have one entry for each element of Shape, last axis fastest.
type Result struct {
	Shape []int
	Value []float64
	Bound []float64
	Level []float64 // 0 where Bound is 0; for operations without sums, the bounds
	State []State
	// Judged reports that the operands have random signs and that the device has not
	// declared less precision than float32's, so that levels above AlarmLevel are
	// errors.
	Judged bool

	levels  Levels
	squares []float64 // Σp² of each element's products; nil: not asked for
	sums    *sums     // nil: not recorded
	padded  []bool    // elements that a pad has added; nil: there are none
}

func newResult(shape []int) (Result, error) {
	n, err := tensor.Elements(shape)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Shape: slices.Clone(shape),
		Value: make([]float64, n),
		Bound: make([]float64, n),
		State: make([]State, n),
	}, nil
}

// Image returns the result of image k alone. It shares r's numbers.
func (r Result) Image(k int) Result {
	each := len(r.Value) / max(1, r.Shape[0])
	from, end := k*each, (k+1)*each
	image := Result{
		Shape: append([]int{1}, r.Shape[1:]...), Judged: r.Judged,
		Value: r.Value[from:end], Bound: r.Bound[from:end], State: r.State[from:end],
	}
	if r.Level != nil {
		image.Level = r.Level[from:end]
	}
	return image
}

// Apply computes op on its operands. It returns an error where op.Shape refuses the
// operands, and where the kind of operation has no reference kernel. It uses all cores,
// and returns ctx's error early when ctx is done.
func Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (Result, error) {
	return ApplyIn(ctx, Arithmetic{}, op, operands...)
}

// ApplyIn is Apply with the bounds of a device's arithmetic.
func ApplyIn(ctx context.Context, a Arithmetic, op ir.Op, operands ...tensor.Tensor) (Result, error) {
	return ApplyLevels(ctx, a, NoLevels, op, operands...)
}

// ApplyLevels is ApplyIn with levels.
func ApplyLevels(ctx context.Context, a Arithmetic, levels Levels, op ir.Op, operands ...tensor.Tensor) (Result, error) {
	return apply(ctx, a, op, request{levels: levels}, operands...)
}

// request is what a result has beside values, bounds and states.
type request struct {
	levels  Levels
	sums    bool // for operations with TakesConstants
	squares bool // for operations that are sums of products
}

// apply is ApplyIn with what is requested.
func apply(ctx context.Context, a Arithmetic, op ir.Op, with request, operands ...tensor.Tensor) (Result, error) {
	shapes := make([][]int, len(operands))
	for i, x := range operands {
		if err := x.Check(); err != nil {
			return Result{}, fmt.Errorf("ref: %s: operand %d: %w", op.Kind(), i, err)
		}
		shapes[i] = x.Shape
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	r, err := newResult(shape)
	if err != nil {
		return Result{}, fmt.Errorf("ref: %s: %w", op.Kind(), err)
	}
	compute, known := kernels[op.Kind()]
	if !known {
		return Result{}, fmt.Errorf("ref: %s: no reference kernel", op.Kind())
	}
	r.ask(a, with.levels)
	if with.sums && op.Traits().TakesConstants {
		r.sums = newSums(len(r.Value))
	}
	if with.squares && op.Traits().MultiplyAccumulate {
		r.squares = make([]float64, len(r.Value))
	}
	if err := compute(ctx, &r, a, op, operands); err != nil {
		return Result{}, err
	}
	r.endLevels()
	return r, nil
}

// kernel computes an operation whose operands' shapes have been checked.
type kernel[O ir.Op] func(ctx context.Context, r *Result, a Arithmetic, op O, operands []tensor.Tensor) error

// kernels has the reference kernel of every operation by its kind; each stands
// in the operation's file.
var kernels = map[string]kernel[ir.Op]{}

// register registers a kernel. It returns a value so that a package variable's
// declaration can call it.
func register[O ir.Op](compute kernel[O]) struct{} {
	var o O
	kernels[o.Kind()] = func(ctx context.Context, r *Result, a Arithmetic, op ir.Op, operands []tensor.Tensor) error {
		return compute(ctx, r, a, op.(O), operands)
	}
	return struct{}{}
}

// gamma is γₙ = nu/(1−nu), and +Inf where n is so large that it has no meaning.
func gamma(n int) float64 {
	nu := float64(n) * unit
	if nu >= 1 {
		return math.Inf(1)
	}
	return nu / (1 - nu)
}

// eachRow calls f for every row of every image, on all cores.
func eachRow(ctx context.Context, images, rows int, f func(image, row int)) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		total = int64(images) * int64(rows)
		done  = ctx.Done() // a method that panics does so here, not on a goroutine
	)
	for range min(int64(runtime.GOMAXPROCS(0)), total) {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				i := next.Add(1) - 1
				if i >= total {
					return
				}
				f(int(i)/rows, int(i)%rows)
			}
		})
	}
	group.Wait()
	if next.Load() < total { // done was closed before all rows were taken
		return cmp.Or(ctx.Err(), context.Canceled)
	}
	return ctx.Err()
}

// eachChunk calls f for every number from 0 to n, on all cores.
func eachChunk(ctx context.Context, n int, f func(i int)) error {
	const chunk = 1 << 14
	return eachRow(ctx, 1, (n+chunk-1)/chunk, func(_, k int) {
		for i := k * chunk; i < min(n, (k+1)*chunk); i++ {
			f(i)
		}
	})
}

// isSubnormal reports whether a kernel may read a float32 as zero, as it is so small.
func isSubnormal(x float32) bool {
	return x != 0 && x < smallest && x > -smallest
}
