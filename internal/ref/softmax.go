package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var (
	_ = register(func(ctx context.Context, r *Result, _ Arithmetic, _ ir.Softmax, operands []tensor.Tensor) error {
		return softmax(ctx, r, exactResult(operands[0]))
	})
	_ = registerExtension(func(ctx context.Context, out *Result, _ ir.Softmax, operands []Operand, _ []tensor.Tensor) error {
		return softmax(ctx, out, *operands[0].result)
	})
)

// softmax is eˣ/Σeˣ over each row of the last axis, of numbers that lie within bounds.
// With z = x−max, term j of the sum is off by a factor of at most e^dⱼ,
//
//	dⱼ = bⱼ + u·(|zⱼ|+2·max b) + exp's error
//
// and a result lies between the quotients of these ends (claim 17: Softmax).
//
// A row with NaN or +Inf, or of nothing but −Inf, is NaN here and Unspecified:
// kernels whose maximum drops a NaN give numbers. The sum is 1 at least.
func softmax(ctx context.Context, r *Result, x Result) error {
	n := x.Shape[len(x.Shape)-1]
	expError := margin * function("exp").ULPs * 0x1p-23
	rest := gamma(n) + margin*function("reciprocal").ULPs*0x1p-23 + unit
	slack := 2 * float64(n+4) * unit64 // of the sums here, of which a term is taken off
	return eachRow(ctx, 1, len(x.Value)/max(1, n), func(_, row int) {
		first := row * n
		largest, widest := math.Inf(-1), 0.0
		for i := first; i < first+n; i++ {
			v := x.Value[i]
			if v != v || math.IsInf(v, 1) || x.State[i] != Plain {
				largest = math.NaN()
				break
			}
			largest, widest = max(largest, v), max(widest, x.Bound[i])
		}
		if largest != largest || math.IsInf(largest, -1) {
			for i := first; i < first+n; i++ {
				r.Value[i], r.State[i] = math.NaN(), Unspecified
			}
			return
		}
		d := func(i int) float64 {
			return x.Bound[i] + unit*(math.Abs(x.Value[i]-largest)+2*widest) + expError
		}
		sum := 0.0
		for i := first; i < first+n; i++ {
			r.Value[i] = math.Exp(x.Value[i] - largest)
			sum += r.Value[i]
		}
		low, high := 0.0, 0.0
		for i := first; i < first+n; i++ {
			r.Value[i] /= sum
			if r.Value[i] > 0 {
				low += r.Value[i] * math.Exp(-d(i))
				high += r.Value[i] * math.Exp(d(i))
			}
		}
		low -= float64(n) * flushLimit
		high += float64(n) * flushLimit
		for i := first; i < first+n; i++ {
			y := r.Value[i]
			if y > 0 {
				// The element's own term is off alike above and below the line.
				more, less := y*math.Exp(d(i)), y*math.Exp(-d(i))
				up := math.Exp(rest)*more/(max(0, low*(1-slack)-less)+more) - y
				down := y - math.Exp(-rest)*less/(max(0, high*(1+slack)-more)+less)
				r.Bound[i] = max(up, down)
			}
			r.Bound[i] += flushLimit + smallest
			if most := max(y, 1+2*rest-y); !(r.Bound[i] <= most) {
				r.Bound[i] = most
			}
		}
	})
}

// exactResult returns a tensor as a result whose bounds allow for flushing only.
func exactResult(x tensor.Tensor) Result {
	r := Result{Shape: x.Shape, Value: make([]float64, len(x.Data)), Bound: make([]float64, len(x.Data)), State: make([]State, len(x.Data))}
	for i, v := range x.Data {
		r.Value[i] = float64(v)
		r.Bound[i] = flushError(float64(v))
	}
	return r
}
