package ir

import "fmt"

// Pool has the attributes of max_pool and avg_pool. Operand: input [N,H,W,C].
type Pool struct {
	Size    [2]int // height, width
	Strides [2]int // vertical, horizontal
	Padding Padding
}

// MaxPool is TensorFlow's MaxPool: the largest number in each window, padding
// never among them.
type MaxPool struct{ Pool }

// AvgPool is TensorFlow's AvgPool: the mean of each window's numbers, padding
// never counted. TensorFlow knows only SAME and VALID; explicit padding means
// the same here and is built from other nodes.
type AvgPool struct{ Pool }

// Kind returns "max_pool".
func (MaxPool) Kind() string { return "max_pool" }

// Kind returns "avg_pool".
func (AvgPool) Kind() string { return "avg_pool" }

// The strides of a pool default to its size.
func (p *Pool) attributes() []Attribute {
	return []Attribute{
		{Name: "size", Value: &p.Size},
		{Name: "strides", Value: &p.Strides, Default: &p.Size},
		{Name: "padding", Value: &p.Padding, Default: new(Padding)},
	}
}

// Traits returns the traits of a choice: the gradient asks which number was the largest.
func (MaxPool) Traits() Traits {
	return Traits{
		Family: Pooling, Operands: OneInput, Output: NewBuffer, Saved: SavesBoth, Reads: SlidingWindow,
		Selects: true, Fusable: true,
		Unspecified: "a window with a NaN gives NaN, and one of nothing but −Inf gives −Inf; TensorFlow's CPU kernel drops a NaN beside numbers and starts from −3.4e38",
	}
}

// Traits returns the traits of a sum.
func (AvgPool) Traits() Traits {
	return Traits{
		Family: Pooling, Operands: OneInput, Output: NewBuffer, Saved: SavesNothing, Reads: SlidingWindow,
		Linear: true, Rounds: true,
	}
}

// Shape returns [N, H', W', C].
func (p Pool) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	if input[1] == 0 || input[2] == 0 {
		return nil, errEmptyPool
	}
	h, w, err := p.Window(input)
	if err != nil {
		return nil, err
	}
	if p.Padding.Kind == Explicit {
		for _, side := range []struct {
			name         string
			size, window int
		}{
			{"top", p.Padding.Top, h.Size},
			{"bottom", p.Padding.Bottom, h.Size},
			{"left", p.Padding.Left, w.Size},
			{"right", p.Padding.Right, w.Size},
		} {
			if side.size >= side.window {
				return nil, fmt.Errorf("padding %d at the %s is not less than the window's %d, a window could hold padding alone", side.size, side.name, side.window)
			}
		}
	}
	output := []int{input[0], h.Out, w.Out, input[3]}
	return output, checkPadded(input, h, w, output)
}

// Window returns the window over the input.
func (p Pool) Window(operands ...[]int) (h, w Axis, err error) {
	return window(operands[0], p.Size, p.Strides, [2]int{1, 1}, p.Padding)
}

// Pads returns the padding as the attributes state it.
func (p Pool) Pads() Padding { return p.Padding }

// Multiplications returns 0: a pool compares or adds.
func (Pool) Multiplications(...[]int) int64 { return 0 }
