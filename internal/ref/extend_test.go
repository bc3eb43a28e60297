package ref_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// within returns a result of values and bounds.
func within(shape []int, value, bound []float64) ref.Result {
	return ref.Result{Shape: shape, Value: value, Bound: bound, Level: make([]float64, len(value)), State: make([]ref.State, len(value))}
}

// extend computes op on a result. operands are op's weights, or the other terms of an
// add.
func extend(t *testing.T, r ref.Result, op ir.Op, operands ...tensor.Tensor) ref.Result {
	t.Helper()
	e, err := tryExtend(r, op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tryExtend(r ref.Result, op ir.Op, operands ...tensor.Tensor) (ref.Result, error) {
	list := []ref.Operand{ref.Within(r)}
	if _, adds := op.(ir.Add); adds {
		for _, x := range operands {
			list = append(list, ref.Known(x))
		}
		operands = nil
	}
	return ref.Extend(context.Background(), ref.Arithmetic{}, op, list, operands...)
}

// curves are the activations in float64, and the error of a float32 kernel at y =
// f(x): the errors in the table, without the margin.
var curves = map[string]struct {
	f   func(x float64) float64
	own func(x, y float64) float64
}{
	"relu":       {func(x float64) float64 { return max(x, 0) }, nothing},
	"relu6":      {func(x float64) float64 { return min(max(x, 0), 6) }, nothing},
	"leaky_relu": {func(x float64) float64 { return max(x, float64(float32(0.3))*x) }, half},
	"elu": {func(x float64) float64 {
		if x > 0 {
			return x
		}
		return math.Expm1(x)
	}, func(x, _ float64) float64 { return below(x, 1.12e-7, 0) }},
	"selu": {func(x float64) float64 {
		if x > 0 {
			return 1.0507009873554804934193349852946 * x
		}
		return 1.0507009873554804934193349852946 * 1.6732632423543772848170429916717 * math.Expm1(x)
	}, func(x, y float64) float64 { return below(x, 1.58e-7, 1.05*ref.Spacing(y)) }},
	"sigmoid": {func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, func(_, y float64) float64 { return 6.5 * ref.Spacing(y) }},
	"swish":   {func(x float64) float64 { return x / (1 + math.Exp(-x)) }, func(_, y float64) float64 { return 6.6 * 0x1p-23 * math.Abs(y) }},
	"hard_swish": {func(x float64) float64 { return x * min(max(x+3, 0), 6) / 6 }, func(x, y float64) float64 {
		if math.Abs(x) > 3 {
			return 0
		}
		return 0x1p-25 * (x*x/3 + 4*math.Abs(y))
	}},
	"tanh": {math.Tanh, func(_, y float64) float64 { return 6 * ref.Spacing(y) }},
}

func nothing(_, _ float64) float64 { return 0 }

func half(x, y float64) float64 { return below(x, ref.Spacing(y)/2, 0) }

func below(x, low, high float64) float64 {
	if x < 0 {
		return low
	}
	return high
}

// The interval of an activation encloses the activation of all numbers within the
// operand's bounds, with the kernel's own error, and is hardly wider.
func TestExtendActivations(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	const n = 4000
	for _, op := range activations {
		c := curves[op.Kind()]
		value, bound := make([]float64, n), make([]float64, n)
		for i := range n {
			value[i], bound[i] = 4*random.NormFloat64(), math.Ldexp(random.Float64(), 3-random.IntN(30))
			if i%5 == 0 {
				value[i] *= math.Ldexp(1, -random.IntN(140))
			}
			if i%7 == 0 {
				bound[i] = 0
				value[i] = float64(float32(value[i]))
			}
		}
		e := extend(t, within([]int{n}, value, bound), op)
		for i, x := range value {
			moved, own := 0.0, 0.0
			var positions []float64
			for k := range 41 {
				positions = append(positions, x+(float64(k)/20-1)*bound[i])
			}
			for _, turn := range []float64{-1.2784645427610738, -1.5} { // of swish and hard_swish
				if math.Abs(turn-x) < bound[i] {
					positions = append(positions, turn)
				}
			}
			for _, at := range positions {
				y := c.f(at)
				moved, own = max(moved, math.Abs(y-c.f(x))), max(own, c.own(at, y))
				if math.Abs(y-e.Value[i])+c.own(at, y) > e.Bound[i]*(1+1e-15) && bound[i] > 0 {
					t.Fatalf("%s(%v ± %v) = %v ± %v does not enclose %v ± %v", op.Kind(), x, bound[i], e.Value[i], e.Bound[i], y, c.own(at, y))
				}
			}
			if op.Kind() == "leaky_relu" {
				moved = bound[i] // its slope is 1 somewhere
			}
			if e.Bound[i] > 1.0001*moved+2.1*own+1e-14*math.Abs(x)+0x1p-123 {
				t.Fatalf("%s(%v ± %v) = %v ± %v, it moves by %v, the kernel is off by %v", op.Kind(), x, bound[i], e.Value[i], e.Bound[i], moved, own)
			}
		}
	}
}

// ReLU keeps exact numbers exact, and keeps states.
func TestExtendReLUIsExact(t *testing.T) {
	r := within([]int{1, 1, 4, 1}, []float64{-1, 2, 3, 4}, make([]float64, 4))
	for _, op := range []ir.Op{ir.ReLU{}, ir.ReLU6{}, ir.Identity{}, ir.MaxPool{Pool: ir.Pool{Size: [2]int{1, 2}, Strides: [2]int{1, 1}}}} {
		for i, b := range extend(t, r, op).Bound {
			if b != 0 {
				t.Errorf("%s of exact numbers: bound %v at %d", op.Kind(), b, i)
			}
		}
	}
	// A number that may be subnormal may be read as zero.
	tiny := within([]int{1, 1, 1, 1}, []float64{0x1p-127}, []float64{0x1p-140})
	for _, op := range []ir.Op{ir.ReLU{}, ir.LeakyReLU{Alpha: 0.3}, ir.ELU{}, ir.Tanh{}, ir.MaxPool{Pool: ir.Pool{Size: [2]int{1, 1}, Strides: [2]int{1, 1}}}} {
		if e := extend(t, tiny, op); e.Bound[0] < e.Value[0] {
			t.Errorf("%s of %v: %v ± %v, a kernel may give 0", op.Kind(), tiny.Value[0], e.Value[0], e.Bound[0])
		}
	}
	// A slope of more than 1, downhill.
	if e := extend(t, within([]int{1}, []float64{-1}, []float64{0.5}), ir.LeakyReLU{Alpha: -2}); e.Value[0] != 2 || e.Bound[0] < 1 || e.Bound[0] > 1.0001 {
		t.Errorf("leaky_relu, alpha −2, of −1 ± 0.5: %v ± %v, want 2 ± 1", e.Value[0], e.Bound[0])
	}
	pool := ir.MaxPool{Pool: ir.Pool{Size: [2]int{1, 2}, Strides: [2]int{1, 2}}}
	for _, state := range []ref.State{ref.OverflowPossible, ref.Unspecified} {
		r.State = []ref.State{state, ref.Plain, ref.Plain, ref.Plain}
		for _, op := range []ir.Op{ir.ReLU{}, ir.ReLU6{}, ir.Tanh{}, pool} {
			// relu of an infinity that may be there or not is a number, or 0.
			if e := extend(t, r, op); e.State[0] != ref.Unspecified || e.State[1] != ref.Plain {
				t.Errorf("%s behind state %d: %v", op.Kind(), state, e.State)
			}
		}
		if e := extend(t, r, ir.Add{}, filled(1, 1, 4, 1)); e.State[0] != state || e.State[1] != ref.Plain {
			t.Errorf("add behind state %d: %v", state, e.State)
		}
		if e := extend(t, r, ir.Softmax{}); e.State[0] != ref.Unspecified || e.State[1] != ref.Plain {
			t.Errorf("softmax behind state %d: %v", state, e.State)
		}
	}
	if _, err := tryExtend(r, ir.Add{}, filled(3)); err == nil {
		t.Error("an operand of another shape: no error")
	}
}

func TestExtendMaxPool(t *testing.T) {
	random := rand.New(rand.NewPCG(25, 26))
	op := ir.MaxPool{Pool: ir.Pool{Size: [2]int{2, 3}, Strides: [2]int{1, 2}, Padding: explicit(1, 0, 0, 2)}}
	for range 300 {
		shape := []int{1, 3, 4, 2}
		value, bound := make([]float64, 24), make([]float64, 24)
		for i := range value {
			value[i], bound[i] = random.NormFloat64(), math.Ldexp(random.Float64(), -random.IntN(20))
		}
		e := extend(t, within(shape, value, bound), op)
		moved := make([]float64, len(e.Value))
		for k := range 60 {
			x, _ := tensor.New(shape...)
			for i := range x.Data {
				position := 2*random.Float64() - 1
				if k < 2 {
					position = float64(2*k - 1) // all ends below, all ends above
				}
				x.Data[i] = float32(value[i] + position*bound[i])
			}
			for i, y := range apply(t, op, x).Value {
				moved[i] = max(moved[i], math.Abs(y-e.Value[i]))
				if math.Abs(y-e.Value[i]) > e.Bound[i]+1e-6 { // x is rounded to float32
					t.Fatalf("max_pool of %v ± %v at %d: %v ± %v does not enclose %v", value, bound, i, e.Value[i], e.Bound[i], y)
				}
			}
		}
		for i := range moved {
			if e.Bound[i] > moved[i]+2e-6 {
				t.Fatalf("max_pool of %v ± %v at %d: ± %v, it moves by %v", value, bound, i, e.Bound[i], moved[i])
			}
		}
	}
}

// float32 sums of numbers within bounds lie within the bounds of the sum.
func TestExtendAdd(t *testing.T) {
	random := rand.New(rand.NewPCG(27, 28))
	const n = 3000
	for operands := 1; operands <= 3; operands++ {
		x, bound, value := gaussian(random, n), make([]float64, n), make([]float64, n)
		list := make([]tensor.Tensor, operands)
		for k := range list {
			list[k] = gaussian(random, n)
		}
		for i := range value {
			bound[i] = math.Ldexp(random.Float64(), -10-random.IntN(20))
			if i%3 == 0 {
				x.Data[i] *= 0x1p-124
				bound[i] *= 0x1p-120
				for _, o := range list {
					o.Data[i] *= 0x1p-124
				}
			}
			value[i] = float64(x.Data[i]) + (2*random.Float64()-1)*bound[i]
		}
		e := extend(t, within([]int{n}, value, bound), ir.Add{}, list...)
		for i, v := range x.Data {
			forwards, backwards := v, list[operands-1].Data[i]
			for k := range list {
				forwards = flush(flush(forwards) + flush(list[k].Data[i]))
				if k > 0 {
					backwards += list[operands-1-k].Data[i]
				}
			}
			for _, got := range []float32{forwards, backwards + v} {
				if err := math.Abs(float64(got) - e.Value[i]); err > e.Bound[i] {
					t.Fatalf("%d operands at %d: error %g over the bound %g", operands, i, err, e.Bound[i])
				}
			}
			if most := bound[i] + 4e-6 + 0x1p-120; i%3 != 0 && e.Bound[i] > most || i%3 == 0 && e.Bound[i] > bound[i]+0x1p-122 {
				t.Fatalf("%d operands at %d: the bound %g says little, the first's is %g", operands, i, e.Bound[i], bound[i])
			}
		}
	}
}

func TestAdd(t *testing.T) {
	inf := float32(math.Inf(1))
	if r := apply(t, ir.Add{}, row(inf, 3e38), row(1, 3e38)); r.State[0] != ref.Plain || r.State[1] != ref.OverflowPossible {
		t.Errorf("∞ + 1 beside 3e38 + 3e38: states %v", r.State)
	}
	for _, tt := range []struct {
		x     []float32
		value float64
		most  float64 // the bound at most
		state ref.State
	}{
		{[]float32{1, 2}, 3, 0, ref.Plain},
		{[]float32{3e38, -3e38}, 0, 0x1p-120, ref.Plain}, // no sum on the way
		{[]float32{1e10, -1e10, 1}, 1, 5e3, ref.Plain},
		{[]float32{0.1, 0.2}, float64(float32(0.1)) + float64(float32(0.2)), 0x1p-25, ref.Plain},
		{[]float32{3e38, 3e38}, 2 * float64(float32(3e38)), 2e31 * 2, ref.OverflowPossible},
		{[]float32{3e38, 3e38, -3e38}, float64(float32(3e38)), 1.2e32, ref.OverflowPossible},
		{[]float32{inf, 3e38}, math.Inf(1), 0, ref.Plain},
		{[]float32{-inf, 3e38, 3e38, 1}, math.Inf(-1), 0, ref.OverflowPossible},
	} {
		var list []tensor.Tensor
		for _, v := range tt.x {
			list = append(list, row(v))
		}
		r := apply(t, ir.Add{}, list...)
		if r.Value[0] != tt.value || r.Bound[0] > tt.most || r.State[0] != tt.state {
			t.Errorf("sum of %v: %v ± %v, state %d", tt.x, r.Value[0], r.Bound[0], r.State[0])
		}
	}
}
