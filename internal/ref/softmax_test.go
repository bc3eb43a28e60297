package ref_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

func TestSoftmaxKnown(t *testing.T) {
	for i, x := range known.Rows {
		r := apply(t, ir.Softmax{}, tensor.Tensor{Shape: []int{1, len(x)}, Data: x})
		for k, want := range known.Softmax[i] {
			if !near(r.Value[k], want) || r.State[k] != ref.Plain {
				t.Errorf("softmax of %v at %d: %v, mpmath %v", x, k, r.Value[k], want)
			}
			// γ₄, the errors of exp and of the reciprocal, and the differences'.
			if most := 2e-6*want*(1+math.Abs(float64(slices.Max(x)-x[k]))) + 0x1p-123; r.Bound[k] > most {
				t.Errorf("softmax of %v at %d: %v ± %g says little", x, k, want, r.Bound[k])
			}
		}
	}
}

func TestSoftmaxNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, tt := range []struct {
		x     []float32
		state ref.State
	}{
		{[]float32{1, nan, 2}, ref.Unspecified},
		{[]float32{nan, inf, 2}, ref.Unspecified},
		{[]float32{1, inf, 2}, ref.Unspecified},
		{[]float32{-inf, -inf, -inf}, ref.Unspecified},
		{[]float32{1, -inf, 1}, ref.Plain},
		{[]float32{3e38, -3e38, 3e38}, ref.Plain},
	} {
		r := apply(t, ir.Softmax{}, tensor.Tensor{Shape: []int{1, 3}, Data: tt.x})
		for i, state := range r.State {
			if state != tt.state {
				t.Errorf("softmax of %v: states %v, want %v", tt.x, r.State, tt.state)
			}
			if want := []float64{0.5, 0, 0.5}[i]; tt.state == ref.Plain && (r.Value[i] != want || r.Bound[i] > 1e-5*want+0x1p-123) {
				t.Errorf("softmax of %v at %d: %v ± %v, want %v", tt.x, i, r.Value[i], r.Bound[i], want)
			}
		}
	}
	// Next to a row that is unspecified the others are what they were.
	r := apply(t, ir.Softmax{}, tensor.Tensor{Shape: []int{2, 2}, Data: []float32{nan, 1, 1, 1}})
	if r.State[1] != ref.Unspecified || r.State[2] != ref.Plain || r.Value[3] != 0.5 {
		t.Errorf("a row below one with NaN: %v, %v", r.Value, r.State)
	}
}

// off returns a factor with an error of up to some units in the last place.
func off(random *rand.Rand, ulps float64) float64 { return 1 + (2*random.Float64()-1)*ulps*0x1p-23 }

// found returns the error in the table, without its margin.
func found(name string) float64 {
	for _, f := range ref.Functions() {
		if f.Name == name {
			return f.ULPs
		}
	}
	return math.NaN()
}

