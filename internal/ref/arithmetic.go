package ref

import (
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Arithmetic is what a device may do to the sums of a convolution beside
// adding float32 products in some order. The zero value is that of the CPU's
// kernels. GPUs may do both; a bound here covers whichever they choose.
//
// TF32: the factors are cut to 11 significant bits before they are multiplied
// on tensor cores (not rounded, as some do: the bound covers both), so that
// each is off by less than 2⁻¹⁰ of itself and a product by
//
//	ε = 2·2⁻¹⁰ + 2⁻²⁰
//
// Tensor cores add several products at once, cut to 24 bits of the largest,
// and cut the sum (Fasi, Higham, Mikaitis, Pranesh, Numerical behavior of
// NVIDIA tensor cores, 2021): at most two errors a term, each of 2⁻²³. The
// bound of a sum of n terms becomes (ε + γ₂ₙ(2⁻²³)(1+ε))·Σ|x·w|.
//
// FFT: cuDNN may compute a convolution of stride and dilation 1 by Fourier
// transforms, of N ≤ 2¹⁶ points. A transform's error is at most Lη of its
// 2-norm, L = log₂N, η = μ + γ₄(√2+μ), where μ is the error of the roots of
// unity (Higham, Accuracy and Stability, theorem 24.2; μ = 4u here). With
// Parseval's equation and the inequality of Cauchy and Schwarz, the two
// transforms forth cost 2Lη·‖x‖₂‖w‖₂ at every point of a channel, products and
// the sum over C channels γ_{C+4}·‖x‖₂‖w‖₂, and the one back, by Young's
// inequality, Lη·‖x‖₂‖w‖₁. With ‖w‖₂ ≤ ‖w‖₁ an output is off by at most
//
//	(3Lη + γ_{C+4})·Σ_c ‖x_c‖₂·‖w_c‖₁
//
// over the channels of the whole picture, the norms of which are no smaller
// than those of a tile; one per cent more covers what is of second order. With
// TF32 the products of the transforms cost ε more. That is far more than the
// plain bound where a picture is dark in one place and bright in another: it
// is what a user of such a kernel must expect.
//
// Winograd's algorithm is not covered; package session keeps cuDNN from it.
type Arithmetic struct {
	TF32 bool
	FFT  bool

	// inexact: the numbers that go in are not just those that a device has. No sum
	// is exact then; and each of two parts of a sum, of the numbers and of how far
	// a device's may lie from them, is to leave half of float32's range free.
	inexact bool
}

// limit is the most that the terms of a sum may add up to in absolute value
// without an overflow on the way.
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

// sumBound is the bound of a sum of n terms of which the absolute values add
// up to absolute, underflow aside. It is +Inf where n is so large that it says
// nothing.
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

// exactTerms is the largest Σ|term|, in units of q, that is added up without
// any rounding.
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

// significantBits is the most that a number has between its first and its last
// one.
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

// fft gives the bound of Fourier transforms for one filter and one picture; nil
// where no kernel uses them.
func (a Arithmetic) fft(op ir.Conv2D, operands []tensor.Tensor) func(picture, filter int) float64 {
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
	return func(picture, f int) float64 {
		first := f / (filters / op.Groups) * depth
		total := 0.0
		for c := range depth {
			total += math.Sqrt(squares[picture*channels+first+c]) * sums[c*filters+f]
		}
		return 1.01 * factor * total
	}
}
