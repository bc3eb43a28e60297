package main

import (
	"context"
	"fmt"
	"math"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// through is the reference of a whole network: what each of its steps should
// give for a batch, with a bound on what a device can be off by when each step
// before it was as far off as its own bound allows. Nothing of a device goes
// in, and it does not matter which steps the device computes in one call.
func through(ctx context.Context, lowered graph.Lowered, weights graph.Weights, batch tensor.Tensor) ([]ref.Result, error) {
	input := exactly(batch)
	results := make([]ref.Result, len(lowered.Program.Steps))
	for i, step := range lowered.Program.Steps {
		var operands []ref.Result
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, input)
			} else {
				operands = append(operands, results[from])
			}
		}
		var own []tensor.Tensor
		for _, w := range step.Weights {
			own = append(own, weights[w.Name])
		}
		var err error
		if results[i], err = onward(ctx, step.Op, operands, own); err != nil {
			return nil, fmt.Errorf("soak: reference of %s %q: %w", step.Op.Kind(), step.Name, err)
		}
	}
	return results, nil
}

// exactly is a tensor as a result without errors.
func exactly(x tensor.Tensor) ref.Result {
	r := ref.Result{
		Shape: x.Shape,
		Value: make([]float64, len(x.Data)), Bound: make([]float64, len(x.Data)),
		Level: make([]float64, len(x.Data)), State: make([]ref.State, len(x.Data)),
	}
	for i, v := range x.Data {
		r.Value[i] = float64(v)
	}
	return r
}

func onward(ctx context.Context, op ir.Op, operands []ref.Result, weights []tensor.Tensor) (ref.Result, error) {
	traits := op.Traits()
	switch {
	case traits.Operands == ir.ManyInputs && traits.Linear && traits.Fusable:
		return sum(operands), nil
	case len(operands) == 1 && traits.Linear && !traits.Fusable:
		return linear(ctx, op, operands[0], weights)
	}
	if len(operands) != 1 || !traits.Fusable {
		return ref.Result{}, fmt.Errorf("its bound is not handed on")
	}
	return ref.Extend(ctx, operands[0], op, weights...)
}

const (
	unit     = 0x1p-24  // half of float32's spacing at 1
	smallest = 0x1p-126 // the smallest normal float32
)

// sum adds results: their bounds add up, each addition rounds, and the sum or
// what goes in may be flushed to zero.
func sum(operands []ref.Result) ref.Result {
	out := exactly(tensor.Tensor{Shape: operands[0].Shape, Data: make([]float32, len(operands[0].Value))})
	for i := range out.Value {
		absolute, bound := 0.0, 0.0
		for _, r := range operands {
			out.Value[i] += r.Value[i]
			absolute += math.Abs(r.Value[i]) + r.Bound[i]
			bound += r.Bound[i]
		}
		if n := float64(len(operands)); !integers(operands, i, absolute) {
			out.Bound[i] = bound + n*unit*1.001*absolute + 2*n*smallest
		}
	}
	return out
}

// integers says that element i is exact: integers that float32 holds with all
// of their sums.
func integers(operands []ref.Result, i int, absolute float64) bool {
	for _, r := range operands {
		if r.Bound[i] != 0 || r.Value[i] != math.Trunc(r.Value[i]) {
			return false
		}
	}
	return absolute <= 1<<24
}

// linear computes an operation of which the output is a sum of the input times
// weights: the device reads x+d with |d| ≤ b, so that it is off by its own
// rounding at x+d, γ·Σ(|x|+b)·|w| in place of γ·Σ|x|·|w|, and by Σb·|w|. γ is
// below 1/1000 for sums of up to 16,000 terms.
func linear(ctx context.Context, op ir.Op, r ref.Result, weights []tensor.Tensor) (ref.Result, error) {
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
	spread := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
	exact := true
	for i, v := range r.Value {
		x.Data[i] = float32(v)
		b := r.Bound[i] + math.Abs(v-float64(x.Data[i]))
		if b == 0 {
			continue
		}
		// A number that is not known may be subnormal and read as zero.
		exact = false
		spread.Data[i] = math.Nextafter32(float32(b+smallest), math.MaxFloat32)
	}
	want, err := ref.Apply(ctx, op, append([]tensor.Tensor{x}, weights...)...)
	if err != nil || exact {
		return want, err
	}
	apart := []tensor.Tensor{spread}
	if len(weights) > 0 { // the filter, without the bias
		w := weights[0].Clone()
		for i, v := range w.Data {
			w.Data[i] = float32(math.Abs(float64(v)))
		}
		apart = append(apart, w)
	}
	more, err := ref.Apply(ctx, op, apart...)
	if err != nil {
		return ref.Result{}, err
	}
	for i := range want.Bound {
		want.Bound[i] += 1.001*more.Value[i] + more.Bound[i]
		want.Level[i] = 0
		want.State[i] = max(want.State[i], more.State[i])
	}
	return want, nil
}
