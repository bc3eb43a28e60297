// Package tensor defines the tensor that sessions take and return, and reads and writes
// it as NumPy's .npy files. A tensor is a shape and its float32 numbers, last axis
// fastest. Images and feature maps are [batch, height, width, channels] (NHWC), the
// filters of a convolution [height, width, input channels/groups, filters] (HWIO), as
// in TensorFlow.
//
//	x := tensor.Tensor{Shape: []int{1, 2, 2, 1}, Data: []float32{1, 2, 3, 4}}
//	if err := x.Check(); err != nil {
//		log.Fatal(err)
//	}
//
// A Tensor is plain memory of the Go heap; this package needs no libtensorflow.
// docs/map.md maps the packages of this module.
package tensor

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Tensor is a dense array of float32. Data holds the product of Shape's sizes
// numbers in row-major order. The zero value has no axes and no numbers and
// does not pass Check: a scalar has an empty Shape and one number.
//
// Many goroutines may read a Tensor at once.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Elements returns the number of elements of a shape. It refuses a negative size
// and a product that does not fit an int64.
func Elements(shape []int) (int, error) {
	n := uint64(1)
	for _, size := range shape {
		if size < 0 {
			return 0, fmt.Errorf("tensor: shape %s: size %d is negative", FormatShape(shape), size)
		}
		if size == 0 {
			// A tensor with a size of 0 is empty, even where the other sizes overflow.
			n = 0
		}
	}
	if n == 0 {
		return 0, nil
	}
	for _, size := range shape {
		high, low := bits.Mul64(n, uint64(size))
		if high != 0 || low > math.MaxInt64 {
			return 0, fmt.Errorf("tensor: shape %s: number of elements overflows int64", FormatShape(shape))
		}
		n = low
	}
	return int(n), nil
}

// New returns a tensor of zeros. It returns the errors of Elements.
func New(shape ...int) (Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	return Tensor{Shape: slices.Clone(shape), Data: make([]float32, n)}, nil
}

// MustNew is New for a constant shape; it panics where New returns an error.
func MustNew(shape ...int) Tensor {
	t, err := New(shape...)
	if err != nil {
		panic(err)
	}
	return t
}

// Check returns an error unless Data has as many numbers as Shape.
func (t Tensor) Check() error {
	n, err := Elements(t.Shape)
	if err != nil {
		return err
	}
	if n != len(t.Data) {
		return fmt.Errorf("tensor: shape %s: got %d numbers, want %d", FormatShape(t.Shape), len(t.Data), n)
	}
	return nil
}

// Clone returns a copy that shares no memory with t.
func (t Tensor) Clone() Tensor {
	return Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

// Index returns the index along each axis of the flat element i.
func (t Tensor) Index(i int) []int {
	at := make([]int, len(t.Shape))
	for axis := len(t.Shape) - 1; axis >= 0; axis-- {
		if size := t.Shape[axis]; size > 0 {
			at[axis], i = i%size, i/size
		}
	}
	return at
}

// Equal reports whether a and b have one shape and the same numbers: NaN equals
// NaN here, and 0 equals −0. It returns the flat index of the first element
// that differs, or −1 where there is none or the shapes differ.
func Equal(a, b Tensor) (equal bool, first int) {
	if !slices.Equal(a.Shape, b.Shape) || len(a.Data) != len(b.Data) {
		return false, -1
	}
	for i, x := range a.Data {
		y := b.Data[i]
		if x != y && (x == x || y == y) {
			return false, i
		}
	}
	return true, -1
}

// FormatShape returns a shape as text, as [1,5,5,3]; a size of −1, not known before
// the run, is ?. Of more than 16 axes it returns the first 16 and their number.
func FormatShape(shape []int) string {
	const most = 16
	parts := make([]string, min(len(shape), most))
	for i, size := range shape[:len(parts)] {
		parts[i] = strconv.Itoa(size)
		if size == -1 {
			parts[i] = "?"
		}
	}
	text := strings.Join(parts, ",")
	if len(shape) > most {
		text += fmt.Sprintf(",… %d axes", len(shape))
	}
	return "[" + text + "]"
}