// Kernels in float32 stay within the bounds with errors of exp and reciprocal as large
// as any measured.
func TestSoftmaxKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	exp := func(x float32) float32 { return float32(math.Exp(float64(x)) * off(random, found("exp"))) }
	type step struct {
		exp    func(float32) float32
		sum    func([]float32) float32
		divide func(a, b float32) float32
		shift  func(row []float32) float32
	}
	inverse := func(a, b float32) float32 { return flush(a * float32(1/float64(b)*off(random, found("reciprocal")))) }
	ones := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	forwards := func(x []float32) float32 { return forward(x, ones(len(x))) }
	biggest := func(row []float32) float32 { return slices.Max(row) }
	plain := step{exp, forwards, inverse, biggest}
	with := func(change func(s *step)) step {
		s := plain
		change(&s)
		return s
	}
	right := []step{
		plain,
		with(func(s *step) { s.sum = func(x []float32) float32 { return pairwise(x, ones(len(x))) } }),
		with(func(s *step) { s.divide = func(a, b float32) float32 { return flush(a / b) } }),
		with(func(s *step) {
			s.exp = func(x float32) float32 { // as oneDNN's
				if x < -86.643 {
					return 0
				}
				return exp(x)
			}
		}),
	}
	wrong := []step{
		with(func(s *step) { s.shift = func([]float32) float32 { return 0 } }), // overflows
		with(func(s *step) { s.exp = func(x float32) float32 { return float32(math.Exp2(float64(x))) } }),
		with(func(s *step) { s.exp = func(x float32) float32 { return exp(x * 1.0001) } }),
		with(func(s *step) { s.exp = func(x float32) float32 { return exp(bfloat(x)) } }),
		with(func(s *step) { s.exp = func(x float32) float32 { return bfloat(exp(x)) } }),
		with(func(s *step) { s.sum = func(x []float32) float32 { return forwards(x[1:]) } }),
		with(func(s *step) { s.sum = func(x []float32) float32 { return forwards(x) + 1e-5 } }),
		with(func(s *step) { s.divide = func(a, b float32) float32 { return bfloat(a / b) } }),
		with(func(s *step) { s.divide = func(a, b float32) float32 { return float32(math.Log(float64(a / b))) } }),
	}
	for i, s := range append(right, wrong...) {
		outside, tightest := 0, 0.0
		for range 400 {
			n := 1 + random.IntN(50)
			x := gaussian(random, 1, n)
			scale := math.Ldexp(1, random.IntN(10)-3)
			for k := range x.Data {
				x.Data[k] *= float32(scale)
			}
			got := tensor.Tensor{Shape: x.Shape}
			shift := s.shift(x.Data)
			for _, v := range x.Data {
				got.Data = append(got.Data, s.exp(v-shift))
			}
			total := s.sum(got.Data)
			for k, v := range got.Data {
				got.Data[k] = s.divide(v, total)
			}
			want := apply(t, ir.Softmax{}, x)
			v := proof.Compare(want, got)
			outside += v.Outside
			if v.MaxError > 0x1p-100 {
				tightest = max(tightest, v.Share)
			}
		}
		if i < len(right) && (outside > 0 || tightest < 0.2) {
			t.Errorf("kernel %d: %d numbers outside, the largest share is %.2g", i, outside, tightest)
		}
		if i >= len(right) && outside == 0 {
			t.Errorf("wrong kernel %d passes", i-len(right))
		}
	}
}

// The interval of a softmax encloses its outputs for numbers at the corners of the
// operand's bounds and between them, and is hardly wider.
func TestExtendSoftmax(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	exact := func(x []float64) []float64 {
		sum, y, largest := 0.0, make([]float64, len(x)), slices.Max(x)
		for i, v := range x {
			y[i] = math.Exp(v - largest)
			sum += y[i]
		}
		for i := range y {
			y[i] /= sum
		}
		return y
	}
	for range 2000 {
		n := 1 + random.IntN(6)
		r := ref.Result{Shape: []int{1, n}, Level: make([]float64, n), State: make([]ref.State, n)}
		width := math.Ldexp(1, 8-random.IntN(25))
		for range n {
			r.Value = append(r.Value, 5*random.NormFloat64())
			r.Bound = append(r.Bound, width*random.Float64())
		}
		e := extend(t, r, ir.Softmax{})
		moved := make([]float64, n)
		compare := func(position func(i int) float64) {
			x := make([]float64, n)
			for i := range x {
				x[i] = r.Value[i] + position(i)*r.Bound[i]
			}
			for i, y := range exact(x) {
				moved[i] = max(moved[i], math.Abs(y-e.Value[i]))
				if math.Abs(y-e.Value[i]) > e.Bound[i] || e.State[i] != ref.Plain {
					t.Fatalf("softmax of %v ± %v at %d: %v ± %v (state %d) does not enclose %v", r.Value, r.Bound, i, e.Value[i], e.Bound[i], e.State[i], y)
				}
			}
		}
		for range 20 {
			compare(func(int) float64 { return 2*random.Float64() - 1 })
		}
		for k := range n {
			for _, sign := range []float64{1, -1} {
				compare(func(i int) float64 {
					if i == k {
						return sign
					}
					return -sign
				})
			}
		}
		for i := range n {
			if own := 4e-5 * e.Value[i]; e.Bound[i] > 1.001*moved[i]+own+0x1p-120 && width < 4 {
				t.Fatalf("softmax of %v ± %v at %d: %v ± %v, while it moves by %v", r.Value, r.Bound, i, e.Value[i], e.Bound[i], moved[i])
			}
		}
	}
}
