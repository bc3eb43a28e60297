package ref_test

import (
	"math"
	"math/bits"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// The kernels below stand in for a GPU's: one cuts its factors as tensor cores do, and
// one uses Fourier transforms in float32. Both stay within the bounds of their
// arithmetic, and exceed the plain bound.

// cut takes a factor to 11 significant bits, towards zero.
func cut(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1<<13 - 1)) }

// chopped adds in float64 and keeps 24 bits, towards zero.
func chopped(a, b float32) float32 {
	exact := float64(a) + float64(b)
	near := float32(exact)
	if math.Abs(float64(near)) > math.Abs(exact) {
		near = math.Nextafter32(near, 0)
	}
	return near
}

func tf32Kernel(x, w tensor.Tensor) tensor.Tensor {
	h, k, c, filters := x.Shape[1], w.Shape[0], x.Shape[3], w.Shape[3]
	out := h - k + 1
	y, _ := tensor.New(x.Shape[0], out, out, filters)
	for i := range y.Data {
		at := y.Index(i)
		sum := float32(0)
		for r := range k {
			for s := range k {
				for d := range c {
					a := cut(x.Data[((at[0]*h+at[1]+r)*h+at[2]+s)*c+d])
					sum = chopped(sum, a*cut(w.Data[((r*k+s)*c+d)*filters+at[3]]))
				}
			}
		}
		y.Data[i] = sum
	}
	return y
}

// transform returns a Fourier transform of 2ⁿ numbers, in float32.
func transform(x []complex64, inverse bool) {
	n := len(x)
	for i := range x {
		if j := int(bits.Reverse32(uint32(i)) >> (32 - bits.Len(uint(n-1)))); j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	sign := -1.0
	if inverse {
		sign = 1
	}
	for size := 2; size <= n; size *= 2 {
		for start := 0; start < n; start += size {
			for k := range size / 2 {
				root := complex64(cmplx.Rect(1, sign*2*math.Pi*float64(k)/float64(size)))
				a, b := x[start+k], root*x[start+k+size/2]
				x[start+k], x[start+k+size/2] = a+b, a-b
			}
		}
	}
}

const points = 32 // a side

// transform2 transforms the rows and then the columns.
func transform2(x []complex64, inverse bool) {
	column := make([]complex64, points)
	for r := range points {
		transform(x[r*points:(r+1)*points], inverse)
	}
	for c := range points {
		for r := range points {
			column[r] = x[r*points+c]
		}
		transform(column, inverse)
		for r := range points {
			x[r*points+c] = column[r]
		}
	}
}

func fftKernel(x, w tensor.Tensor) tensor.Tensor {
	h, k, c, filters := x.Shape[1], w.Shape[0], x.Shape[3], w.Shape[3]
	out := h - k + 1
	y, _ := tensor.New(x.Shape[0], out, out, filters)
	for n := range x.Shape[0] {
		for f := range filters {
			total := make([]complex64, points*points)
			for d := range c {
				a, b := make([]complex64, points*points), make([]complex64, points*points)
				for i := range h * h {
					a[i/h*points+i%h] = complex(x.Data[(n*h*h+i)*c+d], 0)
				}
				for i := range k * k { // turned round: a correlation
					b[(points-i/k)%points*points+(points-i%k)%points] = complex(w.Data[(i*c+d)*filters+f], 0)
				}
				transform2(a, false)
				transform2(b, false)
				for i := range total {
					total[i] += a[i] * b[i]
				}
			}
			transform2(total, true)
			for i := range out * out {
				y.Data[(n*out*out+i)*filters+f] = real(total[i/out*points+i%out]) / (points * points)
			}
		}
	}
	return y
}

func TestArithmetic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	op := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	brokenTF32, brokenFFT := 0, 0
	largestTF32, largestFFT := 0.0, 0.0
	for range 40 {
		h, k, c := 6+random.IntN(20), 1+random.IntN(5), 1+random.IntN(6)
		x, _ := tensor.New(2, h, h, c)
		w, _ := tensor.New(k, k, c, 3)
		for i := range x.Data {
			x.Data[i] = float32(random.NormFloat64())
			if random.IntN(3) == 0 {
				x.Data[i] *= 1000
			}
		}
		for i := range w.Data {
			w.Data[i] = float32(random.NormFloat64())
		}
		compare := func(a ref.Arithmetic, y tensor.Tensor) proof.Verdict {
			t.Helper()
			want, err := ref.ApplyIn(t.Context(), a, op, x, w)
			if err != nil {
				t.Fatal(err)
			}
			return proof.Compare(want, y)
		}
		tf32, fft := tf32Kernel(x, w), fftKernel(x, w)
		for _, tt := range []struct {
			name    string
			in      ref.Arithmetic
			y       tensor.Tensor
			broken  *int
			largest *float64
		}{
			{"TF32", ref.Arithmetic{TF32: true}, tf32, &brokenTF32, &largestTF32},
			{"FFT", ref.Arithmetic{FFT: true}, fft, &brokenFFT, &largestFFT},
		} {
			v := compare(tt.in, tt.y)
			if v.Status != proof.Pass {
				t.Errorf("%s, %d pixels, filter %d, %d channels: %v", tt.name, h, k, c, v)
			}
			*tt.largest = max(*tt.largest, v.Share)
			if !compare(ref.Arithmetic{}, tt.y).OK() {
				*tt.broken++
			}
			if v := compare(ref.Arithmetic{TF32: true, FFT: true}, tt.y); !v.OK() {
				t.Errorf("both: %s: %v", tt.name, v)
			}
		}
	}
	t.Logf("share of the bound: TF32 %.2f, FFT %.3f", largestTF32, largestFFT)
	if brokenTF32 < 20 || brokenFFT < 5 || largestTF32 < 0.3 {
		t.Errorf("the kernels break the plain bound in %d and %d of 40, TF32 reaches %.2f of its own: this test shows nothing", brokenTF32, brokenFFT, largestTF32)
	}
}

