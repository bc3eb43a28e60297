package verdict

import "math"

// HistogramBuckets is the length of Verdict.Histogram. With e = |got − want|
// and s = e/bound, a number counts in bucket
//
//	0                        where e is 0
//	1                        where s ≤ 2⁻¹²
//	k = 2 … 13               where 2^(k−14) < s ≤ 2^(k−13); 13 ends at the bound
//	14                       where it lies outside its bound
//
// Powers of two because that is how a float32 error grows: with a sum of n
// terms the usual share of the bound is near 1/√n.
const HistogramBuckets = 15

const (
	firstShare = -12 // the exponent where bucket 1 ends
	last       = HistogramBuckets - 1
)

// Bucket returns the bucket of an error and its bound.
func Bucket(err, bound float64) int {
	switch {
	case err == 0:
		return 0
	case err > bound:
		return last
	}
	share := err / bound
	if share == 0 {
		return 1 // the quotient underflows, or the bound is infinite
	}
	fraction, exponent := math.Frexp(share) // fraction × 2^exponent, fraction in [½, 1)
	if fraction == 0.5 {
		exponent-- // a power of two itself, that its bucket includes
	}
	return max(exponent-firstShare, 0) + 1
}

// BucketEnds returns the shares of the bound that a bucket spans, above low and
// up to high. Bucket 0 is 0 to 0, the last is 1 to +Inf.
func BucketEnds(k int) (low, high float64) {
	switch k {
	case 0:
		return 0, 0
	case 1:
		return 0, math.Ldexp(1, firstShare)
	case last:
		return 1, math.Inf(1)
	}
	return math.Ldexp(1, k-2+firstShare), math.Ldexp(1, k-1+firstShare)
}

// addHistograms returns the sum of two histograms, either of which may be missing.
func addHistograms(a, b []int) []int {
	if a == nil && b == nil {
		return nil
	}
	sum := make([]int, HistogramBuckets)
	for _, h := range [][]int{a, b} {
		for k, n := range h {
			sum[k] += n
		}
	}
	return sum
}
