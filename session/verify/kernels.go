package verify

import (
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/internal/trace"
)

// record enters the kernels and nodes of the runs whose numbers were compared, without
// those of layers: of the ends of chains, and of the network's outputs as Run returns
// them.
func (v *verifier) record() error {
	if v.result.Images == 0 {
		return nil
	}
	ends, _ := v.network.ChainSteps()
	var outputs []int
	for _, i := range v.lowered.Outputs {
		outputs = append(outputs, v.lowered.Layers[i].Last)
	}
	for _, steps := range [][]int{ends, outputs} {
		_, record, err := v.session.Fetch(v.ctx, v.batch, steps)
		if err != nil {
			return err
		}
		v.ran(record)
		v.addNodes(record)
	}
	return nil
}

// ran enters the kernels of a run.
func (v *verifier) ran(record trace.Record) {
	v.addNodes(record)
	v.result.Kernels = append(v.result.Kernels, kernels(record, v.lowered)...)
	slices.Sort(v.result.Kernels)
	v.result.Kernels = slices.Compact(v.result.Kernels)
}

// kernels returns the kernels of a run, each with the operations that it computed, as
// "_FusedConv2D: conv2d, batch_norm, relu". A layer without a kernel of its own was
// computed with the layer that reads it. The kernels of one layer stand together.
func kernels(record trace.Record, lowered graph.Lowered) []string {
	ran := map[string][]string{}
	for _, n := range record.Nodes {
		if n.Arithmetic() && n.Layer != "" && !slices.Contains(ran[n.Layer], n.Op) {
			ran[n.Layer] = append(ran[n.Layer], n.Op)
		}
	}
	// operations lists those of a layer, and of the layers before it that ran with it.
	var operations func(i int) []string
	operations = func(i int) (list []string) {
		layer := lowered.Layers[i]
		for _, name := range layer.From {
			if from, err := lowered.Layer(name); err == nil && ran[name] == nil {
				list = append(list, operations(from)...)
			}
		}
		for _, step := range lowered.Program.Steps[layer.First : layer.Last+1] {
			if !step.Op.Traits().NoArithmetic {
				list = append(list, step.Op.Kind())
			}
		}
		return list
	}
	var list []string
	for i, layer := range lowered.Layers {
		if names := ran[layer.Name]; names != nil {
			slices.Sort(names)
			list = append(list, strings.Join(names, " + ")+": "+strings.Join(operations(i), ", "))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
