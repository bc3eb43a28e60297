package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(conv2D)

// convolution is the plain loop over NHWC, set up for one set of operands.
type convolution struct {
	h, w           ir.Axis
	x              tensor.Tensor
	filter         []float64 // [filters, kernel height, kernel width, channels/groups]
	depth, filters int       // channels a group, filters in all
	groups         int
	squared        bool // at returns the sum of squares
}

func newConvolution(op ir.Conv2D, x, filter tensor.Tensor) (*convolution, error) {
	h, w, err := op.Window(x.Shape, filter.Shape)
	if err != nil {
		return nil, err
	}
	c := &convolution{
		h: h, w: w, x: x, depth: filter.Shape[2], filters: filter.Shape[3], groups: op.Groups,
		filter: make([]float64, len(filter.Data)),
	}
	taps := len(filter.Data) / c.filters
	for i, v := range filter.Data {
		c.filter[i%c.filters*taps+i/c.filters] = float64(v)
	}
	return c, nil
}

// at returns the sum of the products of one filter at one position of one image, the
// sum of their absolute values, and their number. The sum of their squares is 0 unless
// c.squared.
func (c *convolution) at(image, row, column, filter int) (sum, absolute, squares float64, terms int) {
	channels := c.depth * c.groups
	group := filter / (c.filters / c.groups)
	firstRow, endRow := c.h.Taps(row)
	firstColumn, endColumn := c.w.Taps(column)
	// Taps that lie side by side in memory are taken in one run.
	runs, length := endColumn-firstColumn, c.depth
	if c.w.Dilation == 1 && c.groups == 1 {
		runs, length = min(runs, 1), runs*c.depth
	}
	for i := firstRow; i < endRow; i++ {
		y := c.h.Start(row) + i*c.h.Dilation
		for j := firstColumn; j < firstColumn+runs; j++ {
			z := c.w.Start(column) + j*c.w.Dilation
			x := c.x.Data[((image*c.h.In+y)*c.w.In+z)*channels+group*c.depth:][:length]
			w := c.filter[((filter*c.h.Size+i)*c.w.Size+j)*c.depth:][:length]
			if c.squared {
				for k, v := range x {
					product := float64(v) * w[k]
					sum += product
					absolute += math.Abs(product)
					squares += product * product
				}
				continue
			}
			for k, v := range x {
				product := float64(v) * w[k]
				sum += product
				absolute += math.Abs(product)
			}
		}
	}
	return sum, absolute, squares, (endRow - firstRow) * (endColumn - firstColumn) * c.depth
}

// padsNotFinite reports whether a filter has a NaN or an infinity in a tap that lies on
// the padding at a position.
func (c *convolution) padsNotFinite(row, column, filter int) bool {
	firstRow, endRow := c.h.Taps(row)
	firstColumn, endColumn := c.w.Taps(column)
	for i := range c.h.Size {
		for j := range c.w.Size {
			if i >= firstRow && i < endRow && j >= firstColumn && j < endColumn {
				continue
			}
			for _, w := range c.filter[((filter*c.h.Size+i)*c.w.Size+j)*c.depth:][:c.depth] {
				if w-w != 0 {
					return true
				}
			}
		}
	}
	return false
}

// conv2D computes a convolution. Correct kernels differ in two kinds of elements, which
// are Unspecified.
//
// A kernel may multiply the zeros of the padding by the filter. Such a product is 0,
// which changes no sum, unless the weight is NaN or an infinity: then it is NaN. So the
// taps on the padding matter, of this filter and at this position. And an infinity times
// a subnormal number is NaN where a kernel reads the number as zero.
//
// Either way a product is NaN in place of 0 or of an infinity, and the sum is NaN. A sum
// that is NaN without them is NaN in all kernels.
func conv2D(ctx context.Context, r *Result, a Arithmetic, op ir.Conv2D, operands []tensor.Tensor) error {
	x, filter := operands[0], operands[1]
	c, err := newConvolution(op, x, filter)
	if err != nil {
		return err
	}
	q := termQuantum(x.Data, filter.Data)
	bias, extra, biasQuantum := biases(operands, c.filters)
	q = min(q, biasQuantum)
	flushed, err := subnormalParts(op, operands)
	if err != nil {
		return err
	}
	spoiled, err := infiniteTimesSubnormal(op, operands)
	if err != nil {
		return err
	}
	finite := allFinite(filter.Data)
	exact, fft := a.exactTerms(operands), a.fft(op, operands)
	// A transform spreads NaN and infinities over the image.
	scattered := fft != nil && !(finite && allFinite(x.Data))
	taps := c.h.Size * c.w.Size * c.depth
	peak := largestFinite(x.Data)*largestFinite(filter.Data)*float64(taps) + largestFinite32(bias)

	if fft != nil {
		exact = 0
	}
	r.beginSums(a, q, exact)
	r.recordConstants(operands, taps)
	r.beginLevels(a)
	c.squared = r.Level != nil || r.squares != nil
	return eachRow(ctx, r.Shape[0], c.h.Out, func(image, row int) {
		for column := range c.w.Out {
			for f := range c.filters {
				sum, absolute, squares, products := c.at(image, row, column, f)
				absolute += math.Abs(bias[f])
				i := ((image*c.h.Out+row)*c.w.Out+column)*c.filters + f
				r.Value[i] = sum + bias[f]
				terms := statistic{products + extra, r.Value[i], squares + bias[f]*bias[f]}
				r.recordSum(i, terms, absolute)
				r.setSquares(i, squares)
				isNaN := math.IsNaN(r.Value[i])
				switch {
				case scattered, !finite && !isNaN && products < taps && c.padsNotFinite(row, column, f):
					r.State[i] = Unspecified
				case isNaN || math.IsInf(r.Value[i], 0):
					if peak > math.MaxFloat32 {
						r.State[i] = OverflowPossible
					}
					for _, part := range spoiled {
						if _, products, _, _ := part.at(image, row, column, f); products > 0 && !isNaN {
							r.State[i] = Unspecified
						}
					}
				case q > 0 && absolute <= exact*q && fft == nil:
					// Bound and Level stay 0.
				default:
					lost := 0.0
					for _, part := range flushed {
						_, l, _, _ := part.at(image, row, column, f)
						lost += l
					}
					atLeast := 0.0
					if fft != nil {
						atLeast = fft(image, f) + 2*unit*absolute // and the bias is added
					}
					r.sum(i, a, products+extra, absolute, lost, atLeast)
					r.setLevel(i, terms, lost)
				}
			}
		}
	})
}

