package ref_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

func TestMaxPoolNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, data := range [][]float32{{inf, nan}, {nan, inf}, {nan, 1}, {1, nan}, {-inf, -inf}} {
		r := apply(t, ir.MaxPool{Pool: ir.Pool{Size: [2]int{1, 2}, Strides: [2]int{1, 1}}}, tensor.Tensor{Shape: []int{1, 1, 2, 1}, Data: data})
		if r.State[0] != ref.Unspecified {
			t.Errorf("max_pool of %v: state %v", data, r.State[0])
		}
	}
}

// A pool with explicit padding is the pool of the padded input, −Inf round a
// max_pool; avg_pool never counts padding.
func TestPoolIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := [2]int{rapid.IntRange(1, 4).Draw(t, "height"), rapid.IntRange(1, 4).Draw(t, "width")}
		side := func(name string, window int) int { return rapid.IntRange(0, window-1).Draw(t, name) }
		p := explicit(side("top", size[0]), side("bottom", size[0]), side("left", size[1]), side("right", size[1]))
		pool := ir.Pool{Size: size, Strides: [2]int{rapid.IntRange(1, 3).Draw(t, "stride"), 2}, Padding: p}
		x := filled(2, rapid.IntRange(4, 8).Draw(t, "H"), rapid.IntRange(4, 8).Draw(t, "W"), 2)
		for i := range x.Data {
			x.Data[i] = float32(i*37%101 - 50)
		}
		bare := pool
		bare.Padding = ir.Padding{}
		want := values(apply2(t, ir.MaxPool{Pool: pool}, x))
		got := values(apply2(t, ir.MaxPool{Pool: bare}, pad(x, p, float32(math.Inf(-1)))))
		if equal, at := tensor.Equal(want, got); !equal {
			t.Fatalf("max_pool %+v: differs at %d", pool, at)
		}

		ones := tensor.Tensor{Shape: x.Shape, Data: slices.Repeat([]float32{1}, len(x.Data))}
		mean := apply2(t, ir.AvgPool{Pool: pool}, x)
		sums := apply2(t, ir.AvgPool{Pool: bare}, pad(x, p, 0))
		counts := apply2(t, ir.AvgPool{Pool: bare}, pad(ones, p, 0))
		for i := range mean.Value {
			if math.Abs(mean.Value[i]-sums.Value[i]/counts.Value[i]) > 1e-12 {
				t.Fatalf("avg_pool %+v: element %d is %v, want %v", pool, i, mean.Value[i], sums.Value[i]/counts.Value[i])
			}
		}
	})
}

func TestAvgPoolBound(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		x := gaussian(random, 1, 3, 3, 1)
		r := apply(t, ir.AvgPool{Pool: ir.Pool{Size: [2]int{3, 3}, Strides: [2]int{1, 1}}}, x)
		sum := float32(0)
		for _, v := range x.Data {
			sum += v
		}
		for name, mean := range map[string]float32{"divided": sum / 9, "multiplied": sum * (1 / float32(9))} {
			if err := math.Abs(float64(mean) - r.Value[0]); err > r.Bound[0] || r.Bound[0] > 1e-5 {
				t.Errorf("%s: error %g, bound %g", name, err, r.Bound[0])
			}
		}
	}
}
