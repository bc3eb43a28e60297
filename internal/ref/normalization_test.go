package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

func TestBatchNormKnown(t *testing.T) {
	k := known.BatchNorm
	r := apply(t, ir.BatchNorm{Epsilon: k.Epsilon}, tensor.Tensor{Shape: []int{3, 3}, Data: k.Input}, row(k.Scale...), row(k.Offset...), row(k.Mean...), row(k.Variance...))
	for i, want := range k.Values {
		if math.Abs(r.Value[i]-want) > 1e-12*(1+math.Abs(want)) || r.State[i] != ref.Plain {
			t.Errorf("batch_norm at %d: %v, mpmath %v", i, r.Value[i], want)
		}
	}
}

// normKernel is a way to normalise a number; rsqrt is 1/√x.
type normKernel func(x, scale, offset, mean, variance, epsilon float32, rsqrt func(float32) float32) float32

var (
	normKernels = []normKernel{
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x-m)*(rsqrt(v+e)*s) + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return ((x-m)*rsqrt(v+e))*s + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			f := rsqrt(v+e) * s
			p := m * f
			return x*f + (o - p)
		},
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			f := rsqrt(v+e) * s
			return float32(math.FMA(float64(x-m), float64(f), float64(o)))
		},
		func(x, s, o, m, v, e float32, _ func(float32) float32) float32 {
			return (x-m)/float32(math.Sqrt(float64(v+e)))*s + o
		},
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			return flush(flush(flush(flush(x)-flush(m))*flush(rsqrt(v+e)*flush(s))) + flush(o))
		},
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			return flush(flush(flush(flush(x-m)*rsqrt(v+e))*s) + o)
		},
	}
	wrongNormKernels = []normKernel{
		func(x, s, o, m, v, _ float32, rsqrt func(float32) float32) float32 { return (x-m)*(rsqrt(v)*s) + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x-m)*(rsqrt(v+e/2)*s) + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x-m)*rsqrt(v+e) + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x-m)*(rsqrt(v+e)*s) - o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x+m)*(rsqrt(v+e)*s) + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 { return (x-m)*(rsqrt(v+e)*o) + s },
		func(x, s, o, m, v, e float32, _ func(float32) float32) float32 { return (x-m)/(v+e)*s + o },
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			return (x-m)*(bfloat(rsqrt(v+e))*s) + o
		},
		func(x, s, o, m, v, e float32, rsqrt func(float32) float32) float32 {
			return (x-m)*(rsqrt(1.00001*v+e)*s) + o
		},
	}
)

func TestBatchNormKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	const channels, epsilon = 6, 1e-3
	rsqrt := func(x float32) float32 {
		return float32(1 / math.Sqrt(float64(x)) * off(random, found("rsqrt")))
	}
	caught := make([]bool, len(wrongNormKernels))
	largest := 0.0
	for round := range 300 {
		x := gaussian(random, 40, channels)
		scale, offset, mean, variance := gaussian(random, channels), gaussian(random, channels), gaussian(random, channels), gaussian(random, channels)
		for c := range channels {
			variance.Data[c] = abs(variance.Data[c]) * float32(math.Ldexp(1, -random.IntN(12)))
			switch round % 3 {
			case 1: // x and mean nearly cancel, and product and offset
				mean.Data[c] *= 1000
				offset.Data[c] *= 1e-6
			case 2: // numbers that wander in and out of the subnormal range
				mean.Data[c] *= 0x1p-124
				offset.Data[c] *= 0x1p-125
				scale.Data[c] *= float32(math.Ldexp(1, -random.IntN(3)))
				variance.Data[c] = float32(math.Ldexp(1, -random.IntN(100)))
			}
		}
		for i := range x.Data {
			switch round % 3 {
			case 1:
				x.Data[i] = mean.Data[i%channels] * (1 + x.Data[i]*1e-6)
			case 2:
				x.Data[i] *= 0x1p-124
			}
		}
		want := apply(t, ir.BatchNorm{Epsilon: epsilon}, x, scale, offset, mean, variance)
		compare := func(k normKernel) proof.Verdict {
			got := tensor.Tensor{Shape: x.Shape}
			for i, v := range x.Data {
				c := i % channels
				got.Data = append(got.Data, k(v, scale.Data[c], offset.Data[c], mean.Data[c], variance.Data[c], epsilon, rsqrt))
			}
			return proof.Compare(want, got)
		}
		for i, k := range normKernels {
			v := compare(k)
			if !v.OK() || v.Unspecified > 0 {
				t.Errorf("round %d, kernel %d: %v", round, i, v)
			}
			largest = max(largest, v.Share)
		}
		for i, k := range wrongNormKernels {
			caught[i] = caught[i] || !compare(k).OK()
		}
	}
	for i, is := range caught {
		if !is {
			t.Errorf("wrong kernel %d passes", i)
		}
	}
	if largest < 0.3 {
		t.Errorf("the largest share of the bound is %.2g", largest)
	}
}

