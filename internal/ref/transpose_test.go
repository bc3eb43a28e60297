package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// transposeCase is a transposed convolution that its Shape takes.
type transposeCase struct {
	op        ir.Conv2DTranspose
	x, filter tensor.Tensor
}

func drawTranspose(t *rapid.T) transposeCase {
	small := rapid.IntRange(1, 3)
	pair := func(name string) [2]int { return [2]int{small.Draw(t, name), small.Draw(t, name)} }
	op := ir.Conv2DTranspose{Strides: pair("strides"), Dilations: pair("dilations"), Groups: small.Draw(t, "groups")}
	switch rapid.IntRange(0, 2).Draw(t, "padding") {
	case 1:
		op.Padding.Kind = ir.Same
	case 2:
		side := rapid.IntRange(0, 2)
		op.Padding = explicit(side.Draw(t, "top"), side.Draw(t, "bottom"), side.Draw(t, "left"), side.Draw(t, "right"))
	}
	size := pair("kernel")
	op.OutputSize = [2]int{rapid.IntRange(5, 9).Draw(t, "H"), rapid.IntRange(5, 9).Draw(t, "W")}
	each, depth := small.Draw(t, "filters"), small.Draw(t, "depth")
	filter, _ := tensor.New(size[0], size[1], each, depth*op.Groups)
	h, w, err := op.Window(nil, filter.Shape)
	if err != nil {
		t.Skip(err)
	}
	x, _ := tensor.New(2, h.Out, w.Out, depth*op.Groups)
	for i := range x.Data {
		x.Data[i] = float32(i*13%17 - 8)
	}
	for i := range filter.Data {
		filter.Data[i] = float32(i*7%11 - 5)
	}
	return transposeCase{op, x, filter}
}

// The transposed convolution is the adjoint: <conv(y, w), x> and <y, convᵀ(x, w)> are
// equal for every y. On whole numbers both are exact.
func TestConv2DTransposeIsTheAdjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawTranspose(t)
		up := apply2(t, c.op, c.x, c.filter)
		// The filter [h,w,out/groups,in] of the transposed convolution reads, as
		// the forward one's, [h,w,channels/groups,filters]: the same numbers.
		forward := ir.Conv2D{Strides: c.op.Strides, Dilations: c.op.Dilations, Padding: c.op.Padding, Groups: c.op.Groups}
		y, _ := tensor.New(up.Shape...)
		for i := range y.Data {
			y.Data[i] = float32(i*5%13 - 6)
		}
		down := apply2(t, forward, y, c.filter)
		left, right := 0.0, 0.0
		for i, v := range down.Value {
			left += v * float64(c.x.Data[i])
		}
		for i, v := range up.Value {
			right += v * float64(y.Data[i])
			if up.Bound[i] != 0 || up.State[i] != ref.Plain {
				t.Fatalf("%+v: %v ± %v on small whole numbers", c.op, v, up.Bound[i])
			}
		}
		if left != right {
			t.Fatalf("%+v of %v: <conv(y,w),x> = %v, <y,convᵀ(x,w)> = %v", c.op, c.x.Shape, left, right)
		}
	})
}

// scatter is the textbook's loop in float32: every number is multiplied by the filter
// and added to the output at its position.
func scatter(c transposeCase, out []int, at func(start, tap, dilation, kernel int) int, before [2]int) tensor.Tensor {
	y, _ := tensor.New(out...)
	each, channels := c.filter.Shape[2], c.filter.Shape[3]
	depth := channels / c.op.Groups
	for i, v := range c.x.Data {
		p := c.x.Index(i)
		for k, w := range c.filter.Data {
			q := c.filter.Index(k)
			if q[3] != p[3] {
				continue
			}
			row := at(p[1]*c.op.Strides[0]-before[0], q[0], c.op.Dilations[0], c.filter.Shape[0])
			column := at(p[2]*c.op.Strides[1]-before[1], q[1], c.op.Dilations[1], c.filter.Shape[1])
			if row < 0 || row >= out[1] || column < 0 || column >= out[2] {
				continue
			}
			f := p[3]/depth*each + q[2]
			y.Data[((p[0]*out[1]+row)*out[2]+column)*out[3]+f] += v * w
		}
	}
	return y
}

