package verify

import (
	"cmp"
	"slices"
	"strings"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/trace"
)

// Node is a type of TensorFlow's operations that ran on a device. An operation that
// computes several layers in one call is listed with the last of them.
type Node struct {
	Op     string   `json:"op"` // as "_FusedConv2D"
	Device string   `json:"device"`
	Layers []string `json:"layers"` // in the network's order
}

// addNodes adds the nodes of a record to the result.
func (v *verifier) addNodes(record trace.Record) {
	nodes := v.result.Nodes
	for _, n := range record.Nodes {
		if !n.Arithmetic() || n.Layer == "" {
			continue
		}
		at := slices.IndexFunc(nodes, func(k Node) bool { return k.Op == n.Op && k.Device == n.Device })
		if at < 0 {
			at = len(nodes)
			nodes = append(nodes, Node{Op: n.Op, Device: n.Device})
		}
		if !slices.Contains(nodes[at].Layers, n.Layer) {
			nodes[at].Layers = append(nodes[at].Layers, n.Layer)
		}
	}
	position := map[string]int{}
	for i, layer := range v.lowered.Layers {
		position[layer.Name] = i
	}
	for _, k := range nodes {
		slices.SortFunc(k.Layers, func(a, b string) int { return position[a] - position[b] })
	}
	// Operations of branches begin in another order from run to run.
	slices.SortFunc(nodes, func(a, b Node) int {
		return cmp.Or(strings.Compare(a.Op, b.Op), strings.Compare(a.Device, b.Device))
	})
	v.result.Nodes = nodes
}

// digest returns the sha256 of an output as a .npy file.
func digest(output tensor.Tensor) (string, error) { return proof.FileDigest(output.WriteNPY) }

// endOf returns the output of a run at the end of a part: of the last step that was
// fetched of the part's last layer.
func (v *verifier) endOf(run proof.Run, part proof.Part) (output tensor.Tensor) {
	layer := v.lowered.Layers[part.Layers[len(part.Layers)-1]]
	last := -1
	for i, step := range run.Steps {
		if step >= layer.First && step <= layer.Last && step > last {
			last, output = step, run.Outputs[i]
		}
	}
	return output
}
