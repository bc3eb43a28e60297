package session

import (
	"fmt"
	"slices"
	"strings"

	"tfcnn/internal/capi"
)

// workspace says what memory is that a node allocates beside its output, as
// far as its size and the operation tell.
func workspace(nodes []capi.MemoryNode, a allocation) string {
	n := nodes[a.node]
	oneDNN := strings.HasPrefix(n.Kind, "_Mkl")
	for _, o := range n.Outputs {
		if o.Slot > 0 && o.Bytes == a.bytes {
			if strings.Contains(n.Kind, "MaxPool") {
				return "oneDNN's note of where each maximum lies, one byte a number"
			}
			return fmt.Sprintf("output %d of the operation, which nobody reads", o.Slot)
		}
	}
	for i, input := range n.Inputs {
		if bytesOf(nodes, input) != a.bytes {
			continue
		}
		switch {
		case i == 1 && oneDNN:
			return "copy of the filter in oneDNN's layout"
		case i == 1:
			return "copy of the filter, its axes exchanged"
		case i == 0:
			return "copy of the input, its axes exchanged"
		}
	}
	own := slices.IndexFunc(n.Outputs, func(o capi.Buffer) bool { return o.Slot == 0 })
	switch {
	case own >= 0 && n.Outputs[own].Bytes == a.bytes:
		return "copy of the output, its axes exchanged"
	case oneDNN:
		return "oneDNN's scratchpad"
	}
	return "scratch memory of the operation"
}

// bytesOf is the size of a node's first output.
func bytesOf(nodes []capi.MemoryNode, name string) int64 {
	for _, n := range nodes {
		if n.Name == name && len(n.Outputs) > 0 {
			return n.Outputs[0].Bytes
		}
	}
	return -1
}