// Where the difference of two numbers is subnormal and the factor is large, flushing
// the difference matters.
func TestBatchNormFlushesTheDifference(t *testing.T) {
	r := apply(t, ir.BatchNorm{Epsilon: 0x1p-100}, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{0x1.8p-126}}, row(1), row(0), row(0x1p-126), row(0))
	if want := 0x1p-127 * 0x1p50; r.Value[0] != want || r.Bound[0] < want {
		t.Errorf("%v ± %v, a kernel may give 0", r.Value[0], r.Bound[0])
	}
}

func TestBatchNormNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, tt := range []struct {
		x, scale, offset, mean, variance float32
		state                            ref.State
		value                            float64
	}{
		{inf, 2, 1, 0, 1, ref.Plain, math.Inf(1)},
		{inf, -2, 1, 0, 1, ref.Plain, math.Inf(-1)},
		{nan, 2, 1, 0, 1, ref.Plain, math.NaN()},
		{1, 2, 1, 0, -1, ref.Unspecified, math.NaN()},
		// A NaN among the five numbers is NaN in all formulas.
		{1, nan, 1, 0, 1, ref.Plain, math.NaN()},
		{1, 2, nan, 0, 1, ref.Plain, math.NaN()},
		{1, 2, 1, nan, 1, ref.Plain, math.NaN()},
		{1, 2, 1, 0, nan, ref.Plain, math.NaN()},
		{nan, 2, 1, 0, -1, ref.Plain, math.NaN()},
		{inf, 1e-45, nan, 3e38, 1, ref.Plain, math.NaN()},
		{1, inf, 1, 1, 1, ref.Unspecified, math.NaN()}, // x·f + (offset − mean·f) is ∞ − ∞ too
		{2, inf, 1, 1, 1, ref.Unspecified, math.Inf(1)},
		{1, 2, 1, 0, inf, ref.Unspecified, 1},
		{inf, 1000, 0, 3e38, 1, ref.Unspecified, math.Inf(1)}, // x·f − mean·f is ∞ − ∞
		{3e38, 10, 0, 3e38, 1, ref.OverflowPossible, 0},
		{3e38, 10, 0, 0, 1, ref.OverflowPossible, 10 * float64(float32(3e38)) / math.Sqrt(1+float64(float32(1e-3)))},
	} {
		r := apply(t, ir.BatchNorm{Epsilon: 1e-3}, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{tt.x}}, row(tt.scale), row(tt.offset), row(tt.mean), row(tt.variance))
		same := r.Value[0] == tt.value || r.Value[0] != r.Value[0] && tt.value != tt.value || math.Abs(r.Value[0]-tt.value) < 1e-12*tt.value
		if r.State[0] != tt.state || !same {
			t.Errorf("%+v: %v, state %d", tt, r.Value[0], r.State[0])
		}
	}
}

// The bound of each number is the derivation's, with the numbers that are read or flushed
// as zero: x and mean times the factor, offset, and the factor itself where scale is
// subnormal.
func TestBatchNormBoundIsDerived(t *testing.T) {
	const u, least = 0x1p-24, 0x1p-126
	rsqrt := 2 * found("rsqrt") * 0x1p-23 // twice what was measured, in ULPs
	for _, tt := range []struct{ x, scale, offset, mean, variance float32 }{
		{1, 2, 3, 4, 5},
		{0, 1, 0, 0, 1},
		{0, 1, 1e-39, 0, 1},
		{0, 0x1p20, 1e-39, 1e-39, 1},
		{1, 0x1p20, 0, -1e-39, 0x1p-40},
		{1e-39, 0x1p20, 0, 0, 1},
		{-1e-39, 0x1p20, -2e-39, 3e-39, 4},
		{1, 1e-39, 2, 1, 1},
	} {
		r := apply(t, ir.BatchNorm{Epsilon: 0x1p-20}, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{tt.x}}, row(tt.scale), row(tt.offset), row(tt.mean), row(tt.variance))
		size := func(v float32) float64 { return math.Abs(float64(v)) }
		subnormal := func(v float32) float64 {
			if size(v) < least {
				return size(v)
			}
			return 0
		}
		f := size(tt.scale) / math.Sqrt(float64(tt.variance)+0x1p-20)
		terms := size(tt.x)*f + size(tt.mean)*f + size(tt.offset)
		want := (5*u/(1-5*u)+rsqrt)*terms + least*(size(tt.x)+size(tt.mean)+size(tt.scale)+f+3) +
			subnormal(tt.x)*f + subnormal(tt.mean)*f + subnormal(tt.offset)
		if subnormal(tt.scale) > 0 {
			want += terms
		}
		if math.Abs(r.Bound[0]-want) > 1e-9*want {
			t.Errorf("%+v: the bound is %v, want %v", tt, r.Bound[0], want)
		}
	}
}

