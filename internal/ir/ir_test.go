package ir_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tfcnn/internal/ir"
)

func pair(a, b int) [2]int { return [2]int{a, b} }

func explicit(top, bottom, left, right int) ir.Padding {
	return ir.Padding{Kind: ir.Explicit, Top: top, Bottom: bottom, Left: left, Right: right}
}

func conv(stride, dilation, groups int, p ir.Padding) ir.Conv2D {
	return ir.Conv2D{Strides: pair(stride, stride), Dilations: pair(dilation, dilation), Padding: p, Groups: groups}
}

func pool(size, stride int, p ir.Padding) ir.Pool {
	return ir.Pool{Size: pair(size, size), Strides: pair(stride, stride), Padding: p}
}

var same, valid = ir.Padding{Kind: ir.Same}, ir.Padding{}

func shape(s ...int) []int { return s }

// The output shapes of TensorFlow's own kernel tests and of oneDNN's
// regression sets (../shared FACTS.md).
func TestShapes(t *testing.T) {
	tests := []struct {
		op       ir.Op
		operands [][]int
		want     string
	}{
		{conv(1, 1, 1, valid), [][]int{{1, 2, 3, 3}, {2, 2, 3, 3}}, "[1 1 2 3]"},
		{conv(2, 1, 1, same), [][]int{{1, 2, 3, 3}, {2, 2, 3, 3}}, "[1 1 2 3]"},
		{ir.Conv2D{Strides: pair(1, 2), Dilations: pair(1, 1), Groups: 1}, [][]int{{1, 3, 6, 1}, {2, 2, 1, 1}}, "[1 2 3 1]"},
		{conv(3, 1, 1, valid), [][]int{{1, 7, 7, 1}, {2, 2, 1, 1}}, "[1 2 2 1]"},
		{conv(2, 1, 1, same), [][]int{{1, 4, 4, 1}, {1, 1, 1, 1}}, "[1 2 2 1]"},
		{conv(3, 1, 1, same), [][]int{{1, 4, 4, 1}, {2, 2, 1, 1}}, "[1 2 2 1]"},
		{conv(1, 1, 1, valid), [][]int{{0, 2, 3, 3}, {1, 1, 3, 3}}, "[0 2 3 3]"},
		{conv(1, 1, 1, explicit(1, 1, 1, 1)), [][]int{{1, 0, 2, 1}, {1, 1, 1, 1}}, "[1 2 4 1]"},
		{conv(1, 1, 1, same), [][]int{{1, 0, 2, 1}, {3, 3, 1, 1}}, "[1 0 2 1]"},
		{conv(2, 1, 1, explicit(1, 1, 1, 1)), [][]int{{1, 1, 1, 1}, {3, 3, 1, 1}}, "[1 1 1 1]"},
		{conv(6, 1, 1, explicit(2, 2, 2, 2)), [][]int{{1, 32, 32, 1}, {6, 6, 1, 1}}, "[1 6 6 1]"},
		{conv(2, 1, 1, valid), [][]int{{1, 30, 30, 1}, {3, 3, 1, 1}}, "[1 14 14 1]"},
		{conv(1, 1, 1, explicit(7, 7, 7, 7)), [][]int{{1, 10, 10, 1}, {5, 5, 1, 1}}, "[1 20 20 1]"},
		{conv(2, 1, 1, same), [][]int{{-1, 427, 640, 3}, {7, 7, 3, 2}, {2}}, "[-1 214 320 2]"},
		{conv(1, 1, 2, valid), [][]int{{1, 5, 5, 4}, {3, 3, 2, 6}}, "[1 3 3 6]"},
		{ir.MaxPool{Pool: pool(2, 2, valid)}, [][]int{{2, 427, 640, 3}}, "[2 213 320 3]"},
		{ir.MaxPool{Pool: pool(2, 3, valid)}, [][]int{{1, 7, 7, 1}}, "[1 2 2 1]"},
		{ir.MaxPool{Pool: pool(3, 2, explicit(0, 2, 0, 1))}, [][]int{{1, 3, 3, 1}}, "[1 2 1 1]"},
		{ir.AvgPool{Pool: pool(3, 2, explicit(1, 2, 2, 1))}, [][]int{{1, 6, 6, 1}}, "[1 4 4 1]"},
		{ir.ReLU{}, [][]int{{-1, 3}}, "[-1 3]"},
	}
	for _, tt := range tests {
		got, err := tt.op.Shape(tt.operands...)
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%s %+v of %v: got %v, %v; want %s", tt.op.Kind(), tt.op, tt.operands, got, err, tt.want)
		}
	}
}

// wide is a pool with a window of 2 rows and 3 columns.
func wide(p ir.Padding) ir.AvgPool {
	return ir.AvgPool{Pool: ir.Pool{Size: pair(2, 3), Strides: pair(1, 1), Padding: p}}
}

