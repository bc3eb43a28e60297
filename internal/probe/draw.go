package probe

import (
	"math"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// sizes are the magnitudes of whole numbers: from 1 to x in images, from 1 to w in
// filters, and large ones.
type sizes struct {
	x, w  int
	large bool
}

const (
	// Large numbers are odd numbers of 12 bits, the fewest that TF32 rounds.
	leastLarge = 1<<11 + 1
	mostLarge  = 1<<12 - 1
	// Where every channel has large numbers on both sides, they are smaller: two such
	// products fit below 2²⁴.
	mostLargeBoth = leastLarge + 1<<8

	// largeInSum is how many products of a sum have a large factor, on either side.
	largeInSum = 3
	// fewTerms is the number of terms up to which a filter's numbers are larger.
	fewTerms = 64
	// mostTerms·x is the most that Σ|x| of a sum comes to.
	mostTerms = 1 << 21
)

// drawing draws the operands of one part.
type drawing struct {
	small  small
	part   Part
	sizes  sizes
	seed   uint64
	filled uint64 // tensors

	first product // of the part; no terms: there is none
	unit  float64 // all numbers of images, biases, means and offsets are multiples of it
	// The last bias or offset moves the sums of most channels to the center of the numbers
	// to which the part responds, and those of some to the ends: there half are cut off.
	responds ir.Interval
	ends     bool // whether there are such channels
}

// product describes a sum of products.
type product struct {
	terms int
	depth int // channels along the filter's axis
	inner int // numbers of the filter between two channels
}

// productOf returns the product of a step with a filter.
func productOf(program ir.Program, i int) product {
	step := program.Steps[i]
	filter, axis := step.Weights[0].Shape, step.Op.Traits().ChannelAxis
	p := product{depth: filter[axis], inner: 1}
	for _, n := range filter[axis+1:] {
		p.inner *= n
	}
	outputs := int64(1)
	for _, n := range step.Shape[1:] {
		outputs *= int64(n)
	}
	p.terms = int(max(1, step.Op.Multiplications(program.Operands(i, 1)...)/outputs))
	return p
}

// isPart reports whether a step of the small program is one of the part's: the others
// move numbers.
func (d *drawing) isPart(i int) bool {
	for k, layer := range d.small.lowered.Layers {
		if i >= layer.First && i <= layer.Last {
			return k >= len(d.small.lowered.Layers)-len(d.part.Layers)
		}
	}
	return false
}

// weights draws the part's weights.
func (d *drawing) weights() graph.Weights {
	steps := d.small.lowered.Program.Steps
	d.plan()
	weights := graph.Weights{}
	last := -1 // the step that moves sums to the center
	for i, step := range steps {
		if traits := step.Op.Traits(); d.isPart(i) && (traits.Operands == ir.ChannelNumbers || len(step.Weights) == 2) {
			last = i
		}
	}
	products := 0
	for i, step := range steps {
		center := func(int) float64 { return 0 }
		if i == last {
			center = d.center
		}
		switch traits := step.Op.Traits(); {
		case len(step.Weights) == 0:
		case !d.isPart(i):
			weights[step.Weights[0].Name] = d.small.weights[step.Weights[0].Name]
		case traits.Operands == ir.ChannelNumbers:
			d.norm(weights, step, center)
		default:
			weights[step.Weights[0].Name] = d.filter(step, productOf(d.small.lowered.Program, i), products)
			products++
			if len(step.Weights) > 1 {
				weights[step.Weights[1].Name] = d.near(step.Weights[1].Shape, center)
			}
		}
	}
	return weights
}

// plan chooses the sizes, and the unit in which the part's activations respond.
func (d *drawing) plan() {
	steps := d.small.lowered.Program.Steps
	d.responds, d.ends = ir.Interval{}, true
	responds := ir.Interval{Low: math.Inf(-1), High: math.Inf(1)}
	products, moves, norms := 0, false, false
	for i, step := range steps {
		if !d.isPart(i) {
			continue
		}
		traits := step.Op.Traits()
		if traits.MultiplyAccumulate {
			if products++; products == 1 {
				d.first = productOf(d.small.lowered.Program, i)
			}
		}
		norms = norms || traits.Operands == ir.ChannelNumbers
		moves = moves || norms || len(step.Weights) == 2
		if traits.Responds != (ir.Interval{}) {
			d.ends = d.ends && traits.Elementwise // else one channel would hide the others
			responds = ir.Interval{Low: max(responds.Low, traits.Responds.Low), High: min(responds.High, traits.Responds.High)}
		}
	}
	if norms || products > 1 { // a batch norm's bound grows with Σ|x·w|, a second sum with the first
		d.sizes.x = min(d.sizes.x, 8)
	}
	if products > 0 {
		d.sizes.x = max(1, min(d.sizes.x, mostTerms/d.first.terms))
	}
	if d.first.terms <= fewTerms { // the sums of few terms are to differ too
		d.sizes.w = max(d.sizes.w, min(16, d.sizes.w*8))
	}
	d.unit = 1
	if math.IsInf(responds.High, 1) || math.IsInf(responds.Low, -1) {
		return // images come with their negatives: either side of an end shows
	}
	half := (responds.High - responds.Low) / 2
	if moves {
		d.responds = responds
	} else {
		half = max(responds.High, -responds.Low)
	}
	d.sizes.x = min(d.sizes.x, 8) // so that 1 is not small beside the largest sum
	for d.peak(products)*d.unit > half && d.unit > 0x1p-40 {
		d.unit /= 2
	}
}

// center returns the number to which the sums of a channel are moved.
func (d *drawing) center(channel int) float64 {
	switch {
	case d.ends && channel%8 == 3:
		return d.responds.Low
	case d.ends && channel%8 == 7:
		return d.responds.High
	}
	return (d.responds.Low + d.responds.High) / 2
}

// peak returns the size, in units, that few of the part's numbers exceed.
func (d *drawing) peak(products int) float64 {
	if products == 0 {
		n := 1.0
		for _, side := range d.small.lowered.Program.Input {
			n *= float64(side)
		}
		return min(n, mostDistinct)
	}
	uniform := func(n int) float64 { return math.Sqrt(float64((n+1)*(2*n+1)) / 6) } // √mean n²
	rms, largest := uniform(d.sizes.x), float64(d.sizes.x)
	if d.sizes.large && products == 1 {
		largest = mostLarge
	}
	for i, step := range d.small.lowered.Program.Steps {
		if !d.isPart(i) || !step.Op.Traits().MultiplyAccumulate {
			continue
		}
		next := rms * uniform(d.sizes.w) * math.Sqrt(float64(productOf(d.small.lowered.Program, i).terms))
		largest = 5*next + largest*float64(d.sizes.w)
		if d.sizes.large {
			largest += 3 * rms * mostLarge
		}
		rms = next
	}
	return largest
}

// sides returns how a channel's numbers are drawn: the share of large numbers in images and
// in the filter, and the largest. Channels of even number have large numbers in images, the
// others in the filter.
func (p product) sides(channel, channels int) (images, filter float64, most int) {
	manyChannels := p.depth > 1
	if !manyChannels && channels == 1 {
		return min(0.125, 1/float64(p.terms)), 1 / float64(p.terms), mostLargeBoth
	}
	share := min(0.5, 2*largeInSum/float64(p.terms))
	if manyChannels {
		channel %= p.depth
	}
	if channel%2 == 0 {
		return share, 0, mostLarge
	}
	return 0, share, mostLarge
}

// filter draws the filter of a step; before is the number of filters before it. Only the
// first has large numbers on both sides.
func (d *drawing) filter(step ir.Step, p product, before int) tensor.Tensor {
	filter := tensor.MustNew(step.Weights[0].Shape...)
	channels := d.small.lowered.Program.Input[2]
	last := step.Weights[0].Shape[len(step.Weights[0].Shape)-1]
	d.fill(filter.Data, func(r *stream, i int) float64 {
		_, share, most := p.sides(i/p.inner%p.depth, channels)
		switch {
		case before > 0:
			share = largeInSum / float64(p.terms)
		case p.depth == 1 && channels > 1: // a group for each channel: filters are by channel
			_, share, most = p.sides(i%last/max(1, last/channels), channels)
		}
		if d.sizes.large && r.happens(share) {
			return r.large(most)
		}
		return r.whole(d.sizes.w)
	})
	return filter
}

// near draws numbers of 1 to 8 units above a channel's center.
func (d *drawing) near(shape []int, center func(channel int) float64) tensor.Tensor {
	x := tensor.MustNew(shape...)
	d.fill(x.Data, func(r *stream, i int) float64 { return center(i) + d.unit*math.Abs(r.whole(8)) })
	return x
}

// norm draws the numbers of a batch norm. Their factor is a power of two, 1 or ½ or their
// negatives, where the square root is computed exactly. The variance is of the size of ε, so
// that another ε gives other numbers. The offset is at least the mean times the factor: of
// an image and its negative, one shows behind a ReLU.
func (d *drawing) norm(weights graph.Weights, step ir.Step, center func(channel int) float64) {
	n := step.Weights[0].Shape[0]
	scale, offset, mean, variance := tensor.MustNew(n), tensor.MustNew(n), tensor.MustNew(n), tensor.MustNew(n)
	epsilon := step.Op.(ir.BatchNorm).Epsilon
	root := 0x1p-40
	for root*root < 2*float64(epsilon) {
		root *= 2
	}
	d.fill(scale.Data, func(r *stream, c int) float64 {
		factor := 1 / r.whole(2)
		m := d.unit * r.whole(8)
		mean.Data[c], variance.Data[c] = float32(m), float32(root*root)-epsilon
		offset.Data[c] = float32(center(c) + factor*m + d.unit*math.Abs(r.whole(8)))
		return factor * root
	})
	for i, x := range []tensor.Tensor{scale, offset, mean, variance} {
		weights[step.Weights[i].Name] = x
	}
}
