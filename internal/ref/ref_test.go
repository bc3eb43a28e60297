package ref_test

import (
	"context"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Package proof compares the reference with the known answers of TensorFlow's own
// tests. The tests here are of properties and bounds.

func filled(shape ...int) tensor.Tensor {
	x, _ := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(i + 1)
	}
	return x
}

func gaussian(random *rand.Rand, shape ...int) tensor.Tensor {
	x, _ := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(random.NormFloat64())
	}
	return x
}

func apply(t testing.TB, op ir.Op, operands ...tensor.Tensor) ref.Result {
	t.Helper()
	r, err := ref.Apply(context.Background(), op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func levels(t testing.TB, op ir.Op, operands ...tensor.Tensor) ref.Result {
	t.Helper()
	r, err := ref.ApplyLevels(context.Background(), ref.Arithmetic{}, ref.JudgeLevels, op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func values(r ref.Result) tensor.Tensor {
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
	for i, v := range r.Value {
		x.Data[i] = float32(v)
	}
	return x
}

func conv(stride, dilation, groups int, p ir.Padding) ir.Conv2D {
	return ir.Conv2D{Strides: [2]int{stride, stride}, Dilations: [2]int{dilation, dilation}, Padding: p, Groups: groups}
}

// pad puts zeros (or another number) round the images.
func pad(x tensor.Tensor, p ir.Padding, with float32) tensor.Tensor {
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	y, _ := tensor.New(n, h+p.Top+p.Bottom, w+p.Left+p.Right, c)
	for i := range y.Data {
		y.Data[i] = with
	}
	for i, v := range x.Data {
		at := x.Index(i)
		y.Data[((at[0]*y.Shape[1]+at[1]+p.Top)*y.Shape[2]+at[2]+p.Left)*c+at[3]] = v
	}
	return y
}

func explicit(top, bottom, left, right int) ir.Padding {
	return ir.Padding{Kind: ir.Explicit, Top: top, Bottom: bottom, Left: left, Right: right}
}

// Explicit padding is Pad, then VALID; a dilated filter is the filter with
// zeros between its taps; groups are a split, convolutions and a concat.
func TestConv2DIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.IntRange(1, 3)
		p := explicit(small.Draw(t, "top")-1, small.Draw(t, "bottom")-1, small.Draw(t, "left")-1, small.Draw(t, "right")-1)
		groups, depth, each := small.Draw(t, "groups"), small.Draw(t, "depth"), small.Draw(t, "filters")
		d, s := small.Draw(t, "dilation"), small.Draw(t, "stride")
		kh, kw := small.Draw(t, "kernel height"), small.Draw(t, "kernel width")
		x := filled(2, rapid.IntRange(7, 9).Draw(t, "H"), rapid.IntRange(7, 9).Draw(t, "W"), groups*depth)
		w := filled(kh, kw, depth, groups*each)
		for i := range w.Data {
			w.Data[i] = float32(i*7%11 - 5)
		}
		want := values(apply2(t, conv(s, d, groups, p), x, w))

		padded := values(apply2(t, conv(s, d, groups, ir.Padding{}), pad(x, p, 0), w))
		if equal, at := tensor.Equal(want, padded); !equal {
			t.Fatalf("explicit padding %+v: differs from Pad and VALID at %d", p, at)
		}

		spread, _ := tensor.New((kh-1)*d+1, (kw-1)*d+1, depth, groups*each)
		for i, v := range w.Data {
			at := w.Index(i)
			spread.Data[((at[0]*d*spread.Shape[1]+at[1]*d)*depth+at[2])*groups*each+at[3]] = v
		}
		dilated := values(apply2(t, conv(s, 1, groups, p), x, spread))
		if equal, at := tensor.Equal(want, dilated); !equal {
			t.Fatalf("dilation %d: differs from the filter with zeros at %d", d, at)
		}

		for g := range groups {
			part := values(apply2(t, conv(s, d, 1, p), channels(x, g*depth, depth), channels(w, g*each, each)))
			if equal, at := tensor.Equal(channels(want, g*each, each), part); !equal {
				t.Fatalf("group %d of %d: differs from its own convolution at %d", g, groups, at)
			}
		}
	})
}

func apply2(t *rapid.T, op ir.Op, operands ...tensor.Tensor) ref.Result {
	r, err := ref.Apply(context.Background(), op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// channels takes n numbers of the last axis, from first on.
func channels(x tensor.Tensor, first, n int) tensor.Tensor {
	c := x.Shape[3]
	y := tensor.Tensor{Shape: append(slices.Clone(x.Shape[:3]), n)}
	for at := 0; at < len(x.Data); at += c {
		y.Data = append(y.Data, x.Data[at+first:at+first+n]...)
	}
	return y
}

// float32 sums in several orders, with and without fused multiply-adds, on data of
// every kind, lie within the bound, and the bound is not far too wide.
func TestConv2DBoundHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tightest := map[int]float64{}
	for range 600 {
		n := []int{1, 2, 3, 9, 75, 800}[random.IntN(6)]
		positive := random.IntN(3) == 0
		x, w := gaussian(random, 1, 1, 1, n), gaussian(random, 1, 1, n, 1)
		scale := math.Ldexp(1, random.IntN(60)-30)
		for i := range x.Data {
			x.Data[i] *= float32(scale)
			if positive {
				x.Data[i] = abs(x.Data[i])
				w.Data[i] = abs(w.Data[i])
			}
		}
		r := levels(t, conv(1, 1, 1, ir.Padding{}), x, w)
		exact := new(big.Float).SetPrec(2000)
		for i := range n {
			exact.Add(exact, new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(x.Data[i])), big.NewFloat(float64(w.Data[i]))))
		}
		truth, _ := exact.Float64()
		if math.Abs(r.Value[0]-truth) > r.Bound[0]/1000 {
			t.Fatalf("n=%d: reference %v, exact %v", n, r.Value[0], truth)
		}
		for name, sum := range map[string]float32{
			"forward": forward(x.Data, w.Data), "fused": fused(x.Data, w.Data), "pairwise": pairwise(x.Data, w.Data),
		} {
			err := math.Abs(float64(sum) - truth)
			if err > r.Bound[0] {
				t.Errorf("n=%d %s: error %g over the bound %g", n, name, err, r.Bound[0])
			}
			tightest[n] = max(tightest[n], err/r.Bound[0])
			if n > 1 && err > ref.AlarmLevel*r.Level[0] && !positive {
				t.Errorf("n=%d %s: level %g on Gaussian data, the alarm is at %d", n, name, err/r.Level[0], ref.AlarmLevel)
			}
		}
	}
	if tightest[1] < 0.9 || tightest[75] < 0.01 {
		t.Errorf("largest errors as shares of the bound %v: the bound is not the classical one", tightest)
	}
}

