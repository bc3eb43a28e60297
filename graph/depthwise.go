package graph

import "tfcnn/internal/ir"

// DepthwiseConv2D is TensorFlow's DepthwiseConv2dNative, followed by BiasAdd:
// each channel by itself, under filters of its own. From [H,W,C] it makes
// [H',W',C·Multiplier]; channel c under its filter m becomes channel
// c·Multiplier+m. Its weights are NAME/filter, [Size.Height, Size.Width, C,
// Multiplier], and NAME/bias, [C·Multiplier].
type DepthwiseConv2D struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Multiplier  int  // filters for each channel; default 1
	Size        Size `net:",required"` // kernel size
	Strides     Size // default 1×1
	Dilations   Size // default 1×1
	Padding     Padding
	NoBias      bool
	Activation  Activation
	Initializer Initializer // of the filter; default: the network's
}

// SeparableConv2D is a depthwise convolution without a bias, and a 1×1
// convolution of its output, as Keras's SeparableConv2D (Chollet 2017).
// From [H,W,C] it makes [H',W',Filters]. Its weights are
// NAME/depthwise_filter, [Size.Height, Size.Width, C, Multiplier],
// NAME/pointwise_filter, [1, 1, C·Multiplier, Filters], and NAME/bias,
// [Filters].
type SeparableConv2D struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Filters     int  `net:",required"`
	Multiplier  int  // depthwise filters for each channel; default 1
	Size        Size `net:",required"` // kernel size
	Strides     Size // default 1×1
	Dilations   Size // default 1×1
	Padding     Padding
	NoBias      bool
	Activation  Activation
	Initializer Initializer // of both filters; default: the network's
}

func (d DepthwiseConv2D) nameAndInputs() (string, []string) { return d.Name, oneInput(d.From) }
func (DepthwiseConv2D) kind() string                        { return "depthwise_conv2d" }
func (DepthwiseConv2D) prefix() string                      { return "depthwise_conv" }

func (d DepthwiseConv2D) lower(b *lowering) error {
	filter, n, err := d.filter(b, "filter")
	if err != nil {
		return err
	}
	if err := b.step("", d.op(), b.withBias(filter, n, d.NoBias)...); err != nil {
		return err
	}
	return b.activate(d.Activation)
}

func (d DepthwiseConv2D) op() ir.DepthwiseConv2D {
	return ir.DepthwiseConv2D{
		Strides:   d.Strides.or(Square(1)).pair(),
		Dilations: d.Dilations.or(Square(1)).pair(),
		Padding:   d.Padding.lowered(),
	}
}

// filter returns the layer's filter and the number of output channels.
func (d DepthwiseConv2D) filter(b *lowering, name string) (ir.Weight, int, error) {
	if d.Multiplier == 0 {
		d.Multiplier = 1
	}
	w, err := b.filter(name, d.Initializer, []int{d.Size.Height, d.Size.Width, b.channels(), d.Multiplier})
	return w, b.channels() * d.Multiplier, err
}

func (s SeparableConv2D) nameAndInputs() (string, []string) { return s.Name, oneInput(s.From) }
func (SeparableConv2D) kind() string                        { return "separable_conv2d" }
func (SeparableConv2D) prefix() string                      { return "separable_conv" }

func (s SeparableConv2D) lower(b *lowering) error {
	depthwise := DepthwiseConv2D{
		Multiplier: s.Multiplier, Size: s.Size, Strides: s.Strides, Dilations: s.Dilations, Padding: s.Padding,
		Initializer: s.Initializer,
	}
	filter, n, err := depthwise.filter(b, "depthwise_filter")
	if err != nil {
		return err
	}
	if err := b.step("depthwise", depthwise.op(), filter); err != nil {
		return err
	}
	pointwise, err := b.filter("pointwise_filter", s.Initializer, []int{1, 1, n, s.Filters})
	if err != nil {
		return err
	}
	op := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	if err := b.step("", op, b.withBias(pointwise, s.Filters, s.NoBias)...); err != nil {
		return err
	}
	return b.activate(s.Activation)
}
