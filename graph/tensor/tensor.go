// Package tensor holds the one kind of value that this project moves about: a
// shape and the flat float32 numbers that fill it, last axis fastest. Pictures
// and feature maps are [batch, height, width, channels] (NHWC), the filters of
// a convolution [height, width, input channels/groups, filters] (HWIO), as in
// TensorFlow.
//
//	x := tensor.Tensor{Shape: []int{1, 2, 2, 1}, Data: []float32{1, 2, 3, 4}}
//	if err := x.Check(); err != nil {
//		log.Fatal(err)
//	}
//
// A Tensor is plain memory of the Go heap. Nothing here needs libtensorflow.
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
// A Tensor may be read from many goroutines at once while none writes it.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Elements is the number of elements of a shape. It refuses a negative size
// and a product that does not fit an int64.
func Elements(shape []int) (int, error) {
	n := uint64(1)
	for _, size := range shape {
		if size < 0 {
			return 0, fmt.Errorf("tensor: shape %s: size %d is negative", FormatShape(shape), size)
		}
		if size == 0 {
			// A size 0 empties the tensor, whatever overflows beside it.
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

// New is a tensor of zeros. It fails where Elements does.
func New(shape ...int) (Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	return Tensor{Shape: slices.Clone(shape), Data: make([]float32, n)}, nil
}

// MustNew is New for a shape that the program's own text tells; it panics where New
// fails.
func MustNew(shape ...int) Tensor {
	t, err := New(shape...)
	if err != nil {
		panic(err)
	}
	return t
}

// Check says whether Data is as long as Shape asks for.
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

// Clone is a copy that shares no memory with t.
func (t Tensor) Clone() Tensor {
	return Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

// Index gives the place along each axis of the flat element i.
func (t Tensor) Index(i int) []int {
	at := make([]int, len(t.Shape))
	for axis := len(t.Shape) - 1; axis >= 0; axis-- {
		if size := t.Shape[axis]; size > 0 {
			at[axis], i = i%size, i/size
		}
	}
	return at
}

// Equal says whether a and b have one shape and the same numbers: NaN equals
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

// FormatShape writes a shape for readers, as [1,5,5,3], and a size of −1 (not
// known before the run) as ?. Of more than 16 axes the first 16 are written,
// and how many there are.
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
