package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Bounds are the table's errors with one margin for all: a factor of 2.
func TestBoundsAreTheTableWithItsMargin(t *testing.T) {
	ops := map[string]ir.Op{"elu": ir.ELU{}, "selu": ir.SELU{}, "sigmoid": ir.Sigmoid{}, "tanh": ir.Tanh{}}
	random := rand.New(rand.NewPCG(29, 30))
	listed := 0
	for _, f := range ref.Functions() {
		op := ops[f.Name]
		if op == nil {
			continue
		}
		listed++
		x := gaussian(random, 1000)
		r := apply(t, op, x)
		for i, v := range x.Data {
			want := 2 * f.Absolute
			if f.Relative(float64(v)) {
				want = 2 * f.ULPs * ref.Spacing(r.Value[i])
			}
			if r.Bound[i] != want || r.Value[i] != f.Value(float64(v)) {
				t.Fatalf("%s(%v) = %v ± %v, want ± %v", f.Name, v, r.Value[i], r.Bound[i], want)
			}
		}
	}
	if listed != len(ops) {
		t.Errorf("%d of %d functions are in the table", listed, len(ops))
	}
	// Rows of one number: e⁰, their sum and its reciprocal. The bound of exp is
	// part of both and cancels.
	r := apply(t, ir.Softmax{}, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{3}})
	if want := 2*found("reciprocal")*0x1p-23 + 2*0x1p-24; math.Abs(r.Bound[0]-want) > 1e-12 {
		t.Errorf("softmax of one number: 1 ± %v, want ± %v", r.Bound[0], want)
	}
}

func TestSpacing(t *testing.T) {
	for x, want := range map[float64]float64{
		1: 0x1p-23, -1: 0x1p-23, 1.999: 0x1p-23, 2: 0x1p-22, 0.75: 0x1p-24, 0: 0x1p-149, 1e-45: 0x1p-149, 0x1p-126: 0x1p-149, 0x1p-125: 0x1p-148,
		math.MaxFloat32: 0x1p104, 1e300: 0x1p104,
	} {
		if got := ref.Spacing(x); got != want {
			t.Errorf("spacing at %v: %v, want %v", x, got, want)
		}
	}
}
