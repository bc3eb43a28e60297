package proof_test

import (
	"math"
	"slices"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/graph/verdict"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// Each share of the bound lands in the bucket whose ends are round it.
func TestHistogram(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		err, bound float64
		bucket     int
	}{
		{0, 0, 0},
		{0, 1, 0},
		{1e-300, 1, 1},
		{1, inf, 1},
		{0x1p-12, 1, 1},
		{0x1.8p-12, 1, 2},
		{0x1p-11, 1, 2},
		{0.3, 1, 12},
		{0.5, 1, 12},
		{0.51, 1, 13},
		{2, 2, 13},
		{3, 2, 14},
		{0x1p-20, 0, 14},
	} {
		want := ref.Result{Shape: []int{1}, Value: []float64{0}, Bound: []float64{tt.bound}, Level: []float64{0}, State: []ref.State{ref.Plain}}
		if float64(float32(tt.err)) != tt.err {
			want.Value[0], tt.err = -tt.err, 0 // the reference's side has float64
		}
		v := proof.Compare(want, tensor.Tensor{Shape: []int{1}, Data: []float32{float32(tt.err)}})
		expected := make([]int, verdict.HistogramBuckets)
		expected[tt.bucket] = 1
		if !slices.Equal(v.Histogram, expected) {
			t.Errorf("error %v with bound %v: %v, want bucket %d", tt.err, tt.bound, v.Histogram, tt.bucket)
		}
		if low, high := verdict.BucketEnds(tt.bucket); v.MaxError > 0 && tt.bound > 0 && (v.Share <= low || v.Share > high) && v.Share > 0 {
			t.Errorf("bucket %d goes from %v to %v, share is %v", tt.bucket, low, high, v.Share)
		}
	}
}

// Numbers in which correct kernels differ, and infinities where sums may overflow,
// are in no bucket; all others are in one. Merging adds.
func TestHistogramCountsWhatIsCompared(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	want := ref.Result{
		Shape: []int{1, 5}, Value: []float64{1, 2, nan, inf, inf}, Bound: make([]float64, 5), Level: make([]float64, 5),
		State: []ref.State{ref.Unspecified, ref.OverflowPossible, ref.Plain, ref.Plain, ref.Plain},
	}
	x := tensor.Tensor{Shape: []int{1, 5}, Data: []float32{7, float32(inf), float32(nan), float32(inf), 3}}
	v := proof.Compare(want, x)
	sum := func(h []int) (n int) {
		for _, count := range h {
			n += count
		}
		return n
	}
	if v.Histogram[0] != 2 || v.Histogram[verdict.HistogramBuckets-1] != 1 || sum(v.Histogram) != v.Elements-v.Unspecified-v.Overflowed {
		t.Errorf("%+v", v)
	}
	if m := v.Merge(v, 1); m.Histogram[0] != 4 || sum(m.Histogram) != 6 || sum(v.Histogram) != 3 {
		t.Errorf("merged: %v", m.Histogram)
	}
	if v := proof.Compare(want, tensor.Tensor{Shape: []int{5}, Data: x.Data}); v.Histogram != nil {
		t.Errorf("another shape has a histogram: %v", v.Histogram)
	}
}
