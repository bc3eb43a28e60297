package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// Conv2D is TensorFlow's Conv2D, followed by BiasAdd: a cross-correlation, the
// filter not flipped. From [H,W,C] it makes [H',W',Filters]. Its weights are
// NAME/filter, [Size.Height, Size.Width, C/Groups, Filters], and NAME/bias,
// [Filters].
type Conv2D struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Filters   int
	Size      Size // kernel size
	Strides   Size // default 1×1
	Dilations Size // default 1×1
	Padding   Padding
	// Groups splits the channels and the filters into so many parts; each
	// filter sees the channels of its part. Default 1.
	Groups     int
	NoBias     bool
	Activation Activation
}

func (c Conv2D) head() (name, from string) { return c.Name, c.From }
func (Conv2D) kind() string                { return "conv2d" }
func (Conv2D) prefix() string              { return "conv" }

func (c Conv2D) lower(b *lowering) error {
	op := ir.Conv2D{
		Strides:   c.Strides.or(Square(1)).pair(),
		Dilations: c.Dilations.or(Square(1)).pair(),
		Padding:   ir.Padding(c.Padding),
		Groups:    c.Groups,
	}
	if op.Groups == 0 {
		op.Groups = 1
	}
	channels := b.input()[3]
	if op.Groups > 0 && channels%op.Groups != 0 {
		return fmt.Errorf("input has %d channels, not a multiple of the %d groups", channels, op.Groups)
	}
	depth := channels
	if op.Groups > 0 {
		depth = channels / op.Groups
	}
	weights := []ir.Weight{{Name: b.name + "/filter", Shape: []int{c.Size.Height, c.Size.Width, depth, c.Filters}}}
	if !c.NoBias {
		weights = append(weights, ir.Weight{Name: b.name + "/bias", Shape: []int{c.Filters}})
	}
	if err := b.step("", op, weights...); err != nil {
		return err
	}
	return b.activate(c.Activation)
}
