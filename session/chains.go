package session

import (
	"math"
	"slices"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// chains holds the network as it runs when nobody asks for what lies between
// layers, by the ends of its chains.
func (v *verifier) chains() error {
	chains := v.findChains()
	across := slices.ContainsFunc(chains, func(steps []int) bool { return v.layerOf(steps[0]) != v.layerOf(steps[len(steps)-1]) })
	if !across {
		return nil // each was held as part of its layer
	}
	layered := v.outputs
	var ends []int
	for _, steps := range chains {
		ends = append(ends, steps[len(steps)-1])
	}
	if _, err := v.fetch(ends); err != nil {
		return err
	}
	defer v.count(time.Now())
	for _, steps := range chains {
		last := steps[len(steps)-1]
		if v.sameReads(steps, layered) && v.layerOf(steps[0]) == v.layerOf(last) && sameBits(v.outputs[last], layered[last]) {
			v.advance(len(steps)) // held, with the same bits
			continue
		}
		verdict, err := v.hold(steps)
		if err != nil {
			return err
		}
		var names []string
		for _, step := range steps {
			names = append(names, v.lowered.Layers[v.layerOf(step)].Name)
		}
		// A chain goes through each layer once.
		names = slices.Compact(names)
		v.judge(names[len(names)-1], verdict)
		if n := len(v.result.Chains); n > 0 && slices.Equal(v.result.Chains[n-1].Layers, names) {
			// Two chains within one layer have one name and one verdict.
			v.result.Chains[n-1].Verdict = v.result.Chains[n-1].Verdict.Merge(verdict, 0)
			continue
		}
		v.result.Chains = append(v.result.Chains, ChainVerdict{Layers: names, Verdict: verdict})
	}
	return nil
}

// findChains divides the steps into chains. A chain goes on where one step
// alone reads its last, the network does not give that away, and the reader is
// of a kind that TensorFlow may compute together with what comes before.
func (v *verifier) findChains() [][]int {
	program := v.lowered.Program
	readers := make([][]int, len(program.Steps))
	for i, step := range program.Steps {
		for _, from := range step.Inputs {
			if from != ir.Input {
				readers[from] = append(readers[from], i)
			}
		}
	}
	given := make([]bool, len(program.Steps))
	for _, step := range v.last(v.lowered.Outputs) {
		given[step] = true
	}
	taken := make([]bool, len(program.Steps))
	var chains [][]int
	for i := range program.Steps {
		if taken[i] {
			continue
		}
		steps := []int{i}
		for at := i; len(readers[at]) == 1 && !given[at]; {
			next := readers[at][0]
			if taken[next] || !ref.Follows(program.Steps[next].Op) {
				break
			}
			taken[next] = true
			steps = append(steps, next)
			at = next
		}
		chains = append(chains, steps)
	}
	return chains
}

// sameReads says whether steps read the same bits as in another run.
func (v *verifier) sameReads(steps []int, before []tensor.Tensor) bool {
	inside := make(map[int]bool, len(steps))
	for _, step := range steps {
		inside[step] = true
	}
	for _, step := range steps {
		for _, from := range v.lowered.Program.Steps[step].Inputs {
			if from != ir.Input && !inside[from] && !sameBits(v.outputs[from], before[from]) {
				return false
			}
		}
	}
	return true
}

func sameBits(a, b tensor.Tensor) bool {
	return slices.EqualFunc(a.Data, b.Data, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// head is the reference of a chain's first step with what it was computed of.
type head struct {
	operands []tensor.Tensor
	result   ref.Result
}

// keptElements is how many numbers of references are kept for a second use.
const keptElements = 1 << 25

// begin computes a chain's first step, or finds it computed of the same bits.
func (v *verifier) begin(step int) (ref.Result, error) {
	op, operands := v.lowered.Program.Steps[step].Op, v.operands(step, -2)
	if h, found := v.heads[step]; found && slices.EqualFunc(h.operands, operands, sameBits) {
		return h.result, nil
	}
	result, err := ref.ApplyIn(v.ctx, v.arithmetic, op, operands...)
	if err == nil && len(v.lowered.Program.Steps[step].Weights) > 0 && v.kept+len(result.Value) <= keptElements {
		v.kept += len(result.Value)
		v.heads[step] = head{operands, result}
	}
	return result, err
}
