package graph

import (
	"math"
	"testing"
)

func TestCounting(t *testing.T) {
	for _, tt := range []struct {
		factors  []int64
		want     int64
		outgrown bool
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
		var c counting
		if got := c.product(tt.factors...); c.outgrown != tt.outgrown || !tt.outgrown && got != tt.want {
			t.Errorf("%v: %d, %v", tt.factors, got, c.outgrown)
		}
		if (c.err() != nil) != tt.outgrown {
			t.Error(c.err())
		}
	}
	var c counting
	if got := c.sum(math.MaxInt64-1, 1); got != math.MaxInt64 || c.outgrown {
		t.Error(got, c)
	}
	if c.sum(math.MaxInt64, 1, math.MaxInt64); !c.outgrown {
		t.Error("a sum that is outgrown is not told")
	}
}