// Images under filters of small integers stay exact in TF32, and are not by
// Fourier transforms; numbers of 12 bits are not in TF32.
func TestArithmeticExact(t *testing.T) {
	op := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	filter := tensor.Tensor{Shape: []int{1, 2, 1, 1}, Data: []float32{1, -2}}
	for _, tt := range []struct {
		name  string
		in    ref.Arithmetic
		pixel float32
		op    ir.Conv2D
		exact bool
	}{
		{"plain", ref.Arithmetic{}, 255, op, true},
		{"TF32", ref.Arithmetic{TF32: true}, 255, op, true},
		{"TF32, 11 bits", ref.Arithmetic{TF32: true}, 2047, op, true},
		{"TF32, 12 bits", ref.Arithmetic{TF32: true}, 2049, op, false},
		{"FFT", ref.Arithmetic{FFT: true}, 255, op, false},
		{"FFT, stride 2", ref.Arithmetic{FFT: true}, 255, ir.Conv2D{Strides: [2]int{1, 2}, Dilations: [2]int{1, 1}, Groups: 1}, true},
	} {
		x := tensor.Tensor{Shape: []int{1, 1, 4, 1}, Data: []float32{tt.pixel, 1, 2, tt.pixel}}
		r, err := ref.ApplyIn(t.Context(), tt.in, tt.op, x, filter)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Bound[0] == 0; got != tt.exact {
			t.Errorf("%s: bound %g", tt.name, r.Bound[0])
		}
	}
	nan := float32(math.NaN())
	x := tensor.Tensor{Shape: []int{1, 1, 4, 1}, Data: []float32{nan, 1, 2, 3}}
	r, err := ref.ApplyIn(t.Context(), ref.Arithmetic{FFT: true}, op, x, filter)
	if err != nil || r.State[2] != ref.Unspecified {
		t.Errorf("a transform spreads NaN: %v, %v", r.State, err)
	}
}