// A difference over the root may overflow where the result does not.
func TestBatchNormOverflow(t *testing.T) {
	for _, tt := range []struct {
		x, scale, mean, variance float32
		state                    ref.State
	}{
		{1e30, 1e-10, 0, 1, ref.Plain},
		{3e38, 1e-10, 3e38, 1, ref.OverflowPossible},    // x − mean, of two signs
		{1e30, 1e-10, 0, 0x1p-40, ref.Plain},            // 1e30·2²⁰
		{1e34, 1e-10, 0, 0x1p-40, ref.OverflowPossible}, // 1e34·2²⁰
		{3e32, 1e-10, 0, 0x1p-40, ref.Plain},            // 3.1e38
		{4e32, 1e-10, 0, 0x1p-40, ref.OverflowPossible}, // 4.2e38
		{1e-10, 3e38, 0, 0x1p-40, ref.OverflowPossible}, // the factor, 3e38·2²⁰
		{1e-10, -3e38, 0, 0x1p-40, ref.OverflowPossible},
		{1e-10, 3e32, 0, 0x1p-40, ref.Plain},
		{1e20, -1e-10, 4e32, 0x1p-40, ref.OverflowPossible},
	} {
		r := apply(t, ir.BatchNorm{Epsilon: 0x1p-100}, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{tt.x}}, row(tt.scale), row(0), row(tt.mean), row(tt.variance))
		if r.State[0] != tt.state {
			t.Errorf("%+v: state %d, want %d", tt, r.State[0], tt.state)
		}
	}
}

// A variance that may be flushed to zero gives any number, one that may not has a bound.
func TestBatchNormSmallVariances(t *testing.T) {
	for _, tt := range []struct {
		variance, epsilon float32
		state             ref.State
	}{
		{0x1p-126, 1e-45, ref.Unspecified}, // epsilon may be read as zero
		{0, 0x1p-126, ref.Plain},           // the smallest normal number
		{0x1p-127, 0x1p-127, ref.Unspecified},
		{0x1p-130, 0x1p-126, ref.Unspecified}, // the variance may be read as zero
		{0x1p-130, 0x1p-101, ref.Unspecified},
		{0x1p-130, 0x1p-100, ref.Plain},
		{0x1p-101, 0x1p-130, ref.Unspecified},
		{0x1p-100, 0x1p-130, ref.Plain},
		{0x1p-110, 0x1p-110, ref.Plain}, // both are normal
		{-0x1p-3, 0x1p-3, ref.Unspecified},
	} {
		op := ir.BatchNorm{Epsilon: tt.epsilon}
		r := apply(t, op, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{1}}, row(0x1p-20), row(0), row(0), row(tt.variance))
		if r.State[0] != tt.state {
			t.Errorf("variance %v, epsilon %v: state %d, want %d", tt.variance, tt.epsilon, r.State[0], tt.state)
		}
	}
}

// The interval of a batch_norm encloses its outputs for all numbers within the
// operand's bounds, and is hardly wider.
func TestExtendBatchNorm(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	const n, channels = 200, 4
	scale, offset, mean, variance := gaussian(random, channels), gaussian(random, channels), gaussian(random, channels), row(1, 2, 0.01, 30)
	r := ref.Result{Shape: []int{n, channels}, Level: make([]float64, n*channels), State: make([]ref.State, n*channels)}
	for range n * channels {
		r.Value = append(r.Value, random.NormFloat64())
		r.Bound = append(r.Bound, math.Ldexp(random.Float64(), -random.IntN(30)))
	}
	e := extend(t, r, ir.BatchNorm{Epsilon: 1e-3}, scale, offset, mean, variance)
	for i, x := range r.Value {
		c := i % channels
		s, m, o := float64(scale.Data[c]), float64(mean.Data[c]), float64(offset.Data[c])
		f := s / math.Sqrt(float64(variance.Data[c])+float64(float32(1e-3)))
		for _, position := range []float64{-1, -0.5, 0, 1} {
			y := (x+position*r.Bound[i]-m)*f + o
			own := 2 * 0x1p-24 * (math.Abs(x*f) + math.Abs(m*f) + math.Abs(o))
			if math.Abs(y-e.Value[i])+own > e.Bound[i] {
				t.Fatalf("%v ± %v: %v ± %v does not enclose %v ± %v", x, r.Bound[i], e.Value[i], e.Bound[i], y, own)
			}
			if position == 1 && e.Bound[i] > math.Abs(y-e.Value[i])+10*own+1e-6*r.Bound[i]*math.Abs(f)+0x1p-120 {
				t.Fatalf("%v ± %v: %v ± %v, it moves to %v", x, r.Bound[i], e.Value[i], e.Bound[i], y)
			}
		}
	}
}
