package proof_test

import (
	"reflect"
	"slices"
	"testing"

	"tfcnn/graph/verdict"
	"tfcnn/internal/proof"
)

// A merged verdict counts both parts' numbers, each count by itself, and has the
// worst number of the worse part at its index in the whole.
func TestMerge(t *testing.T) {
	histogram := func(at, n int) []int {
		list := make([]int, verdict.HistogramBuckets)
		list[at] = n
		return list
	}
	first := proof.Verdict{
		Status: proof.Pass, Elements: 1000, Exact: 10, Overflowed: 20, Unspecified: 30, NaN: 2,
		MaxError: 1, Bound: 4, Share: 0.25, ULP: 3, Worst: []int{1, 2}, Got: 5, Want: 6, Level: 0.5, Histogram: histogram(1, 940),
	}
	second := proof.Verdict{
		Status: proof.Fail, Elements: 2000, Outside: 7, Exact: 100, Overflowed: 200, Unspecified: 300, NaN: 50,
		MaxError: 9, Bound: 3, Share: 3, ULP: 8, Worst: []int{4, 5}, Got: 11, Want: 12, Level: 0.25, Histogram: histogram(1, 60),
	}
	counts := proof.Verdict{Elements: 3000, Outside: 7, Exact: 110, Overflowed: 220, Unspecified: 330, NaN: 52, Level: 0.5, Histogram: histogram(1, 1000)}
	with := func(worst proof.Verdict, at ...int) proof.Verdict {
		v := counts
		v.Status, v.MaxError, v.Bound, v.Share, v.ULP = worst.Status, worst.MaxError, worst.Bound, worst.Share, worst.ULP
		v.Worst, v.Got, v.Want = at, worst.Got, worst.Want
		return v
	}
	alike := second
	alike.Status = proof.Pass
	near := alike
	near.Share = first.Share
	for name, tt := range map[string]struct{ first, second, want proof.Verdict }{
		"the second is worse":      {first, second, with(second, 104, 5)},
		"the first is worse":       {second, first, with(second, 4, 5)},
		"the second is nearer":     {first, alike, with(alike, 104, 5)},
		"the first is nearer":      {alike, first, with(alike, 4, 5)},
		"both are as near":         {first, near, with(first, 1, 2)},
		"the second has no number": {first, proof.Verdict{Status: proof.Pass}, first},
	} {
		worst := slices.Clone(tt.second.Worst)
		if got := tt.first.Merge(tt.second, 100); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, tt.want)
		}
		if !slices.Equal(worst, tt.second.Worst) {
			t.Errorf("%s: the second verdict was changed", name)
		}
	}
}
