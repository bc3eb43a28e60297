package proof

import (
	"context"
	"math"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Network holds runs of a network to the reference. Each output of a run is held
// to the reference of the steps that lead to it from the input and the run's other
// outputs, of which the numbers are taken as the device gave them: so errors do not
// add up from output to output, and the first that fails is the one that is wrong.
//
//	n := proof.Network{Lowered: lowered, Weights: weights}
//	parts, err := n.Hold(ctx, proof.Run{Input: batch, Steps: steps, Outputs: outputs}, nil)
//
// It is for one goroutine.
type Network struct {
	Lowered    graph.Lowered
	Weights    graph.Weights
	Arithmetic ref.Arithmetic
	// Progress, where it is not nil, is called as steps are held, of all runs
	// together.
	Progress func(steps int)

	reference ref.Propagation
	held      int
}

// Run is a batch and what a device gave of it.
type Run struct {
	Input   tensor.Tensor
	Steps   []int           // whose outputs were fetched
	Outputs []tensor.Tensor // theirs
}

// byStep gives the outputs by step.
func (r Run) byStep() map[int]tensor.Tensor {
	outputs := make(map[int]tensor.Tensor, len(r.Steps))
	for i, step := range r.Steps {
		outputs[step] = r.Outputs[i]
	}
	return outputs
}

// Part is layers whose arithmetic was held together, by the last one's output.
type Part struct {
	Layers  []int // indices into Lowered.Layers, in the network's order
	Verdict Verdict
}

// Hold gives the verdict of each output of a run, those of the same layers joined.
// A part within one layer that read and gave the same bits in an earlier run is
// left out. The error is of the reference, or ctx's.
func (n *Network) Hold(ctx context.Context, run Run, earlier *Run) ([]Part, error) {
	given := run.byStep()
	steps := slices.Sorted(slices.Values(run.Steps))
	spans := map[int][]int{}
	var wanted []int
	for _, step := range steps {
		span := n.span(step, given)
		if earlier != nil && n.layerOf(span[0]) == n.layerOf(step) && n.same(span, given, earlier.byStep()) {
			n.advance(len(span))
			continue
		}
		spans[step] = span
		wanted = append(wanted, step)
	}
	n.reference.Arithmetic, n.reference.Program, n.reference.Weights = n.Arithmetic, n.Lowered.Program, n.Weights
	verdicts := map[int]Verdict{}
	err := n.reference.Each(ctx, run.Input, given, wanted, func(step int, want ref.Result) error {
		n.advance(1)
		if spans[step] != nil {
			verdicts[step] = Compare(want, given[step])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var parts []Part
	slices.SortStableFunc(wanted, func(a, b int) int { return spans[a][0] - spans[b][0] })
	for _, step := range wanted {
		var layers []int
		for _, s := range spans[step] {
			layers = append(layers, n.layerOf(s))
		}
		layers = slices.Compact(layers)
		verdict := verdicts[step]
		if last := len(parts) - 1; last >= 0 && slices.Equal(parts[last].Layers, layers) {
			parts[last].Verdict = parts[last].Verdict.Merge(verdict, 0)
		} else {
			parts = append(parts, Part{layers, verdict})
		}
	}
	return parts, nil
}

func (n *Network) advance(steps int) {
	n.held += steps
	if n.Progress != nil {
		n.Progress(n.held)
	}
}

// span lists the steps that lead to a step from numbers that are given, that step
// last.
func (n *Network) span(step int, given map[int]tensor.Tensor) []int {
	inside := map[int]bool{}
	var visit func(at int)
	visit = func(at int) {
		if inside[at] {
			return
		}
		inside[at] = true
		for _, from := range n.Lowered.Program.Steps[at].Inputs {
			if _, known := given[from]; !known && from != ir.Input {
				visit(from)
			}
		}
	}
	visit(step)
	var list []int
	for s := range inside {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

// same reports whether a span read and gave the same bits in another run of the
// same batch.
func (n *Network) same(span []int, given, earlier map[int]tensor.Tensor) bool {
	last := span[len(span)-1]
	for _, step := range span {
		for _, from := range n.Lowered.Program.Steps[step].Inputs {
			if x, known := given[from]; known && !sameBits(x, earlier[from]) {
				return false
			}
		}
	}
	return sameBits(given[last], earlier[last])
}

func sameBits(a, b tensor.Tensor) bool {
	return slices.EqualFunc(a.Data, b.Data, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// layerOf is the layer that a step belongs to.
func (n *Network) layerOf(step int) int {
	i, _ := slices.BinarySearchFunc(n.Lowered.Layers, step, func(layer graph.LoweredLayer, step int) int { return layer.Last - step })
	return i
}

// LayerSteps lists the steps to fetch in order to hold each layer by itself: all
// but those that an operation follows, in the same layer, which TensorFlow may
// compute in the same call.
func (n *Network) LayerSteps() []int {
	steps := n.Lowered.Program.Steps
	var list []int
	for i := range steps {
		if last := i+1 == len(steps); last || n.layerOf(i) != n.layerOf(i+1) || !steps[i+1].Op.Traits().Fusable {
			list = append(list, i)
		}
	}
	return list
}

// ChainSteps lists the steps to fetch in order to hold a network as it runs when
// nothing that lies between layers is fetched: the ends of chains. A chain goes on
// where only one step reads its last, the network does not output that, and the
// reader is of a kind that TensorFlow may compute together with what comes before.
// across reports whether a chain goes through more than one layer.
func (n *Network) ChainSteps() (ends []int, across bool) {
	steps := n.Lowered.Program.Steps
	readers := make([][]int, len(steps))
	for i, step := range steps {
		for _, from := range step.Inputs {
			if from != ir.Input {
				readers[from] = append(readers[from], i)
			}
		}
	}
	output := make([]bool, len(steps))
	for _, layer := range n.Lowered.Outputs {
		output[n.Lowered.Layers[layer].Last] = true
	}
	taken := make([]bool, len(steps))
	for first := range steps {
		if taken[first] {
			continue
		}
		end := first
		for len(readers[end]) == 1 && !output[end] {
			next := readers[end][0]
			if taken[next] || !steps[next].Op.Traits().Fusable {
				break
			}
			taken[next] = true
			end = next
		}
		ends = append(ends, end)
		across = across || n.layerOf(first) != n.layerOf(end)
	}
	return ends, across
}
