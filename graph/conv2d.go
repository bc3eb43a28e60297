package graph

import (
	"tfcnn/internal/ir"
)

// Conv2D is TensorFlow's Conv2D, followed by BiasAdd: a cross-correlation, the
// filter not flipped. From [H,W,C] it makes [H',W',Filters]. Its weights are
// NAME/filter, [Size.Height, Size.Width, C/Groups, Filters], and NAME/bias,
// [Filters].
type Conv2D struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Filters   int  `net:",required"`
	Size      Size `net:",required"` // kernel size
	Strides   Size // default 1×1
	Dilations Size // default 1×1
	Padding   Padding
	// Groups splits the channels and the filters into so many parts; each
	// filter sees the channels of its part. Default 1.
	Groups      int
	NoBias      bool
	Activation  Activation
	Initializer Initializer // of the filter; default: the network's
}

func (c Conv2D) nameAndInputs() (string, []string) { return c.Name, oneInput(c.From) }
func (Conv2D) kind() string                        { return "conv2d" }
func (Conv2D) prefix() string                      { return "conv" }

func (c Conv2D) lower(b *lowering) error {
	op := ir.Conv2D{
		Strides:   c.Strides.or(Square(1)).pair(),
		Dilations: c.Dilations.or(Square(1)).pair(),
		Padding:   c.Padding.lowered(),
		Groups:    c.Groups,
	}
	if op.Groups == 0 {
		op.Groups = 1
	}
	channels := b.channels()
	if op.Groups > 0 && channels%op.Groups != 0 {
		return ir.InputErrorf("input has %d channels, not a multiple of the %d groups", channels, op.Groups)
	}
	depth := channels
	if op.Groups > 0 {
		depth = channels / op.Groups
	}
	filter, err := b.filter("filter", c.Initializer, []int{c.Size.Height, c.Size.Width, depth, c.Filters})
	if err != nil {
		return err
	}
	if err := b.step("", op, b.withBias(filter, c.Filters, c.NoBias)...); err != nil {
		return err
	}
	return b.activate(c.Activation)
}

// withBias returns the weights of a layer: its filter, and its bias of n zeros unless
// none is set.
func (b *lowering) withBias(filter ir.Weight, n int, none bool) []ir.Weight {
	if none {
		return []ir.Weight{filter}
	}
	return []ir.Weight{filter, b.constant("bias", n, 0)}
}
