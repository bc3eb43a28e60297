package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// Conv2DTranspose is TensorFlow's Conv2DBackpropInput: the gradient, with
// respect to its input, of the Conv2D that leads from an image of OutputSize
// to the input's size with these strides, dilations, padding and groups.
// Operands: input [N,H,W,C], filter [kernel height, kernel width,
// filters/groups, C], and optionally a bias [filters]. Explicit padding is
// that of the forward convolution. Groups and dilations that TensorFlow's kernel
// refuses are allowed.
type Conv2DTranspose struct {
	Strides    [2]int // vertical, horizontal
	Dilations  [2]int
	Padding    Padding
	Groups     int
	OutputSize [2]int // height, width
}

// Kind returns "conv2d_transpose".
func (Conv2DTranspose) Kind() string { return "conv2d_transpose" }

func (c *Conv2DTranspose) attributes() []Attribute {
	return []Attribute{
		{Name: "strides", Value: &c.Strides, Default: &one},
		{Name: "dilations", Value: &c.Dilations, Default: &one},
		{Name: "padding", Value: &c.Padding, Default: new(Padding)},
		{Name: "groups", Value: &c.Groups, Default: new(1)},
		{Name: "output_size", Value: &c.OutputSize},
	}
}

// Traits returns the traits of a convolution.
func (Conv2DTranspose) Traits() Traits { return convolution(TransposedWindow, 3) }

// Shape returns [N, OutputSize, filters].
func (c Conv2DTranspose) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 2, 3, "input, filter and perhaps a bias"); err != nil {
		return nil, err
	}
	input, filter := operands[0], operands[1]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	if err := checkFilter(filter, [4]string{"height", "width", "filters/groups", "channels"}); err != nil {
		return nil, err
	}
	switch {
	case c.Groups < 1 || c.Groups > maxSize:
		return nil, fmt.Errorf("groups is %d, want 1 or more", c.Groups)
	case input[3] != filter[3]:
		return nil, InputErrorf("input has %d channels, filter wants %d", input[3], filter[3])
	case input[3]%c.Groups != 0:
		return nil, InputErrorf("input has %d channels, not a multiple of the %d groups", input[3], c.Groups)
	}
	filters, err := tensor.Elements([]int{filter[2], c.Groups})
	if err != nil || filters > maxSize {
		return nil, fmt.Errorf("%d filters a group in %d groups are more than %d", filter[2], c.Groups, maxSize)
	}
	if err := checkBias(operands, filters); err != nil {
		return nil, err
	}
	for i, name := range []string{"height", "width"} {
		if size := c.OutputSize[i]; size < 0 || size > maxSize {
			return nil, fmt.Errorf("output %s is %d, want 0 or more", name, size)
		}
	}
	h, w, err := c.Window(input, filter)
	if err != nil {
		return nil, fmt.Errorf("a convolution from the output %d×%d: %w", c.OutputSize[0], c.OutputSize[1], err)
	}
	if h.Out != input[1] || w.Out != input[2] {
		return nil, InputErrorf("input is %d×%d, a convolution from the output %d×%d makes %d×%d", input[1], input[2], c.OutputSize[0], c.OutputSize[1], h.Out, w.Out)
	}
	output := []int{input[0], c.OutputSize[0], c.OutputSize[1], filters}
	if err := CheckElements("output", output); err != nil {
		return nil, err
	}
	padded := []int{input[0], h.In + h.Before + h.After, w.In + w.Before + w.After, filters}
	if err := CheckElements("output with its padding", padded); err != nil {
		return nil, err
	}
	// Where TensorFlow's own kernel refuses the attributes, the nodes put zeros between
	// the numbers of the input.
	spread := []int{input[0], input[1] * c.Strides[0], input[2] * c.Strides[1], input[3]}
	return output, inputElements("input spread by its strides", spread)
}

// Window returns the window of the forward convolution: In is the output's
// size, Out the input's. The input's size does not matter.
func (c Conv2DTranspose) Window(operands ...[]int) (h, w Axis, err error) {
	filter := operands[1]
	return window([]int{-1, c.OutputSize[0], c.OutputSize[1], 1}, [2]int{filter[0], filter[1]}, c.Strides, c.Dilations, c.Padding)
}

// Pads returns the padding as the attributes state it.
func (c Conv2DTranspose) Pads() Padding { return c.Padding }

// Multiplications returns one for each tap of each number of the input, those
// that fall outside the output included.
func (c Conv2DTranspose) Multiplications(operands ...[]int) int64 {
	if _, err := c.Shape(operands...); err != nil {
		return 0
	}
	return count(operands[0][1:]) * count(operands[1][:3])
}
