package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(conv2DTranspose)

// conv2DTranspose adds number (row, column) of the input, times tap (i, j), to
// position Start(row)+i·dilation of the output. It is the loop of the forward
// convolution with input and output exchanged. Each output is the sum of the products
// at its position, and of the bias (claim 9: Transposed convolutions).
// Correct kernels differ where a tap of the filter that is NaN or an infinity meets no
// input, and where an infinity is multiplied by a subnormal number; see conv2D.
func conv2DTranspose(ctx context.Context, r *Result, a Arithmetic, op ir.Conv2DTranspose, operands []tensor.Tensor) error {
	x, filter := operands[0], operands[1]
	h, w, err := op.Window(x.Shape, filter.Shape)
	if err != nil {
		return err
	}
	c := &transposed{
		h: h, w: w, x: x.Data, filter: filter.Data,
		channels: x.Shape[3], each: filter.Shape[2], depth: x.Shape[3] / op.Groups, filters: r.Shape[3],
		finite: allFinite(filter.Data),
	}
	q := termQuantum(x.Data, filter.Data)
	bias, extra, biasQuantum := biases(operands, c.filters)
	q = min(q, biasQuantum)
	exact := a.exactTerms(operands)
	if a.FFT { // cuDNN may use transforms here too, of which no bound is derived
		exact = 0
	}
	taps := c.h.Size * c.w.Size * c.depth
	peak := largestFinite(x.Data)*largestFinite(filter.Data)*float64(taps) + largestFinite32(bias)
	r.beginSums(a, q, exact)
	r.recordConstants(operands, taps)
	r.beginLevels(a)
	return eachRow(ctx, r.Shape[0], h.In, func(image, y int) {
		for z := range w.In {
			for f := range c.filters {
				sum, absolute, squares, lost, doubtful, products := c.at(image, y, z, f)
				absolute += math.Abs(bias[f])
				i := ((image*h.In+y)*w.In+z)*c.filters + f
				r.Value[i] = sum + bias[f]
				terms := statistic{products + extra, r.Value[i], squares + bias[f]*bias[f]}
				r.recordSum(i, terms, absolute)
				r.setSquares(i, squares)
				isNaN := math.IsNaN(r.Value[i])
				switch {
				case doubtful && !isNaN:
					r.State[i] = Unspecified
				case isNaN || math.IsInf(r.Value[i], 0):
					if peak > math.MaxFloat32 {
						r.State[i] = OverflowPossible
					}
				case q > 0 && absolute <= exact*q:
					// Bound and Level stay 0.
				default:
					r.sum(i, a, products+extra, absolute, lost, 0)
					r.setLevel(i, terms, lost)
				}
			}
		}
	})
}

// transposed is one transposed convolution.
type transposed struct {
	h, w           ir.Axis // forward: In is the output, Out the input
	x, filter      []float32
	channels, each int  // of the input; filters a group
	depth, filters int  // channels a group; filters in all
	finite         bool // the filter is
}

// at returns the sum of the products at one position of one filter's output, and those of
// their absolute values and squares. lost is the error of reading subnormal factors as
// zero. doubtful reports whether a kernel may have NaN for a product that is an infinity
// here, or is none.
func (c *transposed) at(image, y, z, f int) (sum, absolute, squares, lost float64, doubtful bool, products int) {
	group := f / c.each
	for i := range c.h.Size {
		row, inRows := source(c.h, y, i)
		for j := range c.w.Size {
			column, inColumns := source(c.w, z, j)
			w := c.filter[((i*c.w.Size+j)*c.each+f%c.each)*c.channels+group*c.depth:][:c.depth]
			if !inRows || !inColumns {
				doubtful = doubtful || !c.finite && !allFinite(w)
				continue
			}
			x := c.x[((image*c.h.Out+row)*c.w.Out+column)*c.channels+group*c.depth:][:c.depth]
			products += c.depth
			for k, v := range x {
				product := float64(v) * float64(w[k])
				sum += product
				absolute += math.Abs(product)
				squares += product * product
				if isSubnormal(v) || isSubnormal(w[k]) {
					lost += math.Abs(product)
					doubtful = doubtful || math.IsInf(product, 0)
				}
			}
		}
	}
	return sum, absolute, squares, lost, doubtful, products
}

// source returns the position of the input that tap j multiplies for a position of the
// output, and reports whether there is one.
func source(a ir.Axis, at, j int) (int, bool) {
	start := at + a.Before - j*a.Dilation
	if start < 0 || start%a.Stride != 0 || start/a.Stride >= a.Out {
		return 0, false
	}
	return start / a.Stride, true
}
