package ref

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// Propagation computes the reference of a program: the output of each step, with a
// bound on the error of a device whose earlier steps were as far off as their own
// bounds allow. Where outputs of the device are given, later steps read those numbers,
// as exact ones.
//
//	p := ref.Propagation{Program: program, Weights: weights}
//	results, err := p.Results(ctx, input, nil, []int{last})
//
// A Propagation keeps results of sums of products for the next call. It is for one
// goroutine.
type Propagation struct {
	Arithmetic Arithmetic
	Program    ir.Program
	Weights    map[string]tensor.Tensor
	Levels     Levels

	cache         map[int]cachedStep
	cachedNumbers int
}

// cachedStep is the reference of a step and its operands.
type cachedStep struct {
	operands []tensor.Tensor
	result   Result
}

// MaxCached is the largest number of elements that a Propagation keeps.
const MaxCached = 1 << 25

// Each calls visit with the reference of each wanted step, and of each step that those
// depend on, in the program's order. given has outputs of a device by step; a given
// step is not computed for the steps that read it. A result is dropped when its last
// reader has been computed. An error of visit ends the call.
func (p *Propagation) Each(ctx context.Context, input tensor.Tensor, given map[int]tensor.Tensor, wanted []int, visit func(step int, want Result) error) error {
	needed := make([]bool, len(p.Program.Steps))
	readers := make([]int, len(p.Program.Steps)) // that are still to be computed
	for _, step := range wanted {
		needed[step] = true
	}
	bounded := func(from int) bool {
		_, known := given[from]
		return from != ir.Input && !known
	}
	for i, step := range slices.Backward(p.Program.Steps) {
		for _, from := range step.Inputs {
			if needed[i] && bounded(from) {
				needed[from] = true
				readers[from]++
			}
		}
	}
	results := map[int]Result{}
	records := RecordsSums(p.Program)
	for i, step := range p.Program.Steps {
		if !needed[i] {
			continue
		}
		operands := make([]Operand, len(step.Inputs))
		for k, from := range step.Inputs {
			switch {
			case bounded(from):
				operands[k] = Within(results[from])
			case from == ir.Input:
				operands[k] = Known(input)
			default:
				operands[k] = Known(given[from])
			}
		}
		result, err := p.compute(ctx, i, operands, records[i])
		if err == nil {
			err = visit(i, result)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", step.Op.Kind(), quote.Name(step.Name), err)
		}
		if readers[i] > 0 {
			results[i] = result
		}
		for _, from := range step.Inputs {
			if bounded(from) {
				if readers[from]--; readers[from] == 0 {
					delete(results, from)
				}
			}
		}
	}
	return nil
}

// Results returns the references of the wanted steps, in the order of wanted;
// see Each.
func (p *Propagation) Results(ctx context.Context, input tensor.Tensor, given map[int]tensor.Tensor, wanted []int) ([]Result, error) {
	results := make([]Result, len(wanted))
	err := p.Each(ctx, input, given, wanted, func(step int, want Result) error {
		for i, w := range wanted {
			if w == step {
				results[i] = want
			}
		}
		return nil
	})
	return results, err
}

// compute computes a step, or returns the kept result of operands with the same bits.
func (p *Propagation) compute(ctx context.Context, i int, operands []Operand, record bool) (Result, error) {
	step := p.Program.Steps[i]
	weights := make([]tensor.Tensor, len(step.Weights))
	for k, w := range step.Weights {
		weights[k] = p.Weights[w.Name]
	}
	for k, o := range operands {
		if x, exact := o.exact(weights); exact {
			operands[k] = Known(x)
		}
	}
	numbers, known := allKnown(operands)
	if !known {
		return extend(ctx, p.Arithmetic, step.Op, request{levels: p.Levels, sums: record}, operands, weights)
	}
	numbers = append(numbers, weights...)
	if k, found := p.cache[i]; found && k.result.levels == p.Levels && slices.EqualFunc(k.operands, numbers, sameBits) {
		return k.result, nil
	}
	result, err := apply(ctx, p.Arithmetic, step.Op, request{levels: p.Levels, sums: record}, numbers...)
	if err == nil && step.Op.Traits().MultiplyAccumulate && p.cachedNumbers+len(result.Value) <= MaxCached {
		if p.cache == nil {
			p.cache = map[int]cachedStep{}
		}
		p.cachedNumbers += len(result.Value) - len(p.cache[i].result.Value)
		p.cache[i] = cachedStep{numbers, result}
	}
	return result, err
}

// exact returns the operand's numbers where all of them are exact and no sums that a
// device may compute otherwise. Padding is not exact under weights that are not finite.
func (o Operand) exact(weights []tensor.Tensor) (tensor.Tensor, bool) {
	r := o.result
	if r == nil || r.sums != nil {
		return tensor.Tensor{}, false
	}
	if r.padded != nil && slices.ContainsFunc(weights, func(w tensor.Tensor) bool { return !allFinite(w.Data) }) {
		return tensor.Tensor{}, false
	}
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
	for i, v := range r.Value {
		if x.Data[i] = float32(v); r.State[i] != Plain || r.Bound[i] != 0 || float64(x.Data[i]) != v {
			return tensor.Tensor{}, false
		}
	}
	return x, true
}

func sameBits(a, b tensor.Tensor) bool {
	return slices.EqualFunc(a.Data, b.Data, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// Operand is an operand of an operation: known numbers, or a result, for which a
// device may have any numbers within the bounds.
type Operand struct {
	known  tensor.Tensor
	result *Result // nil: known
}

// Known returns an operand of known numbers.
func Known(x tensor.Tensor) Operand { return Operand{known: x} }

// Within returns an operand that lies within the bounds of a result.
func Within(r Result) Operand { return Operand{result: &r} }

func (o Operand) shape() []int {
	if o.result != nil {
		return o.result.Shape
	}
	return o.known.Shape
}

// at returns number i.
func (o Operand) at(i int) (value, bound float64, state State) {
	if o.result != nil {
		return o.result.Value[i], o.result.Bound[i], o.result.State[i]
	}
	return float64(o.known.Data[i]), 0, Plain
}

// quantum returns a power of two of which all numbers are multiples that a device may
// have; 0 where there is none.
func (o Operand) quantum() float64 {
	if o.result == nil {
		return quantum(o.known.Data)
	}
	numbers := make([]float32, len(o.result.Value))
	for i, v := range o.result.Value {
		if numbers[i] = float32(v); float64(numbers[i]) != v || o.result.Bound[i] != 0 {
			return 0
		}
	}
	return quantum(numbers)
}

// allKnown returns the operands' numbers, and reports whether all of them are known.
func allKnown(operands []Operand) ([]tensor.Tensor, bool) {
	numbers := make([]tensor.Tensor, len(operands))
	for i, o := range operands {
		if o.result != nil {
			return nil, false
		}
		numbers[i] = o.known
	}
	return numbers, true
}
