package ref_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Of a filter that is not finite, an element is unspecified where such a tap lies on the
// padding: of that filter, at that position, and unless the sum is NaN without it.
func TestConv2DFilterNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pixel := tensor.Tensor{Shape: []int{1, 1, 1, 1}, Data: []float32{inf}}
	states(t, "infinite weight on padding", apply(t, conv(1, 1, 1, explicit(1, 0, 0, 0)), filled(1, 1, 1, 1), pixel), "?.")

	// 3 × 3 taps over 3 × 3 numbers, one of padding at each side, two filters of one
	// channel; the first has a weight of another kind in each place.
	around := conv(1, 1, 1, explicit(1, 1, 1, 1))
	filters := func(tap int, w float32) tensor.Tensor {
		f := filled(3, 3, 1, 2)
		f.Data[2*tap] = w
		return f
	}
	for _, w := range []float32{inf, -inf, nan} {
		for tap, want := range []string{
			"?.?.?. ?..... ?.....", "?.?.?. ...... ......", "?.?.?. ....?. ....?.",
			"?..... ?..... ?.....", "...... ...... ......", "....?. ....?. ....?.",
			"?..... ?..... ?.?.?.", "...... ...... ?.?.?.", "....?. ....?. ?.?.?.",
		} {
			states(t, fmt.Sprintf("tap %d is %v", tap, w), apply(t, around, filled(1, 3, 3, 1), filters(tap, w)), want)
		}
	}
	// The second of two channels, and the second of two groups.
	second := tensor.Tensor{Shape: []int{1, 2, 2, 2}, Data: []float32{1, 1, 1, 1, 1, 1, nan, 1}} // tap 1, channel 1, filter 0
	states(t, "the second channel", apply(t, conv(1, 1, 1, explicit(0, 0, 0, 1)), filled(1, 1, 2, 2), second), ".. ?.")
	second = tensor.Tensor{Shape: []int{1, 2, 1, 2}, Data: []float32{1, 1, 1, nan}}
	states(t, "the second group", apply(t, conv(1, 1, 2, explicit(0, 0, 0, 1)), filled(1, 1, 2, 2), second), ".. .?")
	// A dilated filter's tap.
	wide := tensor.Tensor{Shape: []int{1, 2, 1, 1}, Data: []float32{inf, 1}}
	states(t, "dilation 2", apply(t, conv(1, 2, 1, explicit(0, 0, 1, 1)), filled(1, 1, 3, 1), wide), "?..")
	// NaN in the input makes the sum NaN with any padding.
	x := filled(1, 1, 2, 1)
	x.Data[0] = nan
	states(t, "NaN beside it", apply(t, conv(1, 1, 1, explicit(0, 0, 1, 1)), x, wide), "...")
}

// An infinity times a subnormal number is unspecified where the filter meets both, unless
// the sum is NaN; elsewhere in the tensors they change nothing.
func TestConv2DInfinityTimesSubnormal(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pair := conv(1, 1, 1, ir.Padding{})
	row := func(data ...float32) tensor.Tensor {
		return tensor.Tensor{Shape: []int{1, 1, len(data), 1}, Data: data}
	}
	taps := func(data ...float32) tensor.Tensor {
		return tensor.Tensor{Shape: []int{1, len(data), 1, 1}, Data: data}
	}
	for _, tt := range []struct {
		name string
		x, w tensor.Tensor
		want string
	}{
		{"subnormal numbers", row(1, 1e-40, 1, 1), taps(inf, 1), ".?."},
		{"subnormal and negative numbers", row(1, 1, -1e-40, 1), taps(1, -inf), ".?."},
		{"subnormal weights", row(inf, 1, 1, 1), taps(1, 1e-40), "..."},
		{"subnormal weights at infinities", row(1, inf, 1, 1), taps(1, 1e-40), "?.."},
		{"NaN, not an infinity", row(1, 1, nan, 1), taps(1, 1e-40), "..."},
		{"a sum that is NaN", row(1, 1, inf, -inf), taps(1e-40, 1), "..."},
		{"normal numbers", row(1, 1, inf, 1), taps(0x1p-126, 1), "..."},
	} {
		states(t, tt.name, apply(t, pair, tt.x, tt.w), tt.want)
	}
}

// states compares the states of a result with a text: a point for each element that is
// plain, a question mark for each that is unspecified.
func states(t *testing.T, name string, r ref.Result, want string) {
	t.Helper()
	got := ""
	for _, s := range r.State {
		got += map[ref.State]string{ref.Plain: ".", ref.Unspecified: "?", ref.OverflowPossible: "o", ref.NoBound: "n"}[s]
	}
	if want = strings.ReplaceAll(want, " ", ""); got != want {
		t.Errorf("%s: states %s, want %s, of %v", name, got, want, r.Value)
	}
}
