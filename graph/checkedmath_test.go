package graph

import (
	"math"
	"testing"
)

func TestCheckedMath(t *testing.T) {
	for _, tt := range []struct {
		factors    []int64
		want       int64
		overflowed bool
	}{
		{nil, 1, false},
		{[]int64{3, 5, 7}, 105, false},
		{[]int64{1 << 31, 1 << 31}, 1 << 62, false},
		{[]int64{1 << 32, 1 << 31}, 0, true},
		{[]int64{1 << 32, 1 << 32, 1}, 0, true}, // 0 in 64 bits
		{[]int64{math.MaxInt64, 1}, math.MaxInt64, false},
		{[]int64{math.MaxInt64, 3}, 0, true}, // positive in 64 bits
		{[]int64{0, math.MaxInt64}, 0, false},
	} {
		var c checkedMath
		if got := c.product(tt.factors...); c.overflowed != tt.overflowed || !tt.overflowed && got != tt.want {
			t.Errorf("%v: %d, %v", tt.factors, got, c.overflowed)
		}
		if (c.err() != nil) != tt.overflowed {
			t.Error(c.err())
		}
	}
	var c checkedMath
	if got := c.sum(math.MaxInt64-1, 1); got != math.MaxInt64 || c.overflowed {
		t.Error(got, c)
	}
	if c.sum(math.MaxInt64, 1, math.MaxInt64); !c.overflowed {
		t.Error("a sum that is overflowed is not told")
	}
}
