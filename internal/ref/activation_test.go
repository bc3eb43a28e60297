package ref_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

//go:embed testdata/known.json
var knownText []byte

// known are answers that mpmath gave; see testdata/known.py.
var known struct {
	Inputs    []float32
	Functions map[string][]float64
	Rows      [][]float32
	Softmax   [][]float64
	BatchNorm struct {
		Scale, Offset, Mean, Variance, Input []float32
		Epsilon                              float32
		Values                               []float64
	} `json:"batch_norm"`
	Pixel []float32
	LRN   []struct {
		Radius            int
		Bias, Alpha, Beta float32
		Values            []float64
	}
}

func init() {
	if err := json.Unmarshal(knownText, &known); err != nil {
		panic(err)
	}
}

// near reports whether the reference gives a known answer, in float64's precision.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-14*math.Abs(want) }

var activations = []ir.Op{
	ir.ReLU{},
	ir.ReLU6{},
	ir.LeakyReLU{Alpha: 0.3},
	ir.ELU{},
	ir.SELU{},
	ir.Sigmoid{},
	ir.Tanh{},
	ir.Swish{},
	ir.HardSwish{},
}

func row(data ...float32) tensor.Tensor { return tensor.Tensor{Shape: []int{len(data)}, Data: data} }

func TestActivationsKnown(t *testing.T) {
	for _, op := range activations[1:] {
		want := known.Functions[op.Kind()]
		r := apply(t, op, row(known.Inputs...))
		for i, x := range known.Inputs {
			if !near(r.Value[i], want[i]) || r.State[i] != ref.Plain {
				t.Errorf("%s(%g) = %v (state %d), mpmath %v", op.Kind(), x, r.Value[i], r.State[i], want[i])
			}
			// Twice what the table says, and what is flushed; nothing where the
			// function is not in it but for one rounding.
			most := ref.Spacing(want[i]) + 0x1p-124
			for _, f := range ref.Functions() {
				if f.Name == op.Kind() {
					most += 2 * max(f.ULPs*ref.Spacing(want[i]), f.Absolute)
				}
			}
			switch op.(type) {
			case ir.Swish: // the sigmoid's, and where that may be lost
				most += 2*found("sigmoid")*0x1p-23*math.Abs(want[i]) + math.Abs(float64(x))*0x1p-125
			case ir.HardSwish:
				most += 0x1p-24 * (float64(x)*float64(x)/3 + 4*math.Abs(want[i]))
			}
			if r.Bound[i] > most {
				t.Errorf("%s(%g): the bound %g says little, want at most %g", op.Kind(), x, r.Bound[i], most)
			}
			if want[i] == 0 && r.Bound[i] > 0x1p-124*max(1, math.Abs(float64(x))) {
				t.Errorf("%s(%g) is 0 ± %g, want next to nothing", op.Kind(), x, r.Bound[i])
			}
		}
	}
}

// The ends of the line, and NaN.
func TestActivationsNotFinite(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		op        ir.Op
		low, high float64
		nan       ref.State
	}{
		{ir.ReLU{}, 0, inf, ref.Unspecified},
		{ir.ReLU6{}, 0, 6, ref.Unspecified},
		{ir.LeakyReLU{Alpha: 0.3}, -inf, inf, ref.Unspecified},
		{ir.LeakyReLU{Alpha: -2}, inf, inf, ref.Unspecified},
		{ir.ELU{}, -1, inf, ref.Plain},
		{ir.SELU{}, -1.7580993408473766, inf, ref.Plain},
		{ir.Sigmoid{}, 0, 1, ref.Plain},
		{ir.Tanh{}, -1, 1, ref.Plain},
	} {
		r := apply(t, tt.op, row(float32(-inf), float32(inf), float32(nan)))
		if r.Value[0] != tt.low && !near(r.Value[0], tt.low) || r.Value[1] != tt.high || r.Value[2] == r.Value[2] {
			t.Errorf("%s of −Inf, +Inf, NaN: %v, want %v, %v, NaN", tt.op.Kind(), r.Value, tt.low, tt.high)
		}
		if r.State[0] != ref.Plain || r.State[1] != ref.Plain || r.State[2] != tt.nan {
			t.Errorf("%s of −Inf, +Inf, NaN: states %v, want plain, plain, %v", tt.op.Kind(), r.State, tt.nan)
		}
		if r.Bound[0] > 16*ref.Spacing(tt.low)+0x1p-124 && r.Bound[0] > 3.2e-7 || r.Bound[1] > 16*ref.Spacing(tt.high) {
			t.Errorf("%s of −Inf, +Inf: bounds %v", tt.op.Kind(), r.Bound)
		}
	}
}

