package graph

import (
	"math"
	"strconv"

	"tfcnn/internal/ir"
)

// ReceptiveField is the part of the network's input that one number of a
// layer's output depends on, in pixels. It may reach over the picture's rim;
// where branches meet it is the largest. Between two neighbours in the output
// it moves by the strides, which up-sampling makes smaller than 1.
type ReceptiveField struct {
	Height           float64 `json:"height"`
	Width            float64 `json:"width"`
	VerticalStride   float64 `json:"vertical_stride"`
	HorizontalStride float64 `json:"horizontal_stride"`
}

// String is 5×7/2, or 5×7/2×1 where the strides differ.
func (r ReceptiveField) String() string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	text := number(r.Height) + "×" + number(r.Width) + "/" + number(r.VerticalStride)
	if r.VerticalStride != r.HorizontalStride {
		text += "×" + number(r.HorizontalStride)
	}
	return text
}

// sight is a receptive field, and how many places the picture has in which the
// numbers lie, also where they have been put in one row.
type sight struct{ vertical, horizontal along }

// along is a sight's part on one axis. Sizes are of floating point: all are
// exact up to 2⁵³ pixels, and none overflows.
type along struct {
	size, stride float64
	places       int
}

func (s sight) field() ReceptiveField {
	return ReceptiveField{s.vertical.size, s.horizontal.size, s.vertical.stride, s.horizontal.stride}
}

// sightAfter returns the sight of a step's output; operands are the step's
// shapes. Package ir's tests hold that each operation states what it reads.
func sightAfter(step ir.Step, operands [][]int, from []sight) sight {
	s := from[0]
	for _, other := range from[1:] {
		s.vertical = s.vertical.or(other.vertical)
		s.horizontal = s.horizontal.or(other.horizontal)
	}
	switch step.Op.Traits().Reads {
	case ir.OwnPlace:
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
		s.vertical.places, s.horizontal.places = step.Shape[1], step.Shape[2]
	}
	return s
}

// or is the larger of two branches.
func (a along) or(b along) along {
	if b.size > a.size || b.size == a.size && b.stride > a.stride {
		b.places = a.places
		return b
	}
	return a
}

func (a along) windows(w ir.Axis) along {
	a.size += float64(w.Reach()-1) * a.stride
	a.stride *= float64(w.Stride)
	return a
}

// transposed: of the numbers that a window of the forward convolution touches,
// every stride-th has a number of the input behind it.
func (a along) transposed(w ir.Axis) along {
	a.size += float64((w.Reach()-1)/w.Stride) * a.stride
	a.stride /= float64(w.Stride)
	return a
}

// resized reads the nearest pixel, or those round a place between pixels.
func (a along) resized(in, out int, round bool) along {
	if in == out {
		return a
	}
	if round && in > 1 {
		a.size += a.stride
	}
	a.stride *= float64(in) / float64(out)
	return a
}

// whole reads every place.
func (a along) whole() along {
	a.size += math.Max(0, float64(a.places-1)) * a.stride
	a.places = 1
	return a
}
