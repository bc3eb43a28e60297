package ir

import (
	"fmt"

	"tfcnn/internal/quote"
)

// The methods of Resize.
const (
	Nearest  = "nearest"
	Bilinear = "bilinear"
)

// Resize is TensorFlow's ResizeNearestNeighbor or ResizeBilinear with
// half_pixel_centers: pixel centres lie in the middle of pixels, and Bilinear has no
// smoothing filter when it reduces the size. Operand: input [N,H,W,C].
type Resize struct {
	Size   [2]int // height, width
	Method string // Nearest or Bilinear
}

// maxResize is the largest size of a Resize: TensorFlow computes positions in float32,
// which has all whole numbers and halves up to it.
const maxResize = 1 << 22

// Kind returns "resize".
func (Resize) Kind() string { return "resize" }

func (r *Resize) attributes() []Attribute {
	return []Attribute{
		{Name: "size", Value: &r.Size},
		{Name: "method", Value: &r.Method, Words: []string{Nearest, Bilinear}},
	}
}

// Traits returns the traits of an interpolation.
func (r Resize) Traits() Traits {
	t := Traits{
		Family: Reshaping, Operands: OneInput, Output: NewBuffer, Saved: SavesNothing, Reads: NearestPixel,
		Linear:      true,
		Rounds:      true, // nearest rounds positions
		Unspecified: "a NaN or an infinity counts where its weight is not zero; kernels that multiply it by zero give NaN, and which of two pixels is the nearest may hang on a rounding",
	}
	if r.Method == Bilinear {
		t.Reads = NeighbourPixels
	}
	return t
}

// Shape returns [N, Size, C].
func (r Resize) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	if input[1] == 0 || input[2] == 0 {
		return nil, InputErrorf("input has no rows or no columns, there is nothing to resize")
	}
	if r.Method != Nearest && r.Method != Bilinear {
		return nil, fmt.Errorf("method is %s, want %q or %q", quote.Name(string(r.Method)), Nearest, Bilinear)
	}
	for i, name := range []string{"height", "width"} {
		if size := r.Size[i]; size < 1 || size > maxResize {
			return nil, fmt.Errorf("%s is %d, want 1 to %d", name, size, maxResize)
		}
		if size := input[i+1]; size > maxResize {
			return nil, InputErrorf("input's %s is %d, want at most %d", name, size, maxResize)
		}
	}
	output := []int{input[0], r.Size[0], r.Size[1], input[3]}
	return output, CheckElements("output", output)
}

// Multiplications returns 0 for Nearest and three for each number for Bilinear, one
// an interpolation.
func (r Resize) Multiplications(operands ...[]int) int64 {
	out, err := r.Shape(operands...)
	if err != nil || r.Method == Nearest {
		return 0
	}
	return 3 * count(out[1:])
}
