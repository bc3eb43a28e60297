package graph

import (
	"math"
	"strconv"

	"tfcnn/internal/ir"
)

// ReceptiveField is the part of the network's input that one number of a
// layer's output depends on, in pixels. It may extend beyond the image; where
// branches meet it is the largest of theirs. The receptive fields of two neighbours
// differ by the strides, which up-sampling makes smaller than 1.
type ReceptiveField struct {
	Height           float64 `json:"height"`
	Width            float64 `json:"width"`
	VerticalStride   float64 `json:"vertical_stride"`
	HorizontalStride float64 `json:"horizontal_stride"`
}

// String returns 5×7/2, or 5×7/2×1 where the strides differ.
func (r ReceptiveField) String() string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	text := number(r.Height) + "×" + number(r.Width) + "/" + number(r.VerticalStride)
	if r.VerticalStride != r.HorizontalStride {
		text += "×" + number(r.HorizontalStride)
	}
	return text
}

// receptiveArea is a receptive field, with the height and width of the tensor, which
// it keeps after Flatten too.
type receptiveArea struct{ vertical, horizontal receptiveAxis }

// receptiveAxis is a receptive area along one axis. Its sizes are floating-point
// numbers: exact up to 2⁵³ pixels, and without overflow.
type receptiveAxis struct {
	size, stride float64
	positions    int
}

func (r receptiveArea) field() ReceptiveField {
	return ReceptiveField{r.vertical.size, r.horizontal.size, r.vertical.stride, r.horizontal.stride}
}

// areaAfter returns the receptive area of a step's output from those of its inputs;
// operands are the shapes of its operands.
func areaAfter(step ir.Step, operands [][]int, from []receptiveArea) receptiveArea {
	s := from[0]
	for _, other := range from[1:] {
		s.vertical = s.vertical.or(other.vertical)
		s.horizontal = s.horizontal.or(other.horizontal)
	}
	switch step.Op.Traits().Reads {
	case ir.SamePosition:
	case ir.SlidingWindow:
		h, w := window(step.Op, operands)
		s.vertical, s.horizontal = s.vertical.windows(h), s.horizontal.windows(w)
	case ir.TransposedWindow:
		h, w := window(step.Op, operands)
		s.vertical, s.horizontal = s.vertical.transposed(h), s.horizontal.transposed(w)
	case ir.LastAxis:
		if len(step.Shape) == 2 {
			s.vertical, s.horizontal = s.vertical.whole(), s.horizontal.whole()
		}
	case ir.NearestPixel, ir.NeighbourPixels:
		round := step.Op.Traits().Reads == ir.NeighbourPixels
		s.vertical = s.vertical.resized(operands[0][1], step.Shape[1], round)
		s.horizontal = s.horizontal.resized(operands[0][2], step.Shape[2], round)
	}
	if len(step.Shape) == 4 {
		s.vertical.positions, s.horizontal.positions = step.Shape[1], step.Shape[2]
	}
	return s
}

// or returns the larger of two branches.
func (a receptiveAxis) or(b receptiveAxis) receptiveAxis {
	if b.size > a.size || b.size == a.size && b.stride > a.stride {
		b.positions = a.positions
		return b
	}
	return a
}

func (a receptiveAxis) windows(w ir.Axis) receptiveAxis {
	a.size += float64(w.Reach()-1) * a.stride
	a.stride *= float64(w.Stride)
	return a
}

// transposed is for a transposed convolution: a window of the forward convolution
// covers one number of the input every stride numbers.
func (a receptiveAxis) transposed(w ir.Axis) receptiveAxis {
	a.size += float64((w.Reach()-1)/w.Stride) * a.stride
	a.stride /= float64(w.Stride)
	return a
}

// resized is for an operation that reads the nearest pixel, or with round the pixels
// on both sides of a position.
func (a receptiveAxis) resized(in, out int, round bool) receptiveAxis {
	if in == out {
		return a
	}
	if round && in > 1 {
		a.size += a.stride
	}
	a.stride *= float64(in) / float64(out)
	return a
}

// whole is for an operation that reads the whole axis.
func (a receptiveAxis) whole() receptiveAxis {
	a.size += math.Max(0, float64(a.positions-1)) * a.stride
	a.positions = 1
	return a
}
