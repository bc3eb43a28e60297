package graph

import "slices"

// multiplying are the kinds of layers whose multiplications are products of
// weights, added up.
var multiplying = []string{"conv2d", "depthwise_conv2d", "separable_conv2d", "conv2d_transpose", "dense"}

// MACs is the number of multiplications that are followed by an addition, for
// one picture: those of the layers with filters, padding counted. It is what
// the field compares networks by; batch norms and response normalisation are
// left out.
func (p Plan) MACs() int64 {
	sum := int64(0)
	for _, l := range p.Layers {
		if slices.Contains(multiplying, l.Kind) {
			sum += l.Multiplications
		}
	}
	return sum
}

// Plan is Network.Plan of the network that was lowered.
func (l Lowered) Plan() (Plan, error) { return l.plan() }
