package ref

import (
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Arithmetic lists the ways beside float32 products in some order by which a device
// may compute the sums of a convolution. The zero value has none, as the CPU's
// kernels. GPUs may use both; the bound covers either choice.
//
// TF32: tensor cores cut factors to 11 significant bits, and sums to 24 bits of the
// largest term (claim 6: Factors of TF32).
//
// FFT: cuDNN may compute a convolution of stride and dilation 1 by Fourier transforms
// (claim 7: Fourier transforms). Where an image has dark and bright parts, that bound is
// far larger than the plain bound, as are the errors of such a kernel.
//
// Winograd's algorithm is not covered; package session keeps cuDNN from it.
type Arithmetic struct {
	TF32 bool
	FFT  bool

	// inexact reports that a device's operands may differ from the numbers given. No
	// sum is exact then. A sum is computed in two parts, one of the numbers and one of
	// their errors; each part may use half of float32's range.
	inexact bool
}

// limit returns the largest sum of absolute values with which no partial sum overflows.
func (a Arithmetic) limit() float64 {
	if a.inexact {
		return math.MaxFloat32 / 2
	}
	return math.MaxFloat32
}

const (
	tf32Factor  = 0x1p-10 // a factor's relative error
	tf32Product = 2*tf32Factor + tf32Factor*tf32Factor
	tensorCore  = 0x1p-23 // the unit of an addition on tensor cores

	// largestFFT is log₂ of the points of cuDNN's transforms: inputs of at
	// most 256×256 with their padding, or tiles of 32×32.
	largestFFT = 16
	// largestFFTFilter is the most rows or columns of a filter that cuDNN
	// transforms.
	largestFFTFilter = 32
)

// sumBound returns the bound, without underflow, of a sum of n terms whose absolute
// values add up to absolute. It returns +Inf where n is too large for a bound.
func (a Arithmetic) sumBound(n int, absolute float64) float64 {
	if absolute == 0 {
		return 0
	}
	bound := gamma(n) + float64(n)*unit64
	if a.TF32 {
		nu := 2 * float64(n) * tensorCore
		if nu >= 1 {
			return math.Inf(1)
		}
		bound = tf32Product + nu/(1-nu)*(1+tf32Product) + float64(n)*unit64
	}
	return bound * absolute
}

// exactTerms returns the largest Σ|term|, in units of q, with which no partial sum is
// rounded.
func (a Arithmetic) exactTerms(operands []tensor.Tensor) float64 {
	switch {
	case a.inexact:
		return 0
	case !a.TF32:
		return exactTerms
	}
	for _, x := range operands[:2] {
		if significantBits(x.Data) > 11 {
			return 0
		}
	}
	return exactTerms / 2 // of 24 bits one is lost where the largest term is a power of two
}

// significantBits returns the largest number of bits from the first to the last 1 bit
// of a significand.
func significantBits(data []float32) int {
	most := 0
	for _, x := range data {
		mantissa := math.Float32bits(x)&0x7fffff | 0x800000
		bits := 24
		for x != 0 && mantissa&1 == 0 {
			mantissa >>= 1
			bits--
		}
		if x != 0 {
			most = max(most, bits)
		}
	}
	return most
}

// fft returns a function that computes the bound of Fourier transforms for one filter
// and one image, or nil where no kernel uses transforms.
func (a Arithmetic) fft(op ir.Conv2D, operands []tensor.Tensor) func(image, filter int) float64 {
	x, filter := operands[0], operands[1]
	if !a.FFT || op.Strides != [2]int{1, 1} || op.Dilations != [2]int{1, 1} || max(filter.Shape[0], filter.Shape[1]) > largestFFTFilter {
		return nil
	}
	channels, depth, filters := x.Shape[3], filter.Shape[2], filter.Shape[3]
	squares := make([]float64, x.Shape[0]*channels)
	for i, v := range x.Data {
		squares[i/(len(x.Data)/x.Shape[0])*channels+i%channels] += float64(v) * float64(v)
	}
	sums := make([]float64, depth*filters)
	for i, v := range filter.Data {
		sums[i%len(sums)] += math.Abs(float64(v))
	}
	const (
		mu  = 4 * unit
		eta = mu + 4*unit/(1-4*unit)*(math.Sqrt2+mu)
	)
	factor := 3*largestFFT*eta + gamma(depth+4)
	if a.TF32 {
		factor += tf32Product
	}
	return func(image, f int) float64 {
		first := f / (filters / op.Groups) * depth
		total := 0.0
		for c := range depth {
			total += math.Sqrt(squares[image*channels+first+c]) * sums[c*filters+f]
		}
		return 1.01 * factor * total
	}
}