// Each side of a pool's padding has its own limit: a row or a column less than the
// window.
func TestWidestPoolPadding(t *testing.T) {
	got, err := wide(explicit(1, 1, 2, 2)).Shape(shape(1, 5, 5, 3))
	if err != nil || fmt.Sprint(got) != "[1 6 7 3]" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	image, filter := shape(1, 5, 5, 3), shape(3, 3, 3, 8)
	huge := math.MaxInt32
	tests := []struct {
		op       ir.Op
		operands [][]int
		want     string
	}{
		{conv(1, 1, 1, valid), [][]int{{1, 5, 5}, filter}, "input [1,5,5] has 3 axes, want 4"},
		{conv(1, 1, 1, valid), [][]int{image, {3, 3, 3}}, "filter [3,3,3] has 3 axes, want 4"},
		{conv(1, 1, 1, valid), [][]int{image, {3, 3, 1, 8}}, "input has 3 channels, filter wants 1"},
		{conv(1, 1, 1, valid), [][]int{{1, 5, 5, 0}, {3, 3, 0, 8}}, "input has 0 channels"},
		{conv(1, 1, 1, valid), [][]int{image, {0, 3, 3, 8}}, "height is 0, want 1 or more"},
		{conv(1, 1, 1, valid), [][]int{image, {3, 3, 3, 0}}, "filters is 0, want 1 or more"},
		{conv(1, 1, 1, valid), [][]int{{1, -1, 5, 3}, filter}, "height is not known, want a static size"},
		{conv(1, 1, 1, valid), [][]int{{1, -2, 5, 3}, filter}, "height -2 is not a size"},
		{conv(1, 1, 1, valid), [][]int{{-2, 5, 5, 3}, filter}, "batch -2 is not a size"},
		{conv(1, 1, 1, valid), [][]int{image, filter, {7}}, "bias is [7], want [8]"},
		{conv(1, 1, 1, valid), [][]int{image}, "got 1 operands"},
		{conv(0, 1, 1, valid), [][]int{image, filter}, "vertical stride is 0, want 1 or more"},
		{ir.Conv2D{Strides: pair(1, -1), Dilations: pair(1, 1), Groups: 1}, [][]int{image, filter}, "horizontal stride is -1"},
		{conv(1, 0, 1, valid), [][]int{image, filter}, "vertical dilation is 0"},
		{conv(1, 1, 0, valid), [][]int{image, filter}, "groups is 0, want 1 or more"},
		{conv(1, 1, 2, valid), [][]int{image, {3, 3, 1, 8}}, "input has 3 channels, not a multiple of the 2 groups"},
		{conv(1, 1, 3, valid), [][]int{image, {3, 3, 1, 8}}, "8 filters are not a multiple of the 3 groups"},
		{conv(1, 1, 2, valid), [][]int{{1, 5, 5, 4}, {3, 3, 4, 8}}, "input has 4 channels in 2 groups, 2 a group, filter wants 4"},
		{conv(1, 3, 1, valid), [][]int{image, filter}, "window spans 7 rows, input has only 5"},
		{conv(1, 3, 1, explicit(0, 1, 0, 0)), [][]int{image, filter}, "window spans 7 rows, input has only 5, 6 with the padding"},
		{conv(1, 1, 1, explicit(0, 0, -1, 0)), [][]int{image, filter}, "padding at the left is -1, want 0 or more"},
		{conv(1, 1, 1, ir.Padding{Kind: ir.Same, Top: 1}), [][]int{image, filter}, "padding SAME has explicit sides too"},
		{conv(1, 1, 1, ir.Padding{Kind: 7}), [][]int{image, filter}, "padding kind 7"},
		{conv(1, 1, 1, valid), [][]int{{1, 1 << 16, 1 << 16, 3}, filter}, "has more than 2147483647 elements"},
		{conv(1, 1, 1, valid), [][]int{{1, huge, huge, huge}, {1, 1, huge, 1}}, "has more than 2147483647 elements"},
		{conv(1, 1, 1, valid), [][]int{{1 << 20, 50, 50, 3}, filter}, "has more than 2147483647 elements"},
		{conv(1, huge, 1, same), [][]int{image, {2, 2, 3, 8}}, "input with its padding [1,2147483652,2147483652,3] has more"},
		{conv(1, 1, 1, explicit(huge, huge, huge, huge)), [][]int{image, filter}, "padding at the top is 2147483647, want at most 16777216"},
		{conv(1, 1, 1, explicit(1<<24, 1<<24, 1<<24, 1<<24)), [][]int{image, filter}, "has more than 2147483647 elements"},
		{ir.ReLU{}, [][]int{make([]int, 255)}, "has 255 axes, TensorFlow's tensors have at most 254"},
		{conv(1, 1, 1, same), [][]int{{1, 1 << 14, 1 << 14, 1}, {1, 1, 1, 64}}, "output [1,16384,16384,64] has more"},
		{conv(1, 1, 1, same), [][]int{image, {1 << 15, 1 << 15, 3, 1}}, "filter [32768,32768,3,1] has more"},
		{ir.MaxPool{Pool: pool(6, 1, valid)}, [][]int{image}, "window spans 6 rows, input has only 5"},
		{ir.MaxPool{Pool: pool(2, 2, explicit(0, 2, 0, 0))}, [][]int{image}, "padding 2 at the bottom is not less than the window's 2"},
		{ir.AvgPool{Pool: pool(2, 2, explicit(0, 0, 0, 3))}, [][]int{image}, "padding 3 at the right is not less than the window's 2"},
		{wide(explicit(2, 0, 0, 0)), [][]int{image}, "padding 2 at the top is not less than the window's 2, a window"},
		{wide(explicit(0, 2, 0, 0)), [][]int{image}, "padding 2 at the bottom is not less than the window's 2, a window"},
		{wide(explicit(0, 0, 3, 0)), [][]int{image}, "padding 3 at the left is not less than the window's 3, a window"},
		{wide(explicit(0, 0, 0, 3)), [][]int{image}, "padding 3 at the right is not less than the window's 3, a window"},
		{ir.MaxPool{Pool: pool(0, 1, valid)}, [][]int{image}, "vertical window is 0, want 1 or more"},
		{ir.MaxPool{Pool: pool(1, 1, valid)}, [][]int{{1, 0, 5, 3}}, "input has no rows or no columns"},
		{ir.MaxPool{Pool: pool(1, 1, valid)}, [][]int{image, filter}, "got 2 operands"},
		{ir.ReLU{}, nil, "got 0 operands"},
	}
	for _, tt := range tests {
		got, err := tt.op.Shape(tt.operands...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %+v of %v: got %v, %v; want error %q", tt.op.Kind(), tt.op, tt.operands, got, err, tt.want)
		}
	}
}

