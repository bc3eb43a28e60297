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

func TestLRNKnown(t *testing.T) {
	for _, k := range known.LRN {
		op := ir.LRN{DepthRadius: k.Radius, Bias: k.Bias, Alpha: k.Alpha, Beta: k.Beta}
		r := apply(t, op, tensor.Tensor{Shape: []int{1, 1, 1, len(known.Pixel)}, Data: known.Pixel})
		for i, want := range k.Values {
			if math.Abs(r.Value[i]-want) > 1e-14*math.Abs(want) || r.State[i] != ref.Plain || r.Bound[i] > 4e-6*math.Abs(want)+0x1p-120 {
				t.Errorf("%+v at %d: %v ± %v, mpmath %v", op, i, r.Value[i], r.Bound[i], want)
			}
		}
	}
}

// lrnKernel computes channel c of a pixel.
type lrnKernel func(x []float32, c int, o ir.LRN) float32

func TestLRNKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	rounded := func(y float64, name string) float32 { return float32(y * off(random, found(name))) }
	power := func(t, beta float32) float32 {
		switch beta {
		case 1:
			return rounded(1/float64(t), "reciprocal")
		case 0.5:
			return rounded(1/math.Sqrt(float64(t)), "rsqrt")
		}
		return rounded(math.Exp(float64(-beta*rounded(math.Log(float64(t)), "log"))), "exp")
	}
	squares := func(x []float32, c, radius int) float32 {
		sum := float32(0)
		for _, v := range x[max(0, c-radius):min(len(x), c+radius+1)] {
			sum += flush(v * v)
		}
		return sum
	}
	right := []lrnKernel{
		func(x []float32, c int, o ir.LRN) float32 {
			return flush(x[c] * power(o.Bias+o.Alpha*squares(x, c, o.DepthRadius), o.Beta))
		},
		func(x []float32, c int, o ir.LRN) float32 { // as Caffe and oneDNN have α, for the mean
			n := float32(2*o.DepthRadius + 1)
			return x[c] * power(o.Bias+o.Alpha*n/n*squares(x, c, o.DepthRadius), o.Beta)
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] / float32(math.Pow(float64(o.Bias+o.Alpha*squares(x, c, o.DepthRadius)), float64(o.Beta)))
		},
	}
	wrong := []lrnKernel{
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] * power(o.Bias+o.Alpha*squares(x, c, o.DepthRadius+1), o.Beta)
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] * power(o.Bias+o.Alpha/float32(2*o.DepthRadius+1)*squares(x, c, o.DepthRadius), o.Beta)
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] * power(1+o.Alpha*squares(x, c, o.DepthRadius), o.Beta)
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] * power(o.Bias+o.Alpha*squares(x, c, o.DepthRadius), o.Beta*1.0001)
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return bfloat(x[c] * power(o.Bias+o.Alpha*squares(x, c, o.DepthRadius), o.Beta))
		},
		func(x []float32, c int, o ir.LRN) float32 {
			return x[c] * power(o.Bias+o.Alpha*bfloat(squares(x, c, o.DepthRadius)), o.Beta)
		},
		func(x []float32, c int, o ir.LRN) float32 { // the window's first channel is missing
			first := max(0, c-o.DepthRadius)
			return x[c] * power(o.Bias+o.Alpha*(squares(x, c, o.DepthRadius)-x[first]*x[first]), o.Beta)
		},
	}
	caught := make([]bool, len(wrong))
	largest := 0.0
	for range 400 {
		x := gaussian(random, 1, 1, 1, 1+random.IntN(40))
		for i := range x.Data {
			x.Data[i] *= float32(math.Ldexp(1, random.IntN(8)-4))
		}
		o := ir.LRN{
			DepthRadius: random.IntN(6), Bias: float32(math.Ldexp(1, random.IntN(6)-3)) * 1.1,
			Alpha: float32(math.Ldexp(1, -random.IntN(14))), Beta: []float32{0.5, 0.75, 1, 0.3, 2.5}[random.IntN(5)],
		}
		want := apply(t, o, x)
		compare := func(k lrnKernel) proof.Verdict {
			got := tensor.Tensor{Shape: x.Shape}
			for c := range x.Data {
				got.Data = append(got.Data, k(x.Data, c, o))
			}
			return proof.Compare(want, got)
		}
		for i, k := range right {
			v := compare(k)
			if !v.OK() || v.Unspecified > 0 {
				t.Errorf("%+v, kernel %d: %v", o, i, v)
			}
			largest = max(largest, v.Share)
		}
		for i, k := range wrong {
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

// From 384 channels on TensorFlow's kernel keeps a running sum, whose errors are as
// large as its largest value: numbers after a large one have larger errors.
func TestLRNRunningSum(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	o := ir.LRN{DepthRadius: 3, Bias: 1, Alpha: 0.5, Beta: 1}
	x := gaussian(random, 1, 1, 1, 500)
	x.Data[100] = 3000
	want := apply(t, o, x)
	got := tensor.Tensor{Shape: x.Shape}
	sum, worst := float32(0), 0.0
	square := func(c int) float32 {
		if c < 0 || c >= len(x.Data) {
			return 0
		}
		return x.Data[c] * x.Data[c] * o.Alpha
	}
	for c := -o.DepthRadius; c < len(x.Data); c++ {
		sum += square(c + o.DepthRadius)
		if c >= 0 {
			got.Data = append(got.Data, x.Data[c]/(o.Bias+sum))
		}
		sum -= square(c - o.DepthRadius)
	}
	if v := proof.Compare(want, got); !v.OK() {
		t.Error(v)
	}
	for c := 110; c < 500; c++ {
		worst = max(worst, math.Abs(float64(got.Data[c])-want.Value[c])/math.Abs(want.Value[c]))
	}
	if worst < 1e-4 {
		t.Errorf("the running sum is off by %.2g, no more than any sum", worst)
	}
}

// Outputs for numbers within wide bounds, the smallest, the largest and others, lie
// within the bound, which is hardly wider than they.
func TestExtendLRN(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	const n = 5
	for range 400 {
		o := ir.LRN{DepthRadius: 1, Bias: 1, Alpha: 1, Beta: []float32{0.5, 0.75, 1, -1}[random.IntN(4)]}
		kind := random.IntN(3)
		value, bound := make([]float64, n), make([]float64, n)
		read := make([]float32, n)
		for i := range value {
			value[i] = float64(float32(random.NormFloat64()))
			bound[i] = []float64{0, 0.5, 300}[random.IntN(3)]
			switch v := math.Abs(value[i]); kind {
			case 0:
				read[i] = float32(math.Copysign(max(0, v-bound[i]), value[i]))
			case 1:
				read[i] = float32(math.Copysign(v+bound[i], value[i]))
			default:
				read[i] = float32(value[i] + bound[i]*(2*random.Float64()-1))
			}
			if off := float64(read[i]) - value[i]; math.Abs(off) > bound[i] {
				bound[i] = math.Abs(off) // by a rounding
			}
		}
		e := extend(t, within([]int{1, 1, 1, n}, value, bound), o)
		for c := range value {
			got, low, high := o.Bias, float64(o.Bias), float64(o.Bias)
			for k := max(0, c-1); k <= min(n-1, c+1); k++ {
				v := math.Abs(value[k])
				got += read[k] * read[k]
				low, high = low+math.Pow(max(0, v-bound[k]), 2), high+math.Pow(v+bound[k], 2)
			}
			got = read[c] * float32(math.Pow(float64(got), -float64(o.Beta)))
			err := math.Abs(float64(got) - e.Value[c])
			power := func(t float64) float64 { return math.Pow(t, -float64(o.Beta)) }
			most := 0.0
			for _, x := range []float64{value[c] - bound[c], value[c] + bound[c]} {
				for _, t := range []float64{low, high} {
					most = max(most, math.Abs(x*power(t)-e.Value[c]))
				}
			}
			most += 3e-5 * (math.Abs(value[c]) + bound[c]) * max(power(low), power(high))
			if e.State[c] != ref.Plain || err > e.Bound[c] || e.Bound[c] > most {
				t.Fatalf("%+v of %v ± %v at %d, read as %v: error %g, bound %g, most %g", o, value, bound, c, read, err, e.Bound[c], most)
			}
		}
	}
}
