package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// Conv2DTranspose is TensorFlow's Conv2DBackpropInput, followed by BiasAdd. From
// [H,W,C] it makes [OutputSize.Height, OutputSize.Width, Filters], such that a Conv2D
// of the same size, strides, dilations and padding makes [H,W] from that size.
// Its weights are NAME/filter, [Size.Height, Size.Width, Filters/Groups, C],
// and NAME/bias, [Filters].
type Conv2DTranspose struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Filters   int  `net:",required"`
	Size      Size `net:",required"` // kernel size
	Strides   Size // default 1×1
	Dilations Size // default 1×1
	Padding   Padding
	// Groups splits the channels and the filters into so many parts; each
	// channel acts on the filters of its part. Default 1.
	Groups int
	// OutputSize is one of the sizes from which a convolution makes [H,W]. The default
	// is H·stride with SAME, (H−1)·stride + the kernel's reach with VALID, and the
	// smallest size with explicit padding. It is Keras's, except that Keras adds rows
	// with VALID where a stride is longer than the reach, up to H·stride. A stride or a
	// reach below 1 is an error.
	OutputSize  Size
	NoBias      bool
	Activation  Activation
	Initializer Initializer // of the filter; default: the network's
}

func (c Conv2DTranspose) nameAndInputs() (string, []string) { return c.Name, oneInput(c.From) }
func (Conv2DTranspose) kind() string                        { return "conv2d_transpose" }
func (Conv2DTranspose) prefix() string                      { return "conv_transpose" }

func (c Conv2DTranspose) lower(b *lowering) error {
	input := b.input()
	if len(input) != 4 {
		return ir.InputErrorf("input has %d axes, want 4 (batch, height, width, channels)", len(input))
	}
	op := ir.Conv2DTranspose{
		Strides:   c.Strides.or(Square(1)).pair(),
		Dilations: c.Dilations.or(Square(1)).pair(),
		Padding:   c.Padding.lowered(),
		Groups:    c.Groups,
	}
	if op.Groups == 0 {
		op.Groups = 1
	}
	if op.Groups > 0 && c.Filters%op.Groups != 0 {
		return fmt.Errorf("%d filters are not a multiple of the %d groups", c.Filters, op.Groups)
	}
	each := c.Filters
	if op.Groups > 0 {
		each /= op.Groups
	}
	op.OutputSize = c.OutputSize.or(c.outputSize(op, input)).pair()
	filter, err := b.filter("filter", c.Initializer, []int{c.Size.Height, c.Size.Width, each, input[3]})
	if err != nil {
		return err
	}
	if err := b.step("", op, b.withBias(filter, c.Filters, c.NoBias)...); err != nil {
		return err
	}
	return b.activate(c.Activation)
}

// outputSize returns the default of OutputSize.
func (c Conv2DTranspose) outputSize(op ir.Conv2DTranspose, input []int) Size {
	along := func(axis, size, padding int) int {
		in, stride := input[axis+1], op.Strides[axis]
		if c.Padding.Kind == Same.Kind {
			return in * stride
		}
		return (in-1)*stride + (size-1)*op.Dilations[axis] + 1 - padding
	}
	return Size{
		Height: along(0, c.Size.Height, c.Padding.Top+c.Padding.Bottom),
		Width:  along(1, c.Size.Width, c.Padding.Left+c.Padding.Right),
	}
}
