package profile

import (
	"fmt"
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/internal/trace"
)

// kept sums up, by operation, memory that is no output and was not freed: oneDNN keeps
// constant filters in a layout of its own.
func kept(nodes []trace.Node) []Difference {
	var list []Difference
	for _, a := range allocations(nodes) {
		n := nodes[a.node]
		if a.to != forever || a.output {
			continue
		}
		d := Difference{Layer: n.Layer, Op: n.Op, What: "kept from the first run on, " + scratch(nodes, a), Bytes: a.bytes}
		if strings.HasPrefix(n.Op, "_Mkl") && len(n.Inputs) > 1 && a.bytes >= bytesOf(nodes, n.Inputs[1]) {
			d.What = "kept from the first run on, filters in oneDNN's layout"
		}
		at := slices.IndexFunc(list, func(other Difference) bool { return other.What == d.What })
		if at < 0 {
			list = append(list, d)
			continue
		}
		list[at].Bytes += d.Bytes
		if list[at].Layer != d.Layer {
			list[at].Layer, list[at].Op = "several", ""
		}
	}
	return list
}

// growth explains the growth of the process in a run.
func growth(lowered graph.Lowered, p peak, measured int64) Growth {
	g := Growth{Measured: measured, Recorded: p.bytes, Kernels: pastRecord(lowered, p)}
	g.Unexplained = measured - p.bytes
	for _, k := range g.Kernels {
		g.Unexplained -= k.Bytes
	}
	return g
}

// lrnDepth is the most channels with which TensorFlow's LRN computes its sums
// as a product with a matrix, which Eigen puts into memory of its own, as large
// as the output. With more channels it works in place.
const lrnDepth = 384

// pastRecord lists memory that kernels allocate and TensorFlow does not record, as far
// as it raises the peak.
func pastRecord(lowered graph.Lowered, p peak) []Difference {
	all := slices.Clone(p.all)
	for _, a := range p.all {
		n := p.nodes[a.node]
		at, err := lowered.Layer(n.Layer)
		if err != nil || n.Op != "LRN" || !a.output {
			continue
		}
		shape := lowered.Program.Steps[lowered.Layers[at].Last].Shape
		if shape[len(shape)-1] <= lrnDepth {
			// They come after the output and go before the input does.
			all = append(all, allocation{node: a.node, bytes: a.bytes, from: a.from, to: a.from})
		}
	}
	most, at := busiest(all)
	if most == p.bytes {
		return nil
	}
	n := p.nodes[all[at].node]
	return []Difference{{Layer: n.Layer, Op: n.Op, What: "Eigen's sums, as large as the output, at the peak", Bytes: most - p.bytes}}
}

// scratch names the use of memory that a node allocates beside its output, as far as
// the size and the operation tell it.
func scratch(nodes []trace.Node, a allocation) string {
	n := nodes[a.node]
	oneDNN := strings.HasPrefix(n.Op, "_Mkl")
	for _, o := range n.Outputs {
		if o.Slot > 0 && o.Bytes == a.bytes {
			if strings.Contains(n.Op, "MaxPool") {
				return "oneDNN's note of where each maximum lies, one byte a number"
			}
			return fmt.Sprintf("output %d of the operation, which no node reads", o.Slot)
		}
	}
	copies := []struct {
		what  string
		bytes int64
	}{{"input", inputBytes(nodes, n, 0)}, {"filter", inputBytes(nodes, n, 1)}, {"output", outputBytes(n)}}
	same := 0 // stretches of this size before it
	for _, change := range n.Allocations {
		if change.Bytes == a.bytes && change.At < a.from {
			same++
		}
	}
	if outputBytes(n) == a.bytes {
		same-- // the output itself
	}
	for _, c := range copies {
		if c.bytes != a.bytes {
			continue
		}
		if same > 0 {
			same--
			continue
		}
		switch {
		case oneDNN:
			return "copy of the " + c.what + " in oneDNN's layout"
		case n.Op == "Conv2D":
			return "copy of the " + c.what + ", its groups separated"
		}
		return "copy of the " + c.what
	}
	if oneDNN {
		return "oneDNN's scratchpad"
	}
	return "scratch memory of the operation"
}

func inputBytes(nodes []trace.Node, n trace.Node, i int) int64 {
	if i >= len(n.Inputs) {
		return -1
	}
	return bytesOf(nodes, n.Inputs[i])
}

// outputBytes returns the size of a node's first output, -1 where it has none.
func outputBytes(n trace.Node) int64 {
	for _, o := range n.Outputs {
		if o.Slot == 0 {
			return o.Bytes
		}
	}
	return -1
}

// bytesOf returns the size of the first output of a node by name.
func bytesOf(nodes []trace.Node, name string) int64 {
	for _, n := range nodes {
		if n.Name == name {
			return outputBytes(n)
		}
	}
	return -1
}