// biases returns the biases of a convolution, the number of terms that a bias adds to
// each sum, and the quantum of the biases: without a bias operand zeros, 0 and 1.
func biases(operands []tensor.Tensor, filters int) (bias []float64, terms int, q float64) {
	bias = make([]float64, filters)
	if len(operands) < 3 {
		return bias, 0, quantum(nil)
	}
	for f, b := range operands[2].Data {
		bias[f] = float64(b)
	}
	return bias, 1, quantum(operands[2].Data)
}

// sum sets the bound of element i, a sum of n terms. The absolute values of all terms
// add up to absolute, those of terms with subnormal factors to lost. atLeast is the
// bound of another algorithm for the element.
func (r *Result) sum(i int, a Arithmetic, n int, absolute, lost, atLeast float64) {
	flushed := float64(n)*smallest + lost
	r.Bound[i] = flushed + max(a.sumBound(n, absolute), atLeast)
	if math.IsInf(r.Bound[i], 1) {
		r.State[i] = Unspecified // 2²⁴ terms: the bound is infinite
		r.Bound[i] = 0
		return
	}
	if absolute+r.Bound[i] > a.limit() {
		r.State[i] = OverflowPossible
	}
}

// subnormalParts returns the convolutions whose absolute sums add up to the error of
// reading subnormal numbers as zero. Without subnormal numbers there are none.
func subnormalParts(op ir.Conv2D, operands []tensor.Tensor) ([]*convolution, error) {
	var parts []*convolution
	x, filter := operands[0], operands[1]
	for _, pair := range [][2]tensor.Tensor{{keepSubnormal(x), filter}, {x, keepSubnormal(filter)}} {
		if pair[0].Shape == nil || pair[1].Shape == nil {
			continue
		}
		part, err := newConvolution(op, pair[0], pair[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// infiniteTimesSubnormal returns the convolutions whose absolute sums count the products
// of an infinity and a subnormal number. Without such numbers there are none.
func infiniteTimesSubnormal(op ir.Conv2D, operands []tensor.Tensor) ([]*convolution, error) {
	infinite := func(v float32) bool { return v-v != 0 && v == v }
	ones := func(x tensor.Tensor, is func(float32) bool) tensor.Tensor {
		return keep(x, is, func(float32) float32 { return 1 })
	}
	x, filter := operands[0], operands[1]
	var parts []*convolution
	for _, pair := range [][2]tensor.Tensor{
		{ones(x, isSubnormal), ones(filter, infinite)},
		{ones(x, infinite), ones(filter, isSubnormal)},
	} {
		if pair[0].Shape == nil || pair[1].Shape == nil {
			continue
		}
		part, err := newConvolution(op, pair[0], pair[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// keepSubnormal returns x with all but its subnormal numbers set to zero, or the zero
// Tensor where x has no subnormal number.
func keepSubnormal(x tensor.Tensor) tensor.Tensor {
	return keep(x, isSubnormal, func(v float32) float32 { return v })
}

// keep returns a tensor that is as(v) where x has a number v of a kind and 0 elsewhere,
// or the zero Tensor where x has no such number.
func keep(x tensor.Tensor, is func(float32) bool, as func(float32) float32) tensor.Tensor {
	var kept tensor.Tensor
	for i, v := range x.Data {
		if !is(v) {
			continue
		}
		if kept.Shape == nil {
			kept = tensor.Tensor{Shape: x.Shape, Data: make([]float32, len(x.Data))}
		}
		kept.Data[i] = as(v)
	}
	return kept
}

func allFinite(data []float32) bool {
	for _, v := range data {
		if v-v != 0 {
			return false
		}
	}
	return true
}

func largestFinite(data []float32) float64 {
	largest := float32(0)
	for _, v := range data {
		if v-v == 0 {
			largest = max(largest, v, -v)
		}
	}
	return float64(largest)
}

func largestFinite32(data []float64) float64 {
	largest := 0.0
	for _, v := range data {
		if v-v == 0 {
			largest = max(largest, math.Abs(v))
		}
	}
	return largest
}
