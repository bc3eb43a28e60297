package ir

import (
	"fmt"
)

// Conv2D is TensorFlow's Conv2D, a cross-correlation: the filter is not
// flipped. Operands: input [N,H,W,C], filter [kernel height, kernel width,
// C/groups, filters], and optionally a bias [filters], added at the end.
type Conv2D struct {
	Strides   [2]int // vertical, horizontal
	Dilations [2]int
	Padding   Padding
	Groups    int
}

// Kind returns "conv2d".
func (Conv2D) Kind() string { return "conv2d" }

func (c *Conv2D) attributes() []Attribute {
	return []Attribute{
		{Name: "strides", Value: &c.Strides, Default: &one},
		{Name: "dilations", Value: &c.Dilations, Default: &one},
		{Name: "padding", Value: &c.Padding, Default: new(Padding)},
		{Name: "groups", Value: &c.Groups, Default: new(1)},
	}
}

// Traits returns the traits of a convolution.
func (Conv2D) Traits() Traits { return convolution(SlidingWindow, 2) }

// convolution returns the traits that all operations with spatial filters share.
func convolution(reads Reads, channelAxis int) Traits {
	return Traits{
		Family: Convolution, Operands: FilterAndBias, Output: NewBuffer, Saved: SavesInputs, Reads: reads,
		MultiplyAccumulate: true, Linear: true, TakesConstants: true, ChannelAxis: channelAxis,
		Unspecified: "a filter's NaN or infinity counts only where its tap meets the input; kernels that multiply padding by it give NaN. An infinity times a subnormal number is an infinity; kernels that read that number as zero give NaN",
	}
}

// subnormalTimesInfinity describes the product of a subnormal number times an infinity.
const subnormalTimesInfinity = "an infinity times a subnormal number is an infinity; kernels that read that number as zero give NaN"

// Shape returns [N, H', W', filters].
func (c Conv2D) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 2, 3, "input, filter and perhaps a bias"); err != nil {
		return nil, err
	}
	input, filter := operands[0], operands[1]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	if err := c.checkFilter(input[3], filter); err != nil {
		return nil, err
	}
	if err := checkBias(operands, filter[3]); err != nil {
		return nil, err
	}
	h, w, err := c.Window(input, filter)
	if err != nil {
		return nil, err
	}
	output := []int{input[0], h.Out, w.Out, filter[3]}
	return output, checkPadded(input, h, w, output)
}

func (c Conv2D) checkFilter(channels int, filter []int) error {
	if err := checkFilter(filter, [4]string{"height", "width", "channels/groups", "filters"}); err != nil {
		return err
	}
	if c.Groups < 1 || c.Groups > maxSize {
		return fmt.Errorf("groups is %d, want 1 or more", c.Groups)
	}
	if c.Groups == 1 {
		if channels != filter[2] {
			return InputErrorf("input has %d channels, filter wants %d", channels, filter[2])
		}
	} else {
		if channels%c.Groups != 0 {
			return InputErrorf("input has %d channels, not a multiple of the %d groups", channels, c.Groups)
		}
		if filter[3]%c.Groups != 0 {
			return fmt.Errorf("%d filters are not a multiple of the %d groups", filter[3], c.Groups)
		}
		if channels/c.Groups != filter[2] {
			return InputErrorf("input has %d channels in %d groups, %d a group, filter wants %d", channels, c.Groups, channels/c.Groups, filter[2])
		}
	}
	return nil
}

// Window returns the window over the input.
func (c Conv2D) Window(operands ...[]int) (h, w Axis, err error) {
	filter := operands[1]
	return window(operands[0], [2]int{filter[0], filter[1]}, c.Strides, c.Dilations, c.Padding)
}

// Pads returns the padding as the attributes state it.
func (c Conv2D) Pads() Padding { return c.Padding }

// Multiplications returns one for each tap of each output, padding included.
func (c Conv2D) Multiplications(operands ...[]int) int64 {
	out, err := c.Shape(operands...)
	if err != nil {
		return 0
	}
	filter := operands[1]
	return count(out[1:]) * count(filter[:3])
}

// checkPadded refuses an output, or an input with its padding, that is too
// large to index.
func checkPadded(input []int, h, w Axis, output []int) error {
	padded := []int{input[0], h.In + h.Before + h.After, w.In + w.Before + w.After, input[3]}
	if err := inputElements("input with its padding", padded); err != nil {
		return err
	}
	return CheckElements("output", output)
}

var errEmptyPool = InputErrorf("input has no rows or no columns, a pool has nothing to choose from")
