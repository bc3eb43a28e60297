package ref

import "math"

// A sum is exact in float32, in any order, where all terms are multiples of one power of
// two q ≥ 2⁻¹²⁶ and Σ|term| ≤ 2²⁴·q (claim 3: Exact sums). Images (0 … 255) under filters
// of small integers have such sums.

// exactTerms is the largest Σ|term|, in units of q, without any rounding.
const exactTerms = 0x1p24

// quantum returns the largest power of two, at most 1, of which all numbers are
// multiples, or 0 where there is none that float32 kernels keep: numbers that
// are not finite, or so small that they may be flushed to zero.
func quantum(data []float32) float64 {
	least := 0 // exponent
	for _, x := range data {
		if x == 0 {
			continue
		}
		b := math.Float32bits(x)
		exponent := int(b >> 23 & 0xff)
		if exponent == 0 || exponent == 0xff {
			return 0
		}
		e := exponent - 127
		if mantissa := b & 0x7fffff; mantissa != 0 {
			e -= 23
			for mantissa&1 == 0 {
				mantissa >>= 1
				e++
			}
		}
		least = min(least, e)
	}
	if least < -126 {
		return 0
	}
	return math.Ldexp(1, least)
}

// termQuantum returns the power of two of which all products of two tensors'
// numbers are multiples, or 0.
func termQuantum(x, w []float32) float64 {
	q := quantum(x)
	if q == 0 {
		return 0
	}
	q *= quantum(w)
	if q < smallest {
		return 0
	}
	return q
}
