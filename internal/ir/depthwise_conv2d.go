package ir

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// DepthwiseConv2D is TensorFlow's DepthwiseConv2dNative: each channel by
// itself under filters of its own, the multiplier M of them. Operands: input
// [N,H,W,C], filter [kernel height, kernel width, C, M], and optionally a bias
// [C·M]. Output channel c·M+m is channel c under its filter m. Unlike
// TensorFlow's kernel it takes two strides that differ, and dilations.
type DepthwiseConv2D struct {
	Strides   [2]int // vertical, horizontal
	Dilations [2]int
	Padding   Padding
}

// Kind returns "depthwise_conv2d".
func (DepthwiseConv2D) Kind() string { return "depthwise_conv2d" }

func (d *DepthwiseConv2D) attributes() []Attribute {
	return []Attribute{
		{Name: "strides", Value: &d.Strides, Default: &one},
		{Name: "dilations", Value: &d.Dilations, Default: &one},
		{Name: "padding", Value: &d.Padding, Default: new(Padding)},
	}
}

// Traits returns the traits of a convolution.
func (DepthwiseConv2D) Traits() Traits { return convolution(SlidingWindow, 2) }

// Shape returns [N, H', W', C·M].
func (d DepthwiseConv2D) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 2, 3, "input, filter and perhaps a bias"); err != nil {
		return nil, err
	}
	input, filter := operands[0], operands[1]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	if err := checkFilter(filter, [4]string{"height", "width", "channels", "multiplier"}); err != nil {
		return nil, err
	}
	if input[3] != filter[2] {
		return nil, InputErrorf("input has %d channels, filter wants %d", input[3], filter[2])
	}
	channels, err := tensor.Elements(filter[2:])
	if err != nil || channels > maxSize {
		return nil, fmt.Errorf("%d channels times the multiplier %d are more than %d", filter[2], filter[3], maxSize)
	}
	if err := checkBias(operands, channels); err != nil {
		return nil, err
	}
	h, w, err := d.Window(input, filter)
	if err != nil {
		return nil, err
	}
	output := []int{input[0], h.Out, w.Out, channels}
	return output, checkPadded(input, h, w, output)
}

// Window returns the window over the input.
func (d DepthwiseConv2D) Window(operands ...[]int) (h, w Axis, err error) {
	filter := operands[1]
	return window(operands[0], [2]int{filter[0], filter[1]}, d.Strides, d.Dilations, d.Padding)
}

// Pads returns the padding as the attributes state it.
func (d DepthwiseConv2D) Pads() Padding { return d.Padding }

// Multiplications returns one for each tap of each output, padding included.
func (d DepthwiseConv2D) Multiplications(operands ...[]int) int64 {
	out, err := d.Shape(operands...)
	if err != nil {
		return 0
	}
	return count(out[1:]) * count(operands[1][:2])
}

// Grouped returns the same convolution as a Conv2D with a group for each channel, and
// the shape of its filter, whose numbers have the same order.
func (d DepthwiseConv2D) Grouped(filter []int) (Conv2D, []int) {
	return Conv2D{Strides: d.Strides, Dilations: d.Dilations, Padding: d.Padding, Groups: filter[2]},
		[]int{filter[0], filter[1], 1, filter[2] * filter[3]}
}
