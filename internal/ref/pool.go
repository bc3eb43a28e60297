package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = register(maxPool)
	_ = registerExtension(extendMaxPool)
	_ = register(avgPool)
)

// maxPool takes the largest number of each window, which is exact. Kernels that read
// subnormal numbers as zero may give zero, or another subnormal number of the window,
// where the largest number is zero or subnormal (claim 11: Maxima). A window with NaN
// gives NaN here; its element is Unspecified, as is that of a window of nothing but −Inf.
func maxPool(ctx context.Context, r *Result, _ Arithmetic, op ir.MaxPool, operands []tensor.Tensor) error {
	x := operands[0]
	h, w, err := op.Window(x.Shape)
	if err != nil {
		return err
	}
	channels := x.Shape[3]
	return eachRow(ctx, r.Shape[0], h.Out, func(image, row int) {
		for column := range w.Out {
			for channel := range channels {
				largest, subnormal := math.Inf(-1), 0.0
				eachTap(h, w, row, column, func(y, z int) {
					v := x.Data[((image*h.In+y)*w.In+z)*channels+channel]
					largest = max(largest, float64(v)) // NaN stays NaN, beside +Inf too
					if isSubnormal(v) {
						subnormal = math.Max(subnormal, math.Abs(float64(v)))
					}
				})
				i := ((image*h.Out+row)*w.Out+column)*channels + channel
				r.Value[i] = largest
				if math.IsNaN(largest) || math.IsInf(largest, -1) {
					r.State[i] = Unspecified
				}
				if subnormal > 0 && math.Abs(largest) < smallest {
					r.Bound[i] = math.Abs(largest) + subnormal
				}
			}
		}
	})
}

// avgPool takes the mean of each window's numbers, of which there are n;
// padding is none of them. At most n+1 roundings make it (claim 10: Means).
func avgPool(ctx context.Context, r *Result, a Arithmetic, op ir.AvgPool, operands []tensor.Tensor) error {
	x := operands[0]
	h, w, err := op.Window(x.Shape)
	if err != nil {
		return err
	}
	channels := x.Shape[3]
	q := quantum(x.Data)
	peak := largestFinite(x.Data) * float64(h.Size*w.Size)
	r.beginLevels(Arithmetic{})
	return eachRow(ctx, r.Shape[0], h.Out, func(image, row int) {
		for column := range w.Out {
			for channel := range channels {
				n, sum, absolute, squares, lost := 0, 0.0, 0.0, 0.0, 0.0
				eachTap(h, w, row, column, func(y, z int) {
					v := x.Data[((image*h.In+y)*w.In+z)*channels+channel]
					n++
					sum += float64(v)
					absolute += math.Abs(float64(v))
					squares += float64(v) * float64(v)
					if isSubnormal(v) {
						lost += math.Abs(float64(v))
					}
				})
				i := ((image*h.Out+row)*w.Out+column)*channels + channel
				count := float64(n)
				r.Value[i] = sum / count
				switch {
				case math.IsNaN(sum) || math.IsInf(sum, 0):
					if peak > math.MaxFloat32 {
						r.State[i] = OverflowPossible
					}
				case !a.inexact && n&(n-1) == 0 && q > 0 && absolute <= exactTerms*q && q/count >= smallest:
					// Division by a power of two rounds nothing.
				default:
					// The sums flush before the division, the quotient after it.
					r.sum(i, Arithmetic{inexact: a.inexact}, n+1, absolute/count, lost/count, 0)
					r.setLevel(i, statistic{n, r.Value[i], squares / (count * count)}, lost/count)
					if r.Level != nil { // the quotient is rounded at most twice
						r.Level[i] += 2 * unit * math.Abs(r.Value[i])
					}
					if absolute+count*r.Bound[i] > a.limit() {
						r.State[i] = OverflowPossible
					}
				}
			}
		}
	})
}

// eachTap calls f with every row y and column z of the input that window (row, column)
// reads.
func eachTap(h, w ir.Axis, row, column int, f func(y, z int)) {
	firstRow, endRow := h.Taps(row)
	firstColumn, endColumn := w.Taps(column)
	for i := firstRow; i < endRow; i++ {
		for j := firstColumn; j < endColumn; j++ {
			f(h.Start(row)+i, w.Start(column)+j)
		}
	}
}
