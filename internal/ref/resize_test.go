package ref_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

func line(data ...float32) tensor.Tensor {
	return tensor.Tensor{Shape: []int{1, 1, len(data), 1}, Data: data}
}

func TestResizeKnown(t *testing.T) {
	for _, tt := range []struct {
		method string
		x      []float32
		want   []float64
	}{
		{ir.Nearest, []float32{1, 2}, []float64{1, 1, 2, 2}},
		{ir.Nearest, []float32{1, 2, 3, 4}, []float64{2, 4}}, // the centre lies between two: the later one
		{ir.Nearest, []float32{1, 2, 3, 4, 5, 6}, []float64{2, 5}},
		{ir.Nearest, []float32{7}, []float64{7, 7, 7}},
		{ir.Bilinear, []float32{0, 4}, []float64{0, 1, 3, 4}},
		{ir.Bilinear, []float32{1, 2, 3, 4}, []float64{1.5, 3.5}},
		{ir.Bilinear, []float32{1, 2, 3, 4, 5, 6}, []float64{2, 5}},
		{ir.Bilinear, []float32{0, 8}, []float64{0, 0.8, 4, 7.2, 8}},
		{ir.Bilinear, []float32{5}, []float64{5, 5, 5}},
		{ir.Bilinear, []float32{1, 3, 7}, []float64{1, 3, 7}},
	} {
		for _, turned := range []bool{false, true} {
			x, size := line(tt.x...), [2]int{1, len(tt.want)}
			if turned {
				x.Shape, size = []int{1, len(tt.x), 1, 1}, [2]int{len(tt.want), 1}
			}
			r := apply(t, ir.Resize{Size: size, Method: tt.method}, x)
			for i, want := range tt.want {
				if math.Abs(r.Value[i]-want) > 1e-14 || r.Bound[i] > 1e-5 {
					t.Errorf("%s of %v at %d: %v ± %v, want %v", tt.method, tt.x, i, r.Value[i], r.Bound[i], want)
				}
			}
		}
	}
}

// Sizes whose quotient is a power of two round nothing: nearest has one answer.
func TestResizeNearestIsExact(t *testing.T) {
	for _, out := range []int{1, 2, 4, 8, 16, 32, 64} {
		r := apply(t, ir.Resize{Size: [2]int{out, 8}, Method: ir.Nearest}, filled(1, 16, 16, 2))
		if slices.Max(r.Bound) != 0 {
			t.Errorf("16 rows to %d: bounds up to %v", out, slices.Max(r.Bound))
		}
	}
}

// resizeKernel is TensorFlow's arithmetic in float32; scaler gives the position
// in the input.
func resizeKernel(x tensor.Tensor, o ir.Resize, scaler func(i int, scale float32) float32, scale func(in, out int) float32) tensor.Tensor {
	y, _ := tensor.New(x.Shape[0], o.Size[0], o.Size[1], x.Shape[3])
	at := func(p []int, row, column int) float32 {
		return x.Data[((p[0]*x.Shape[1]+row)*x.Shape[2]+column)*x.Shape[3]+p[3]]
	}
	clamp := func(i, n int) int { return max(0, min(i, n-1)) }
	for i := range y.Data {
		p := y.Index(i)
		var low, high [2]int
		var lerp [2]float32
		for axis := range 2 {
			n := x.Shape[axis+1]
			position := scaler(p[axis+1], scale(n, o.Size[axis]))
			floor := float32(math.Floor(float64(position)))
			low[axis], high[axis], lerp[axis] = clamp(int(floor), n), clamp(int(math.Ceil(float64(position))), n), position-floor
		}
		if o.Method == ir.Nearest {
			y.Data[i] = at(p, low[0], low[1])
			continue
		}
		top := at(p, low[0], low[1]) + (at(p, low[0], high[1])-at(p, low[0], low[1]))*lerp[1]
		bottom := at(p, high[0], low[1]) + (at(p, high[0], high[1])-at(p, high[0], low[1]))*lerp[1]
		y.Data[i] = top + (bottom-top)*lerp[0]
	}
	return y
}

func TestResizeKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	quotient := func(in, out int) float32 { return float32(in) / float32(out) }
	centres := map[string]func(i int, scale float32) float32{
		ir.Nearest:  func(i int, scale float32) float32 { return (float32(i) + 0.5) * scale },
		ir.Bilinear: func(i int, scale float32) float32 { p := (float32(i) + 0.5) * scale; return p - 0.5 },
	}
	corners := func(i int, scale float32) float32 { return float32(i) * scale } // half_pixel_centers=false
	aligned := func(in, out int) float32 { return float32(in-1) / float32(max(1, out-1)) }
	rounded := func(i int, scale float32) float32 {
		return float32(math.RoundToEven(float64((float32(i)+0.5)*scale - 0.5)))
	}
	largest := map[string]float64{}
	for _, method := range []string{ir.Nearest, ir.Bilinear} {
		caught, tries := map[string]int{}, map[string]int{}
		for range 300 {
			side := func() int { return 2 + random.IntN(40) }
			o := ir.Resize{Size: [2]int{side(), side()}, Method: method}
			x := gaussian(random, 1, side(), side(), 2)
			if random.IntN(4) == 0 {
				x.Shape[1], x.Shape[2] = 2*(1+random.IntN(9)), 2*(1+random.IntN(9))
				x.Data = gaussian(random, x.Shape...).Data
				o.Size = [2]int{x.Shape[1] / 2, x.Shape[2] / 2}
			}
			want := apply(t, o, x)
			v := proof.Compare(want, resizeKernel(x, o, centres[method], quotient))
			if !v.OK() || v.Unspecified > 0 {
				t.Errorf("%+v of %v: %v", o, x.Shape, v)
			}
			if method == ir.Bilinear || v.Share > 0 {
				largest[method] = max(largest[method], v.Share)
			}
			for name, wrong := range map[string]tensor.Tensor{
				"corners": resizeKernel(x, o, corners, quotient),
				"aligned": resizeKernel(x, o, corners, aligned),
				"rounded": resizeKernel(x, o, rounded, quotient),
			} {
				if name == "rounded" && method == ir.Bilinear || slices.Equal(o.Size[:], x.Shape[1:3]) {
					continue
				}
				tries[name]++
				if !proof.Compare(want, wrong).OK() {
					caught[name]++
				}
			}
		}
		for name, n := range tries {
			// Rounding is right but where a centre lies between two pixels.
			if least := map[string]int{"rounded": 20}[name]; caught[name] < max(least, 1) || name != "rounded" && caught[name] < n*9/10 {
				t.Errorf("%s, %s: caught %d of %d times", method, name, caught[name], n)
			}
		}
	}
	t.Log(largest)
	if largest[ir.Bilinear] < 0.2 {
		t.Errorf("the largest share of the bound is %v", largest)
	}
}

func TestResizeNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	r := apply(t, ir.Resize{Size: [2]int{1, 4}, Method: ir.Nearest}, line(inf, 2))
	if got := fmt.Sprint(r.Value, r.State); got != "[+Inf +Inf 2 2] [0 0 0 0]" {
		t.Errorf("nearest of Inf, 2: %s", got)
	}
	r = apply(t, ir.Resize{Size: [2]int{1, 8}, Method: ir.Bilinear}, line(1, 2, inf, 4))
	if r.State[0] != ref.Plain || r.State[1] != ref.Plain || r.State[4] != ref.Unspecified || r.State[7] != ref.Plain && r.State[7] != ref.Unspecified {
		t.Errorf("bilinear of 1, 2, Inf, 4: states %v", r.State)
	}
}