// −Inf times 0 is NaN, or another number of a kernel.
func TestSwishesNotFinite(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for op, atNaN := range map[ir.Op]ref.State{ir.Swish{}: ref.Plain, ir.HardSwish{}: ref.Unspecified} {
		r := apply(t, op, row(float32(-inf), float32(inf), float32(nan)))
		if r.State[0] != ref.Unspecified || r.Value[1] != inf || r.State[1] != ref.Plain || r.Value[2] == r.Value[2] || r.State[2] != atNaN {
			t.Errorf("%s of −Inf, +Inf, NaN: %v, states %v", op.Kind(), r.Value, r.State)
		}
	}
}

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

// bfloat keeps 8 bits of a number.
func bfloat(x float32) float32 {
	return math.Float32frombits((math.Float32bits(x) + 0x7fff + math.Float32bits(x)>>16&1) &^ 0xffff)
}

// flush returns a result of a processor in flush-to-zero mode.
func flush(x float32) float32 {
	if abs(x) < 0x1p-126 {
		return 0
	}
	return x
}

// Kernels in float32 stay within the bounds, and kernels that are a little
// wrong do not.
func TestActivationKernels(t *testing.T) {
	type kernel = func(x float32) float32
	const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
	selu := func(scale, alpha float32) kernel {
		return func(x float32) float32 {
			if x > 0 {
				return scale * x
			}
			return scale * alpha * (exp32(x) - 1)
		}
	}
	leaky := func(alpha float32) kernel { return func(x float32) float32 { return max(x, alpha*x) } }
	sigmoid := func(x float32) float32 { return 1 / (1 + exp32(-x)) }
	hard := func(x float32) float32 { return min(max(float32(x*(1./6))+0.5, 0), 1) }
	tanh := func(x float32) float32 { return float32(math.Tanh(float64(x))) }
	elu := func(x float32) float32 {
		if x > 0 {
			return x
		}
		return exp32(x) - 1
	}
	on := func(f kernel, narrow func(float32) float32) kernel {
		return func(x float32) float32 { return f(narrow(x)) }
	}
	for _, tt := range []struct {
		op           ir.Op
		right, wrong []kernel
	}{
		{ir.ReLU{}, []kernel{func(x float32) float32 { return max(x, 0) }, func(x float32) float32 { return max(flush(x), 0) }}, []kernel{
			abs, func(x float32) float32 { return x }, func(x float32) float32 { return max(bfloat(x), 0) },
		}},
		{ir.ReLU6{}, []kernel{func(x float32) float32 { return min(max(x, 0), 6) }}, []kernel{
			func(x float32) float32 { return min(max(x, 0), 6.0000005) }, func(x float32) float32 { return max(x, 0) },
			func(x float32) float32 { return min(x, 6) },
		}},
		{ir.LeakyReLU{Alpha: 0.3}, []kernel{leaky(0.3), func(x float32) float32 { return flush(leaky(0.3)(flush(x))) }}, []kernel{
			leaky(0.30000004), leaky(0.2), leaky(0), func(x float32) float32 { return 0.3 * x },
		}},
		{ir.ELU{}, []kernel{elu, func(x float32) float32 {
			if x > 0 {
				return x
			}
			return float32(math.Expm1(float64(x)))
		}}, []kernel{
			on(elu, bfloat), exp32, func(x float32) float32 { return max(x, exp32(x)-1) },
			func(x float32) float32 {
				if x > 0 {
					return x
				}
				return 1.00001 * (exp32(x) - 1)
			},
		}},
		{ir.SELU{}, []kernel{selu(scale, alpha)}, []kernel{
			selu(1.0507, 1.67326), selu(scale, 1.67326), selu(alpha, scale), selu(scale, 1), selu(1, alpha), on(selu(scale, alpha), bfloat),
		}},
		{ir.Sigmoid{}, []kernel{sigmoid, func(x float32) float32 {
			if x < 0 {
				return flush(exp32(x) / (1 + exp32(x)))
			}
			return sigmoid(x)
		}, func(x float32) float32 { // as oneDNN's, which loses eˣ below 2⁻¹²⁵
			if e := exp32(x); x < 0 {
				if e < 0x1p-125 {
					return 0
				}
				return e / (1 + e)
			}
			return sigmoid(x)
		}}, []kernel{
			on(sigmoid, bfloat), tanh, func(x float32) float32 { return min(1, max(0, 0.2*x+0.5)) },
			func(x float32) float32 { return (1 + tanh(x/2)) / 2 }, // no relative accuracy
		}},
		{ir.Tanh{}, []kernel{tanh, func(x float32) float32 { return flush(tanh(flush(x))) }}, []kernel{
			on(tanh, bfloat), sigmoid, func(x float32) float32 { return x * (27 + x*x) / (27 + 9*x*x) },
			func(x float32) float32 { return 1 - 2/(exp32(2*x)+1) }, // no relative accuracy
		}},
		{ir.Swish{}, []kernel{func(x float32) float32 { return x * sigmoid(x) }, func(x float32) float32 {
			return flush(flush(x) * flush(sigmoid(x)))
		}, func(x float32) float32 { return x / (1 + exp32(-x)) }}, []kernel{
			func(x float32) float32 { return x * bfloat(sigmoid(x)) }, func(x float32) float32 { return max(x, 0) },
			func(x float32) float32 { return x * sigmoid(1.702*x) }, func(x float32) float32 { return x * hard(x) },
			func(x float32) float32 { return x * (1 + tanh(x/2)) / 2 }, // no relative accuracy
		}},
		{ir.HardSwish{}, []kernel{func(x float32) float32 { return x * (min(max(x+3, 0), 6) * (1. / 6)) }, func(x float32) float32 { return x * hard(x) }, func(x float32) float32 { // in one rounding
			return x * min(max(float32(float64(x)*float64(float32(1./6))+0.5), 0), 1)
		}}, []kernel{
			func(x float32) float32 { return x * sigmoid(x) }, func(x float32) float32 { return x * min(max(0.2*x+0.5, 0), 1) },
			func(x float32) float32 { return x * (min(max(x+3, 0), 6) * 0.16667) }, func(x float32) float32 { return x * (max(x+3, 0) * (1. / 6)) },
			func(x float32) float32 { return x * (min(x+3, 6) * (1. / 6)) }, func(x float32) float32 { return x * bfloat(hard(x)) },
		}},
	} {
		random := rand.New(rand.NewPCG(5, 6))
		x := gaussian(random, 20000)
		for i := range x.Data {
			switch i % 4 {
			case 0:
				x.Data[i] *= 4
			case 1:
				x.Data[i] *= 40
			case 2:
				x.Data[i] *= float32(math.Ldexp(1, -random.IntN(140)))
			}
		}
		want := apply(t, tt.op, x)
		compare := func(k kernel) proof.Verdict {
			got := tensor.Tensor{Shape: x.Shape}
			for _, v := range x.Data {
				got.Data = append(got.Data, k(v))
			}
			return proof.Compare(want, got)
		}
		for i, k := range tt.right {
			if v := compare(k); !v.OK() {
				t.Errorf("%s, kernel %d: %v", tt.op.Kind(), i, v)
			}
		}
		for i, k := range tt.wrong {
			if v := compare(k); v.OK() {
				t.Errorf("%s, wrong kernel %d passes: %v", tt.op.Kind(), i, v)
			}
		}
	}
}