// A kernel that flushes subnormal products and sums to zero, on data whose sums enter
// and leave the subnormal range.
func TestConv2DBoundHoldsWhereSumsAreFlushed(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	flush := func(v float32) float32 {
		if abs(v) < 0x1p-126 {
			return 0
		}
		return v
	}
	largest := 0.0
	for range 3000 {
		n := 1 + random.IntN(40)
		x, w := gaussian(random, 1, 1, 1, n), gaussian(random, 1, 1, n, 1)
		for i := range x.Data {
			x.Data[i] *= 0x1p-63
			w.Data[i] *= 0x1p-63
		}
		r := apply(t, conv(1, 1, 1, ir.Padding{}), x, w)
		sum := float32(0)
		for i := range x.Data {
			sum = flush(sum + flush(x.Data[i]*w.Data[i]))
		}
		err := math.Abs(float64(sum) - r.Value[0])
		if err > r.Bound[0] {
			t.Fatalf("n=%d: error %g over the bound %g", n, err, r.Bound[0])
		}
		largest = max(largest, err/0x1p-126)
	}
	if largest < 2 {
		t.Errorf("the largest error was %.2g·2⁻¹²⁶: one flush, not several", largest)
	}
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

func forward(x, w []float32) float32 {
	sum := float32(0)
	for i := range x {
		product := x[i] * w[i]
		sum += product
	}
	return sum
}

func fused(x, w []float32) float32 {
	sum := float32(0)
	for i := range x {
		sum = float32(math.FMA(float64(x[i]), float64(w[i]), float64(sum)))
	}
	return sum
}

func pairwise(x, w []float32) float32 {
	if len(x) == 1 {
		return x[0] * w[0]
	}
	half := len(x) / 2
	return pairwise(x[:half], w[:half]) + pairwise(x[half:], w[half:])
}

func TestConv2DStates(t *testing.T) {
	point := func(x, w []float32) ref.Result {
		return apply(t, conv(1, 1, 1, ir.Padding{}),
			tensor.Tensor{Shape: []int{1, 1, 1, len(x)}, Data: x}, tensor.Tensor{Shape: []int{1, 1, len(w), 1}, Data: w})
	}
	inf := float32(math.Inf(1))
	for _, tt := range []struct {
		name     string
		x, w     []float32
		value    float64
		at, most float64 // the bound lies between
		state    ref.State
	}{
		{"integers are exact", []float32{255, 255}, []float32{1, -1}, 0, 0, 0, ref.Plain},
		{"dyadic fractions are exact", []float32{0.5, 3}, []float32{0.0625, 0.125}, 0.40625, 0, 0, ref.Plain},
		{"integers of 2²⁴ in all are exact", []float32{1 << 23, 1 << 23}, []float32{1, 1}, 1 << 24, 0, 0, ref.Plain},
		{"beyond 2²⁴ they are not", []float32{1 << 24, 1}, []float32{1, 1}, 1<<24 + 1, 1, 4, ref.Plain},
		{"a subnormal factor may be read as zero", []float32{1e-40}, []float32{1e10}, float64(float32(1e-40)) * 1e10, 9e-31, 2e-30, ref.Plain},
		{"a subnormal result may be flushed", []float32{1e-30}, []float32{1e-10}, float64(float32(1e-30)) * float64(float32(1e-10)), 1e-38, 2e-38, ref.Plain},
		{"partial sums may overflow", []float32{3e38, -3e38}, []float32{1, 1}, 0, 0, math.Inf(1), ref.OverflowPossible},
		{"an infinity is plain", []float32{inf, 1}, []float32{1, 1}, math.Inf(1), 0, 0, ref.Plain},
		{"an infinity beside an overflow", []float32{inf, -3e38, -3e38}, []float32{1, 1, 1}, math.Inf(1), 0, 0, ref.OverflowPossible},
		{"an infinity times a subnormal", []float32{inf}, []float32{1e-40}, math.Inf(1), 0, 0, ref.Unspecified},
	} {
		r := point(tt.x, tt.w)
		if r.Value[0] != tt.value || r.Bound[0] < tt.at || r.Bound[0] > tt.most || r.State[0] != tt.state {
			t.Errorf("%s: value %v, bound %v, state %v", tt.name, r.Value[0], r.Bound[0], r.State[0])
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	if _, err := ref.Apply(context.Background(), ir.ReLU{}); err == nil || !strings.Contains(err.Error(), "ref: relu: got 0 operands") {
		t.Error(err)
	}
	short := tensor.Tensor{Shape: []int{2}, Data: []float32{1}}
	if _, err := ref.Apply(context.Background(), ir.ReLU{}, short); err == nil || !strings.Contains(err.Error(), "operand 0: tensor: shape [2]") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ref.Apply(ctx, ir.ReLU{}, filled(1, 2)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A convolution as those of resnet18, with levels and without.
func BenchmarkConv2DLevels(b *testing.B) {
	random := rand.New(rand.NewPCG(7, 8))
	x, w := gaussian(random, 1, 14, 14, 256), gaussian(random, 3, 3, 256, 32)
	op := conv(1, 1, 1, ir.Padding{Kind: ir.Same})
	for name, compute := range map[string]func(testing.TB, ir.Op, ...tensor.Tensor) ref.Result{"without": apply, "with": levels} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				compute(b, op, x, w)
			}
		})
	}
}

func BenchmarkConv2DTutorial(b *testing.B) {
	x, w := filled(2, 427, 640, 3), filled(7, 7, 3, 2)
	op := conv(2, 1, 1, ir.Padding{Kind: ir.Same})
	for b.Loop() {
		apply(b, op, x, w)
	}
}
