package graph

import (
	"tfcnn/internal/ir"
)

// MaxPool is TensorFlow's MaxPool: the largest number in each window, each
// channel by itself. Padding is never the largest. From [H,W,C] it makes
// [H',W',C].
type MaxPool struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size    Size `net:",required"` // the window
	Strides Size // default: Size
	Padding Padding
}

// AvgPool is TensorFlow's AvgPool: the mean of the numbers in each window,
// each channel by itself. Padding is never counted, explicit padding neither.
// From [H,W,C] it makes [H',W',C].
type AvgPool struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size    Size `net:",required"` // the window
	Strides Size // default: Size
	Padding Padding
}

func (p MaxPool) nameAndInputs() (string, []string) { return p.Name, oneInput(p.From) }
func (MaxPool) kind() string                        { return "max_pool" }
func (MaxPool) prefix() string                      { return "max_pool" }

func (p MaxPool) lower(b *lowering) error {
	return b.step("", ir.MaxPool{Pool: pool(p.Size, p.Strides, p.Padding)})
}

func (p AvgPool) nameAndInputs() (string, []string) { return p.Name, oneInput(p.From) }
func (AvgPool) kind() string                        { return "avg_pool" }
func (AvgPool) prefix() string                      { return "avg_pool" }

func (p AvgPool) lower(b *lowering) error {
	return b.step("", ir.AvgPool{Pool: pool(p.Size, p.Strides, p.Padding)})
}

func pool(size, strides Size, padding Padding) ir.Pool {
	return ir.Pool{Size: size.pair(), Strides: strides.or(size).pair(), Padding: padding.lowered()}
}

// GlobalMaxPool is the largest number of each channel: from [H,W,C] it makes
// [C]. It is a MaxPool of the whole image.
type GlobalMaxPool struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// GlobalAvgPool is the mean of each channel: from [H,W,C] it makes [C]. It is
// an AvgPool of the whole image.
type GlobalAvgPool struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

func (p GlobalMaxPool) nameAndInputs() (string, []string) { return p.Name, oneInput(p.From) }
func (GlobalMaxPool) kind() string                        { return "global_max_pool" }
func (GlobalMaxPool) prefix() string                      { return "global_max_pool" }

func (GlobalMaxPool) lower(b *lowering) error {
	return b.global(func(whole ir.Pool) ir.Op { return ir.MaxPool{Pool: whole} })
}

func (p GlobalAvgPool) nameAndInputs() (string, []string) { return p.Name, oneInput(p.From) }
func (GlobalAvgPool) kind() string                        { return "global_avg_pool" }
func (GlobalAvgPool) prefix() string                      { return "global_avg_pool" }

func (GlobalAvgPool) lower(b *lowering) error {
	return b.global(func(whole ir.Pool) ir.Op { return ir.AvgPool{Pool: whole} })
}

// global appends a pool of the whole image.
func (b *lowering) global(pool func(ir.Pool) ir.Op) error {
	input := b.input()
	if len(input) != 4 {
		return ir.InputErrorf("input has %d axes, want 4 (batch, height, width, channels)", len(input))
	}
	size := [2]int{input[1], input[2]}
	if err := b.step("pool", pool(ir.Pool{Size: size, Strides: size})); err != nil {
		return err
	}
	return b.step("", ir.Flatten{})
}
