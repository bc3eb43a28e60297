package ref

import (
	"context"
	"math"

	"tfcnn/internal/ir"
)

var _ = registerBoth(resize)

// resize takes, for each position of the output, the numbers round the position
// (i + ½)·in/out − ½ of the input, with half pixel centres.
//
// TensorFlow computes positions in float32, which are off by at most
//
//	δ = 2u·(i + ½)·in/out + u·|(i + ½)·in/out − ½|
//
// less where one of these is a float32 already. Nearest takes number ⌊(i + ½)·in/out⌋,
// bilinear interpolates, along the row first; with R the range of the numbers round the
// position it is off by (δ+δ')·R + 2·(2uR + u·max|…|) (claim 19: Resized images).
//
// Of numbers within bounds, R is the range of the intervals. The largest of the bounds
// is added, since the weights are at least 0 and add up to 1.
func resize(ctx context.Context, r *Result, op ir.Resize, operands []Operand) error {
	x := operands[0]
	rows, columns := positions(x.shape()[1], op.Size[0]), positions(x.shape()[2], op.Size[1])
	if op.Method == ir.Nearest {
		return nearest(ctx, r, rows, columns, x)
	}
	return bilinear(ctx, r, rows, columns, x)
}

// position is the position of one row or column of the output in the input.
type position struct {
	at, delta float64 // centre, in pixels from the first one's; its error
	rounded   float64 // the error before ½ is taken off
	in        int
}

func positions(in, out int) []position {
	list := make([]position, out)
	for i := range list {
		product := (float64(i) + 0.5) * float64(in) / float64(out)
		list[i] = position{at: product - 0.5, in: in}
		if !isNormalFloat32(float64(in) / float64(out)) {
			list[i].rounded += unit * product
		}
		if list[i].rounded > 0 || !isNormalFloat32(product) {
			list[i].rounded += 1.001 * unit * product
		}
		list[i].delta = list[i].rounded
		if list[i].rounded > 0 || !isNormalFloat32(product-0.5) {
			list[i].delta += 1.001 * unit * math.Abs(product-0.5)
		}
	}
	return list
}

// nearestPixels returns the first and the last pixel that may be the nearest; as a rule both
// are the same.
func (p position) nearestPixels() (low, high int) {
	at := p.at + 0.5
	return p.clamp(math.Floor(at - p.rounded)), p.clamp(math.Floor(at + p.rounded))
}

func (p position) clamp(at float64) int { return int(max(0, min(at, float64(p.in-1)))) }

func nearest(ctx context.Context, r *Result, rows, columns []position, x Operand) error {
	height, width, channels := x.shape()[1], x.shape()[2], x.shape()[3]
	return eachRow(ctx, r.Shape[0], len(rows), func(image, row int) {
		top, bottom := rows[row].nearestPixels()
		for column := range columns {
			left, right := columns[column].nearestPixels()
			y, z := rows[row].clamp(math.Floor(rows[row].at+0.5)), columns[column].clamp(math.Floor(columns[column].at+0.5))
			for c := range channels {
				at := func(y, z int) (value, bound float64, state State) {
					return x.at(((image*height+y)*width+z)*channels + c)
				}
				i := ((image*len(rows)+row)*len(columns)+column)*channels + c
				r.Value[i], r.Bound[i], r.State[i] = at(y, z)
				if top == bottom && left == right {
					continue
				}
				for _, other := range [][2]int{{top, left}, {top, right}, {bottom, left}, {bottom, right}} {
					value, bound, state := at(other[0], other[1])
					if !(math.Abs(value-r.Value[i]) <= math.MaxFloat32) || state != Plain {
						r.State[i] = Unspecified
						continue
					}
					r.Bound[i] = max(r.Bound[i], math.Abs(value-r.Value[i])+bound)
				}
			}
		}
	})
}

func bilinear(ctx context.Context, r *Result, rows, columns []position, x Operand) error {
	height, width, channels := x.shape()[1], x.shape()[2], x.shape()[3]
	return eachRow(ctx, r.Shape[0], len(rows), func(image, row int) {
		p := rows[row]
		y := math.Floor(p.at)
		top, bottom, v := p.clamp(y), p.clamp(y+1), p.at-y
		for column := range columns {
			q := columns[column]
			z := math.Floor(q.at)
			left, right, u := q.clamp(z), q.clamp(z+1), q.at-z
			for c := range channels {
				at := func(y, z int) (value, bound float64, state State) {
					return x.at(((image*height+y)*width+z)*channels + c)
				}
				value := func(y, z int) float64 {
					value, _, _ := at(y, z)
					return value
				}
				i := ((image*len(rows)+row)*len(columns)+column)*channels + c
				above := value(top, left) + (value(top, right)-value(top, left))*u
				below := value(bottom, left) + (value(bottom, right)-value(bottom, left))*u
				r.Value[i] = above + (below-above)*v
				r.interpolated(i, p, q, at)
			}
		}
	})
}

// interpolated sets the bound of element i from all numbers that an interpolation may
// read: those round both ends of the interval of its position.
func (r *Result) interpolated(i int, p, q position, at func(y, z int) (value, bound float64, state State)) {
	first, last := p.clamp(math.Floor(p.at-p.delta)), p.clamp(math.Floor(p.at+p.delta)+1)
	left, right := q.clamp(math.Floor(q.at-q.delta)), q.clamp(math.Floor(q.at+q.delta)+1)
	low, high, moved, subnormal := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for y := first; y <= last; y++ {
		for z := left; z <= right; z++ {
			v, bound, state := at(y, z)
			if v-v != 0 || state != Plain {
				// A weight may be 0 here and a little more there.
				r.State[i] = Unspecified
				return
			}
			if reach := math.Abs(v) + bound; reach > 0 && math.Abs(v)-bound < smallest {
				subnormal = max(subnormal, min(reach, smallest))
			}
			low, high, moved = min(low, v-bound), max(high, v+bound), max(moved, bound)
		}
	}
	if low == high {
		// Differences are 0: nothing rounds. A subnormal number may be lost.
		r.Bound[i] = subnormal
		return
	}
	largest := max(math.Abs(low), math.Abs(high))
	r.Bound[i] = moved + (p.delta+q.delta)*(high-low) + 1.01*unit*(4*(high-low)+2*largest) + 9*smallest + 3*subnormal
	if 2*largest+r.Bound[i] > math.MaxFloat32 {
		r.State[i] = OverflowPossible
	}
}
