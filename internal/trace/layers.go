package trace

import (
	"slices"
	"strings"
)

// Layers are the layers of a network, in order. OfNode and OfStep return the layer of a
// TensorFlow node and of a step of the network's program.
type Layers struct {
	names []string
	last  []int // the layers' last steps
}

// Add appends a layer whose last step is last. Its first step is the one behind
// the last of the layer before.
func (l *Layers) Add(name string, last int) {
	l.names, l.last = append(l.names, name), append(l.last, last)
}

// OfStep returns the index of the layer that a step belongs to.
func (l Layers) OfStep(step int) int {
	i, _ := slices.BinarySearch(l.last, step)
	return i
}

// OfNode returns the layer that a node belongs to, "" for none. A node's name begins
// with its layer's name. TensorFlow's optimizer prefixes some names, as with
// "ConstantFolding/", and names a fused node after the last of its nodes.
func (l Layers) OfNode(name string) string {
	for part := range strings.SplitSeq(name, "/") {
		if slices.Contains(l.names, part) {
			return part
		}
	}
	return ""
}

// Reads returns the layers whose kernels a layer's kernels read in the graph that ran,
// in the record's order. input reports whether they read a node that is neither a
// layer's kernel nor a constant, as the network's input. The record's level is Graph.
func (r Record) Reads(layer string) (from []string, input bool) {
	nodes := make(map[string]Node, len(r.Nodes))
	for _, n := range r.Nodes {
		if n.Work == nil {
			nodes[n.Name] = n
		}
	}
	visited := map[string]bool{}
	var visit func(names []string)
	visit = func(names []string) {
		for _, name := range names {
			if visited[name] {
				continue
			}
			visited[name] = true
			switch n, found := nodes[name]; {
			case !found: // TensorFlow records no _Recv
				input = true
			case n.Arithmetic() && n.Layer != "" && n.Layer != layer:
				if !slices.Contains(from, n.Layer) {
					from = append(from, n.Layer)
				}
			case len(n.Inputs) > 0:
				visit(n.Inputs)
			case n.Op != "Const" && n.Op != "HostConst":
				input = true
			}
		}
	}
	for _, n := range r.Nodes {
		if n.Layer == layer && n.Arithmetic() {
			visit(n.Inputs)
		}
	}
	return from, input
}
