package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(lrn)

// lrn is x/t^β with t = bias + α·Σx² over n channels.
//
// All terms of t are positive, so that t is off by a factor of 1+εt: n
// roundings of squares and sums, α's product and bias's sum,
//
//	εt = γₙ₊₃ + n·(α+1)·2⁻¹²⁶/t
//
// the last for squares and products that are flushed. Where β is ½ or 1 and
// there are more than 384 channels, TensorFlow's CPU kernel adds each channel
// to a running sum and takes another off it. What these sums lose stays lost:
// with Sₖ = α·Σx² of the window round channel k, r sums before the first of at
// most S₀ and two a channel from there on, εt grows at channel c by
//
//	u·(r·S₀ + 2·ΣSₖ)/t, k ≤ c
//
// Then the power. As a reciprocal (β = 1) or a reciprocal root (β = ½) it is
// off by εt or εt/2, and by that function's error. Else it is exp(−β·log t),
// or a power function: the exponent is off by β·(εt + log's error·|log t|) +
// u·β·|log t|, exp by its own error. x's product rounds once more, and power
// and product may be flushed to zero.
//
// A pixel with a number that is not finite, or of which the square is not, is
// Unspecified in all its channels: TensorFlow multiplies all of a pixel's
// squares by a matrix of zeros and ones, and 0·Inf is NaN.
func lrn(ctx context.Context, r *Result, _ Arithmetic, op ir.LRN, operands []tensor.Tensor) error {
	x := operands[0]
	channels := x.Shape[3]
	return eachRow(ctx, x.Shape[0], x.Shape[1]*x.Shape[2], func(picture, pixel int) {
		first := (picture*x.Shape[1]*x.Shape[2] + pixel) * channels
		p := lrnPixel{op: op, x: x.Data[first : first+channels]}
		p.sum()
		for c := range channels {
			r.Value[first+c], r.Bound[first+c], r.State[first+c] = p.at(c)
		}
	})
}

// lrnPixel is one pixel's channels.
type lrnPixel struct {
	op     ir.LRN
	x      []float32
	finite bool
	drift  []float64 // r·S₀ + 2·ΣSₖ for each channel; nil where no sum runs
}

// runningSums is the number of channels from which on TensorFlow's CPU kernel
// keeps a running sum.
const runningSums = 384

func (p *lrnPixel) sum() {
	p.finite = true
	for _, v := range p.x {
		square := float64(v) * float64(v)
		if !(square <= math.MaxFloat32) {
			p.finite = false
		}
	}
	if len(p.x) <= runningSums || p.op.Beta != 0.5 && p.op.Beta != 1 {
		return
	}
	total := 0.0
	for c := range p.x {
		sum, _ := p.window(c)
		if c == 0 {
			total = float64(min(p.op.DepthRadius, len(p.x))) * sum
		}
		total += 2 * sum
		p.drift = append(p.drift, float64(p.op.Alpha)*total)
	}
}

// window is the sum of the squares round channel c, and their number.
func (p *lrnPixel) window(c int) (sum float64, terms int) {
	window := p.x[max(0, c-p.op.DepthRadius):min(len(p.x), c+p.op.DepthRadius+1)]
	for _, v := range window {
		sum += float64(v) * float64(v)
	}
	return sum, len(window)
}

func (p *lrnPixel) at(c int) (value, bound float64, state State) {
	sum, terms := p.window(c)
	alpha, beta := float64(p.op.Alpha), float64(p.op.Beta)
	t := float64(p.op.Bias) + alpha*sum
	x := float64(p.x[c])
	value = x * math.Pow(t, -beta)
	if !p.finite || p.op.Bias < smallest || alpha*sum > math.MaxFloat32 || t > 0x1p100 || t < 0x1p-100 {
		return value, 0, Unspecified
	}
	off := gamma(terms+3) + float64(terms)*(alpha+1)*smallest/t
	if p.drift != nil {
		off += 1.01 * unit * p.drift[c] / t
	}
	if isSubnormal(p.op.Alpha) {
		off += alpha * sum / t
	}
	if off > 0.5 {
		return value, 0, Unspecified // the bound says nothing
	}
	off /= 1 - off // 1/(1−ε) − 1
	ulps := func(name string) float64 { return margin * function(name).ULPs * 0x1p-23 }
	logarithm := math.Abs(math.Log(t))
	exponent := math.Abs(beta)*(off+(ulps("log")+unit)*logarithm+smallest) + unit*math.Abs(beta)*logarithm
	relative := math.Expm1(exponent) + 2*ulps("exp")
	switch p.op.Beta {
	case 1:
		relative = max(relative, off+ulps("reciprocal"))
	case 0.5:
		relative = max(relative, off+ulps("rsqrt"))
	}
	relative += 2*unit + relative*relative
	if !(relative < 1) {
		return value, 0, Unspecified // as above, for a large β
	}
	bound = math.Abs(value)*relative + smallest*(math.Abs(x)+2) + flushed(x)*math.Pow(t, -beta)
	if math.Pow(t, -beta) > math.MaxFloat32/2 || math.Abs(value)+bound > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}
