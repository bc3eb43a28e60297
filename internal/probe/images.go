package probe

import (
	"math"
	"math/rand/v2"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// mostDistinct is how many whole numbers tell the numbers of an image apart.
const mostDistinct = 1 << 22

// fewPixels is the number of pixels up to which an image alone does not tell channels
// apart.
const fewPixels = 16

// images draws images, each followed by its negative: two, or four where a batch has room
// or where an image has few pixels.
func (d *drawing) images(batch int) tensor.Tensor {
	in := d.small.lowered.Program.Input
	pixels, n := in[0]*in[1], in[0]*in[1]*in[2]
	count := 2
	if batch > 2 || pixels <= fewPixels {
		count = 4
	}
	images := tensor.MustNew(count, in[0], in[1], in[2])
	position := rand.New(rand.NewPCG(d.seed, 0)).Perm(n)
	for k := 0; k < count; k += 2 {
		x, negative := images.Data[k*n:][:n], images.Data[(k+1)*n:][:n]
		d.fill(x, func(r *stream, i int) float64 { return d.unit * d.number(r, i, position[i], k/2) })
		for i := range x {
			negative[i] = -x[i]
		}
	}
	return images
}

// number draws number i of image k. position is the number's position in a permutation of the
// image: no two positions get the same small numbers in two images, while there are enough.
func (d *drawing) number(r *stream, i, position, k int) float64 {
	if d.first.terms == 0 {
		return d.distinct(r, position, k)
	}
	channels := d.small.lowered.Program.Input[2]
	share, _, most := d.first.sides(i%channels, channels)
	if d.sizes.large && r.happens(share) {
		return r.large(most)
	}
	both := 2 * d.sizes.x // magnitudes and signs
	if k > 0 {
		position /= both
	}
	v := position % both
	if v < d.sizes.x {
		return float64(v + 1)
	}
	return float64(d.sizes.x - v - 1)
}

// distinct returns a number that no other position of the image has, in size and sign. Where
// an interval responds, sizes start at 1; else the largest is twice the smallest, so
// that each number counts in a mean.
func (d *drawing) distinct(r *stream, position, k int) float64 {
	n := 1
	for _, side := range d.small.lowered.Program.Input {
		n *= side
	}
	size := float64((position+k*n/3)%min(n, mostDistinct) + 1)
	if d.unit == 1 {
		size += float64(min(n, mostDistinct))
	}
	return size * r.whole(1)
}

// gaussian draws weights and images of Gaussian numbers, which have random signs. The
// sums of a filter are as large as its inputs.
func (d *drawing) gaussian(images int) (graph.Weights, tensor.Tensor) {
	normal := func(mean, deviation float64, shape ...int) tensor.Tensor {
		x := tensor.MustNew(shape...)
		d.fill(x.Data, func(r *stream, _ int) float64 { return mean + deviation*r.normal.NormFloat64() })
		return x
	}
	in := d.small.lowered.Program.Input
	weights := graph.Weights{}
	for i, step := range d.small.lowered.Program.Steps {
		switch traits := step.Op.Traits(); {
		case len(step.Weights) == 0:
		case !d.isPart(i):
			weights[step.Weights[0].Name] = d.small.weights[step.Weights[0].Name]
		case traits.Operands == ir.ChannelNumbers:
			n := step.Weights[0].Shape[0]
			weights[step.Weights[0].Name] = normal(1, 0.25, n)
			weights[step.Weights[1].Name] = normal(0, 0.25, n)
			weights[step.Weights[2].Name] = normal(0, 0.25, n)
			variance := normal(0, 0.25, n)
			for c, v := range variance.Data {
				variance.Data[c] = 0.75 + v*v
			}
			weights[step.Weights[3].Name] = variance
		default:
			deviation := 1 / math.Sqrt(float64(productOf(d.small.lowered.Program, i).terms))
			weights[step.Weights[0].Name] = normal(0, deviation, step.Weights[0].Shape...)
			if len(step.Weights) > 1 {
				weights[step.Weights[1].Name] = normal(0, 0.25, step.Weights[1].Shape...)
			}
		}
	}
	return weights, normal(0, 1, images, in[0], in[1], in[2])
}
