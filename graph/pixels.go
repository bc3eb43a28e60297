package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// ZeroPad is TensorFlow's Pad: rows and columns of zeros on each side. From
// [H,W,C] it makes [Top+H+Bottom, Left+W+Right, C].
type ZeroPad struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Top, Bottom, Left, Right int `net:"padding"`
}

// Method is the interpolation between pixels.
type Method string

// The methods, TensorFlow's with half_pixel_centers: pixel centres lie in the
// middle of pixels. Bilinear has no smoothing filter when it reduces the size.
const (
	Nearest  Method = ir.Nearest
	Bilinear Method = ir.Bilinear
)

// UpSample makes images larger by whole factors, as Keras's UpSampling2D:
// from [H,W,C] it makes [H·Size.Height, W·Size.Width, C].
type UpSample struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size   Size   // the factors
	Method Method // default Nearest
}

// Resize is TensorFlow's ResizeBilinear or ResizeNearestNeighbor: from [H,W,C]
// it makes [Size.Height, Size.Width, C].
type Resize struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Size   Size   `net:",required"`
	Method Method // default Bilinear
}

// ScaleShift is x·Scale + Shift, shape unchanged. It maps pixels of 0 … 255 to the
// range on which a network was trained, as with Scale 1/255, or by subtracting the
// mean of each channel. It is part of the network and not trained.
type ScaleShift struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Scale []float32 // one number, or one a channel; default 1
	Shift []float32 // one number, or one a channel; default 0
}

// SwapRGB is TensorFlow's ReverseV2 of the three channels: RGB to BGR and
// back. From [H,W,3] it makes [H,W,3].
type SwapRGB struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

func (p ZeroPad) nameAndInputs() (string, []string) { return p.Name, oneInput(p.From) }
func (ZeroPad) kind() string                        { return "zero_pad" }
func (ZeroPad) prefix() string                      { return "zero_pad" }

func (p ZeroPad) lower(b *lowering) error {
	return b.step("", ir.Pad{Top: p.Top, Bottom: p.Bottom, Left: p.Left, Right: p.Right})
}

func (u UpSample) nameAndInputs() (string, []string) { return u.Name, oneInput(u.From) }
func (UpSample) kind() string                        { return "up_sample" }
func (UpSample) prefix() string                      { return "up_sample" }

func (u UpSample) lower(b *lowering) error {
	const most = 1 << 16 // beyond it, sizes could overflow
	if min(u.Size.Height, u.Size.Width) < 1 || max(u.Size.Height, u.Size.Width) > most {
		return fmt.Errorf("size is %v, want factors of 1 to %d", u.Size, most)
	}
	input := b.input()
	if len(input) != 4 {
		return ir.InputErrorf("input has %d axes, want 4 (batch, height, width, channels)", len(input))
	}
	if u.Method == "" {
		u.Method = Nearest
	}
	return b.step("", ir.Resize{Size: [2]int{input[1] * u.Size.Height, input[2] * u.Size.Width}, Method: string(u.Method)})
}

func (r Resize) nameAndInputs() (string, []string) { return r.Name, oneInput(r.From) }
func (Resize) kind() string                        { return "resize" }
func (Resize) prefix() string                      { return "resize" }

func (r Resize) lower(b *lowering) error {
	if r.Method == "" {
		r.Method = Bilinear
	}
	return b.step("", ir.Resize{Size: r.Size.pair(), Method: string(r.Method)})
}

func (s ScaleShift) nameAndInputs() (string, []string) { return s.Name, oneInput(s.From) }
func (ScaleShift) kind() string                        { return "scale_shift" }
func (ScaleShift) prefix() string                      { return "scale_shift" }

func (s ScaleShift) lower(b *lowering) error {
	return b.step("", ir.ScaleShift{Scale: s.Scale, Shift: s.Shift})
}

func (s SwapRGB) nameAndInputs() (string, []string) { return s.Name, oneInput(s.From) }
func (SwapRGB) kind() string                        { return "swap_rgb" }
func (SwapRGB) prefix() string                      { return "swap_rgb" }

func (SwapRGB) lower(b *lowering) error {
	if c := b.channels(); c != 3 {
		return ir.InputErrorf("input has %d channels, want 3", c)
	}
	return b.step("", ir.ReverseChannels{})
}
