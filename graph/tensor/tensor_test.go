package tensor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
)

func TestElements(t *testing.T) {
	tests := []struct {
		shape []int
		want  int
		err   string
	}{
		{nil, 1, ""},
		{[]int{0, 2, 3}, 0, ""},
		{[]int{math.MaxInt64, math.MaxInt64, 0}, 0, ""},
		{[]int{2, 427, 640, 3}, 1639680, ""},
		{[]int{2, -1}, 0, "tensor: shape [2,?]: size -1 is negative"},
		{[]int{1 << 32, 1 << 31}, 0, "overflows int64"},
		{[]int{1 << 62, 1}, 1 << 62, ""},
	}
	for _, tt := range tests {
		got, err := tensor.Elements(tt.shape)
		if got != tt.want || !contains(err, tt.err) {
			t.Errorf("Elements(%v) = %d, %v; want %d, %q", tt.shape, got, err, tt.want, tt.err)
		}
	}
}

func TestMustNew(t *testing.T) {
	if x := tensor.MustNew(2, 3); len(x.Data) != 6 || x.Check() != nil {
		t.Errorf("%+v", x)
	}
	defer func() {
		if err, _ := recover().(error); !contains(err, "size -1 is negative") {
			t.Errorf("panicked with %v", err)
		}
	}()
	tensor.MustNew(2, -1)
}

func TestCheck(t *testing.T) {
	short := tensor.Tensor{Shape: []int{2, 2}, Data: []float32{1}}
	if err := short.Check(); !contains(err, "shape [2,2]: got 1 numbers, want 4") {
		t.Error(err)
	}
	if err := (tensor.Tensor{}).Check(); err == nil {
		t.Error("the zero Tensor passed Check")
	}
}

func TestEqual(t *testing.T) {
	nan := float32(math.NaN())
	a := tensor.Tensor{Shape: []int{3}, Data: []float32{1, nan, 0}}
	b := tensor.Tensor{Shape: []int{3}, Data: []float32{1, nan, float32(math.Copysign(0, -1))}}
	if equal, _ := tensor.Equal(a, b); !equal {
		t.Error("NaN and signed zeros: not equal")
	}
	b.Data[1] = 2
	if equal, first := tensor.Equal(a, b); equal || first != 1 {
		t.Errorf("got %v at %d, want a difference at 1", equal, first)
	}
	if equal, _ := tensor.Equal(a, tensor.Tensor{Shape: []int{1, 3}, Data: a.Data}); equal {
		t.Error("other shape, equal")
	}
}

func TestIndex(t *testing.T) {
	x, _ := tensor.New(2, 3, 4)
	if got := fmt.Sprint(x.Index(17)); got != "[1 1 1]" {
		t.Error(got)
	}
}

// contains reports whether err's text has want in it; "" wants no error.
func contains(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.Contains(err.Error(), want)
}