func TestConv2DTransposeKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	straight := func(start, tap, dilation, _ int) int { return start + tap*dilation }
	flipped := func(start, tap, dilation, kernel int) int { return start + (kernel-1-tap)*dilation }
	undilated := func(start, tap, _, _ int) int { return start + tap }
	shifted := func(start, tap, dilation, _ int) int { return start + tap*dilation + 1 }
	tightest := 0.0
	for round := range 60 {
		c := transposeCase{op: ir.Conv2DTranspose{
			Strides: [2]int{1 + random.IntN(3), 1 + random.IntN(3)}, Dilations: [2]int{2, 1 + random.IntN(2)}, Groups: 1 + random.IntN(2),
			Padding: explicit(random.IntN(2), 1, 1, random.IntN(3)), OutputSize: [2]int{9 + random.IntN(3), 8 + random.IntN(3)},
		}}
		c.filter = gaussian(random, 3, 2, 1+random.IntN(3), c.op.Groups*(1+random.IntN(4)))
		h, w, err := c.op.Window(nil, c.filter.Shape)
		if err != nil {
			t.Fatal(err)
		}
		c.x = gaussian(random, 2, h.Out, w.Out, c.filter.Shape[3])
		want := apply(t, c.op, c.x, c.filter)
		before := [2]int{c.op.Padding.Top, c.op.Padding.Left}
		v := proof.Compare(want, scatter(c, want.Shape, straight, before))
		if v.Status != proof.Pass {
			t.Errorf("round %d, %+v: %v", round, c.op, v)
		}
		tightest = max(tightest, v.Share)
		for i, at := range []func(start, tap, dilation, kernel int) int{flipped, undilated, shifted} {
			if v := proof.Compare(want, scatter(c, want.Shape, at, before)); v.OK() {
				t.Errorf("round %d, %+v: wrong kernel %d passes", round, c.op, i)
			}
		}
		// A device that rounds what it reads to bfloat16 is outside, or an alarm.
		narrow := c
		narrow.x = tensor.Tensor{Shape: c.x.Shape}
		for _, v := range c.x.Data {
			narrow.x.Data = append(narrow.x.Data, bfloat(v))
		}
		if v := proof.Compare(want, scatter(narrow, want.Shape, straight, before)); v.Status != proof.Fail && v.Status != proof.Precision {
			t.Errorf("round %d: bfloat16 passes: %v", round, v)
		}
	}
	if tightest < 0.3 {
		t.Errorf("the largest share of the bound is %.2g", tightest)
	}
}

func TestConv2DTransposeNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	op := ir.Conv2DTranspose{Strides: [2]int{2, 1}, Dilations: [2]int{1, 1}, Groups: 1, OutputSize: [2]int{4, 1}}
	filter := tensor.Tensor{Shape: []int{1, 1, 1, 1}, Data: []float32{2}}
	// Each number reaches its own place alone; the others get nothing.
	r := apply(t, op, tensor.Tensor{Shape: []int{1, 2, 1, 1}, Data: []float32{inf, nan}}, filter)
	if r.Value[0] != math.Inf(1) || r.Value[1] != 0 || r.Value[2] == r.Value[2] || r.Value[3] != 0 || r.Bound[1] != 0 {
		t.Errorf("Inf and NaN scattered by 2: %v ± %v", r.Value, r.Bound)
	}
	for i, s := range r.State {
		if s != ref.Plain {
			t.Errorf("Inf and NaN scattered by 2: state %d at %d", s, i)
		}
	}
	// The places that no tap reaches are NaN in a kernel that multiplies zeros there.
	filter.Data[0] = inf
	states(t, "a filter that is infinite", apply(t, op, filled(1, 2, 1, 1), filter), ".?.?")
	filter.Data[0] = nan
	states(t, "a filter that is NaN", apply(t, op, filled(1, 2, 1, 1), filter), ".?.?")

	// Two filters of 1×3 taps at stride 2 reach 5 columns: the middle tap the odd ones,
	// both others the even ones, at the ends one of them.
	op = ir.Conv2DTranspose{Strides: [2]int{1, 2}, Dilations: [2]int{1, 1}, Groups: 1, OutputSize: [2]int{1, 5}}
	x := tensor.Tensor{Shape: []int{1, 1, 2, 1}, Data: []float32{1, 1}}
	three := func(first, middle, last float32) tensor.Tensor {
		return tensor.Tensor{Shape: []int{1, 3, 2, 1}, Data: []float32{first, 1, middle, 1, last, 1}}
	}
	states(t, "the first tap is infinite", apply(t, op, x, three(inf, 1, 1)), ".. ?. .. ?. ?.")
	states(t, "the middle tap is infinite", apply(t, op, x, three(1, inf, 1)), "?. .. ?. .. ?.")
	states(t, "the last tap is infinite", apply(t, op, x, three(1, 1, inf)), "?. ?. .. ?. ..")
	// A sum that is NaN is NaN in all kernels.
	x.Data[1] = nan
	states(t, "the first tap is infinite, the second number NaN", apply(t, op, x, three(inf, 1, 1)), ".. ?. .. .. ..")
	// An infinity times a subnormal number is NaN where that is read as zero.
	x.Data[0], x.Data[1] = 1e-40, 1
	states(t, "the first number is subnormal, the last tap infinite", apply(t, op, x, three(1, 1, inf)), "?. ?. ?. ?. ..")
	x.Data[0] = inf
	states(t, "the first number is infinite, the last tap subnormal", apply(t, op, x, three(1, 1, 1e-40)), ".. .. ?. .. ..")
}