// The tutorial's layer: 5×5, 200 maps, SAME, on 150×100 RGB.
func TestMultiplications(t *testing.T) {
	got := conv(1, 1, 1, same).Multiplications(shape(1, 100, 150, 3), shape(5, 5, 3, 200))
	if got != 225_000_000 {
		t.Errorf("got %d, want 225,000,000", got)
	}
}

func TestUnread(t *testing.T) {
	for _, tt := range []struct {
		in, size, stride, dilation int
		padding                    ir.Padding
		want                       int
	}{
		{427, 2, 2, 1, valid, 1},
		{640, 2, 2, 1, valid, 0},
		{427, 7, 2, 1, same, 0},
		{7, 2, 3, 1, valid, 3}, // the gap at row 2, and rows 5 and 6
		{5, 2, 1, 2, valid, 0},
		{9, 2, 4, 3, valid, 5}, // reads 0, 3, 4, 7
		{3, 1, 3, 1, same, 2},  // SAME with a stride past its kernel reads row 0 alone
		{10, 5, 1, 1, explicit(7, 7, 0, 4), 0},
	} {
		c := conv(tt.stride, tt.dilation, 1, tt.padding)
		h, _, err := c.Window(shape(1, tt.in, tt.in, 1), shape(tt.size, 1, 1, 1))
		if err != nil {
			t.Error(err)
		} else if got := h.Unread(); got != tt.want {
			t.Errorf("%+v: %d rows unread, want %d", h, got, tt.want)
		}
	}
}

// Taps and Unread are compared with the definition: the row of each window and tap.
func TestAxisProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.IntRange(1, 6)
		c := ir.Conv2D{
			Strides: pair(small.Draw(t, "stride"), 1), Dilations: pair(small.Draw(t, "dilation"), 1), Groups: 1,
			Padding: rapid.SampledFrom([]ir.Padding{valid, same, explicit(small.Draw(t, "top"), small.Draw(t, "bottom")-1, 0, 0)}).Draw(t, "padding"),
		}
		in, size := rapid.IntRange(1, 20).Draw(t, "in"), small.Draw(t, "size")
		a, _, err := c.Window(shape(1, in, 1, 1), shape(size, 1, 1, 1))
		if err != nil {
			return
		}
		if c.Padding.Kind == ir.Same && (a.Out != (in+a.Stride-1)/a.Stride || a.After-a.Before > 1 || a.After < a.Before) {
			t.Fatalf("SAME: %+v", a)
		}
		read := make([]bool, in)
		for out := range a.Out {
			first, end := a.Taps(out)
			for j := range size {
				row := out*a.Stride - a.Before + j*a.Dilation
				inInput := row >= 0 && row < in
				if inInput != (j >= first && j < end) {
					t.Fatalf("%+v: window %d tap %d at row %d, Taps says %d to %d", a, out, j, row, first, end)
				}
				if inInput {
					read[row] = true
				}
			}
		}
		unread := 0
		for _, r := range read {
			if !r {
				unread++
			}
		}
		if got := a.Unread(); got != unread {
			t.Fatalf("%+v: Unread %d, want %d", a, got, unread)
		}
	})
}
