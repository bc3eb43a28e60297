package graph

import "tfcnn/internal/ir"

// MaxPool is TensorFlow's MaxPool: the largest number in each window, each
// channel by itself. Padding is never the largest. From [H,W,C] it makes
// [H',W',C].
type MaxPool struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size    Size // the window
	Strides Size // default: Size
	Padding Padding
}

// AvgPool is TensorFlow's AvgPool: the mean of the numbers in each window,
// each channel by itself. Padding is never counted, explicit padding neither.
// From [H,W,C] it makes [H',W',C].
type AvgPool struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size    Size // the window
	Strides Size // default: Size
	Padding Padding
}

func (p MaxPool) head() (name, from string) { return p.Name, p.From }
func (MaxPool) kind() string                { return "max_pool" }
func (MaxPool) prefix() string              { return "max_pool" }

func (p MaxPool) lower(b *lowering) error {
	return b.step("", ir.MaxPool{Pool: pool(p.Size, p.Strides, p.Padding)})
}

func (p AvgPool) head() (name, from string) { return p.Name, p.From }
func (AvgPool) kind() string                { return "avg_pool" }
func (AvgPool) prefix() string              { return "avg_pool" }

func (p AvgPool) lower(b *lowering) error {
	return b.step("", ir.AvgPool{Pool: pool(p.Size, p.Strides, p.Padding)})
}

func pool(size, strides Size, padding Padding) ir.Pool {
	return ir.Pool{Size: size.pair(), Strides: strides.or(size).pair(), Padding: ir.Padding(padding)}
}
