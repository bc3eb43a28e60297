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

// Network compares runs of a network with the reference. The reference of an output
// starts from the input and from the run's other outputs, with the numbers that the
// device gave: so errors do not add up from output to output, and the first output
// that fails is wrong itself (claim 26: Layers by themselves).
//
//	n := proof.Network{Lowered: lowered, Weights: weights}
//	parts, err := n.Compare(ctx, proof.Run{Input: batch, Steps: steps, Outputs: outputs}, nil)
//
// It is for one goroutine.
type Network struct {
	Lowered    graph.Lowered
	Weights    graph.Weights
	Arithmetic ref.Arithmetic
	// Levels are ref.JudgeLevels where batch and weights were drawn with random signs.
	Levels ref.Levels
	// Progress, where it is not nil, is called with the number of steps that were
	// compared, of all runs together.
	Progress func(steps int)

	reference ref.Propagation
	compared  int
}

// Run is a batch and the outputs that a device gave.
type Run struct {
	Input   tensor.Tensor
	Steps   []int           // the steps that were fetched
	Outputs []tensor.Tensor // of Steps
}

// byStep returns the outputs by step.
func (r Run) byStep() map[int]tensor.Tensor {
	outputs := make(map[int]tensor.Tensor, len(r.Steps))
	for i, step := range r.Steps {
		outputs[step] = r.Outputs[i]
	}
	return outputs
}

// Part is layers whose arithmetic was compared together, by the last layer's output.
type Part struct {
	Layers  []int // indices into Lowered.Layers, in the network's order
	Steps   []int // of the run's, whose outputs were compared
	Verdict Verdict
}

// Compare returns the verdict of each output of a run, those of the same layers
// merged. A part within one layer that read and gave the same bits in an earlier run
// is left out. The error is of the reference, or ctx's.
func (n *Network) Compare(ctx context.Context, run Run, earlier *Run) ([]Part, error) {
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
	n.reference.Levels = n.Levels
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
			parts[last].Steps = append(parts[last].Steps, step)
			parts[last].Verdict = parts[last].Verdict.Merge(verdict, 0)
		} else {
			parts = append(parts, Part{layers, []int{step}, verdict})
		}
	}
	return parts, nil
}

func (n *Network) advance(steps int) {
	n.compared += steps
	if n.Progress != nil {
		n.Progress(n.compared)
	}
}

// span lists the steps that lead to a step from given outputs, that step last.
func (n *Network) span(step int, given map[int]tensor.Tensor) []int {
	found := map[int]bool{}
	var visit func(at int)
	visit = func(at int) {
		if found[at] {
			return
		}
		found[at] = true
		for _, from := range n.Lowered.Program.Steps[at].Inputs {
			if _, known := given[from]; !known && from != ir.Input {
				visit(from)
			}
		}
	}
	visit(step)
	var list []int
	for s := range found {
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

// layerOf returns the layer that a step belongs to.
func (n *Network) layerOf(step int) int {
	i, _ := slices.BinarySearchFunc(n.Lowered.Layers, step, func(layer graph.LoweredLayer, step int) int { return layer.Last - step })
	return i
}

// LayerSteps lists the steps to fetch in order to compare each layer by itself. Left
// out is a step before an operation of the same layer that TensorFlow may compute in
// the same call.
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

// ChainSteps lists the steps to fetch in order to compare a network as it runs when
// no output between layers is fetched: the ends of chains. A step's chain goes on where
// only one step reads it, the network does not output it, and TensorFlow may compute the
// reader's operation together with those before it (claim 27: Layers that run as one).
// Several chains may go on into one step, as into a sum. across reports whether a chain has steps of more than one layer.
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
	for i, step := range steps {
		if output[i] || len(readers[i]) != 1 || !joins(step.Op, steps[readers[i][0]].Op) {
			ends = append(ends, i)
		} else if n.layerOf(i) != n.layerOf(readers[i][0]) {
			across = true
		}
	}
	return ends, across
}

// joins reports whether TensorFlow may compute an operation and the operation that reads
// it together.
func joins(op, reader ir.Op) bool {
	traits := reader.Traits()
	return traits.Fusable || traits.MultiplyAccumulate && op.Traits().FusableAhead
}
