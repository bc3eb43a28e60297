package ref

import (
	"context"
	"math"

	"tfcnn/internal/ir"
)

var _ = registerBoth(lrn)

// lrn is x/t^β with t = bias + α·Σx² over n channels.
//
// All terms of t are positive, so that t is off by a factor of 1+εt,
//
//	εt = γₙ₊₃ + n·(α+1)·2⁻¹²⁶/t
//
// and by the errors of a running sum where TensorFlow's CPU kernel keeps one; then the
// power, and x's product (claim 18: Local response normalisation). A pixel with a number
// that is not finite, or of which the square is not, is Unspecified in all its channels.
//
// Where x lies within a bound, t lies between its values for the smallest and for the
// largest numbers, and x·t^−β between the products of those ends; the errors are the
// largest errors in that range.
func lrn(ctx context.Context, r *Result, op ir.LRN, operands []Operand) error {
	x := operands[0]
	pixels, channels := r.Shape[1]*r.Shape[2], r.Shape[3]
	return eachRow(ctx, r.Shape[0], pixels, func(image, pixel int) {
		first := (image*pixels + pixel) * channels
		p := lrnPixel{op: op, x: make([]float64, channels), within: make([]float64, channels), finite: true}
		for c := range channels {
			state := Plain
			if p.x[c], p.within[c], state = x.at(first + c); state != Plain {
				p.finite = false
			}
		}
		p.sum()
		for c := range channels {
			r.Value[first+c], r.Bound[first+c], r.State[first+c] = p.at(c)
		}
	})
}

// lrnPixel is one pixel's channels.
type lrnPixel struct {
	op     ir.LRN
	x      []float64
	within []float64
	finite bool
	drift  []float64 // r·S₀ + 2·ΣSₖ for each channel; nil where no sum runs
}

// runningSums is the number of channels above which TensorFlow's CPU kernel keeps a
// running sum.
const runningSums = 384

func (p *lrnPixel) sum() {
	for c, v := range p.x {
		reach := math.Abs(v) + p.within[c]
		if !(reach*reach <= math.MaxFloat32) {
			p.finite = false
		}
	}
	if len(p.x) <= runningSums || p.op.Beta != 0.5 && p.op.Beta != 1 {
		return
	}
	total := 0.0
	for c := range p.x {
		_, _, sum, _ := p.window(c)
		if c == 0 {
			total = float64(min(p.op.DepthRadius, len(p.x))) * sum
		}
		total += 2 * sum
		p.drift = append(p.drift, float64(p.op.Alpha)*total)
	}
}

// window returns the least, the middle and the largest sum of the squares round
// channel c, and the number of squares.
func (p *lrnPixel) window(c int) (least, sum, largest float64, terms int) {
	first, end := max(0, c-p.op.DepthRadius), min(len(p.x), c+p.op.DepthRadius+1)
	for k := first; k < end; k++ {
		v := math.Abs(p.x[k])
		low, high := max(0, v-p.within[k]), v+p.within[k]
		least += low * low
		sum += v * v
		largest += high * high
	}
	return least, sum, largest, end - first
}

func (p *lrnPixel) at(c int) (value, bound float64, state State) {
	least, sum, largest, terms := p.window(c)
	alpha, beta := float64(p.op.Alpha), float64(p.op.Beta)
	bias, x, within := float64(p.op.Bias), p.x[c], p.within[c]
	low, high := bias+alpha*least, bias+alpha*largest // ends of t
	value = x * math.Pow(bias+alpha*sum, -beta)
	if !p.finite || p.op.Bias < smallest || alpha*largest > math.MaxFloat32 || high > 0x1p100 || low < 0x1p-100 {
		return value, 0, Unspecified
	}
	off := gamma(terms+3) + float64(terms)*(alpha+1)*smallest/low
	if p.drift != nil {
		off += 1.01 * unit * p.drift[c] / low
	}
	if isSubnormal(p.op.Alpha) {
		off += alpha * largest / low
	}
	if off > 0.5 {
		return value, 0, Unspecified // the bound is too wide to be of use
	}
	off /= 1 - off // 1/(1−ε) − 1
	ulps := func(name string) float64 { return margin * function(name).ULPs * 0x1p-23 }
	logarithm := max(math.Abs(math.Log(low)), math.Abs(math.Log(high)))
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
	powers := [2]float64{math.Pow(low, -beta), math.Pow(high, -beta)}
	power, reach, moved := max(powers[0], powers[1]), math.Abs(x)+within, 0.0
	for _, t := range powers {
		moved = max(moved, math.Abs((x-within)*t-value), math.Abs((x+within)*t-value))
	}
	bound = moved + reach*power*relative + smallest*(reach+2)
	if math.Abs(x)-within < smallest {
		bound += min(reach, smallest) * power
	}
	if moved > 0 {
		bound += 4 * unit64 * reach * power
	}
	if power > math.MaxFloat32/2 || math.Abs(value)+bound > math.MaxFloat32 {
		state = OverflowPossible
	}
	return value, bound, state
}
