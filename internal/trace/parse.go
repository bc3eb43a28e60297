package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// Parse reads a RunMetadata message of a network with these layers.
func Parse(metadata []byte, layers Layers) (Record, error) {
	var message for_core_protos_go_proto.RunMetadata
	if err := proto.Unmarshal(metadata, &message); err != nil {
		return Record{}, fmt.Errorf("trace: run metadata: %w", err)
	}
	graph := graphNodes(message.GetPartitionGraphs())
	var list []Node
	for _, device := range message.GetStepStats().GetDevStats() {
		name := device.GetDevice()
		if at := strings.Index(name, "/device:"); at >= 0 {
			name = name[at:]
		}
		read := func(n *step_stats_go_proto.NodeExecStats) Node { return executorNode(n, name, graph) }
		if isTracerDevice(name) {
			stream, is := streamName(name)
			if !is {
				continue
			}
			read = func(n *step_stats_go_proto.NodeExecStats) Node { return streamNode(n, stream) }
		}
		for _, n := range device.GetNodeStats() {
			list = append(list, read(n))
		}
	}
	assignNodes(list)
	for i := range list {
		list[i].Layer = layers.OfNode(list[i].Name)
	}
	slices.SortStableFunc(list, func(a, b Node) int { return cmp.Compare(a.Start, b.Start) })
	return Record{Nodes: list}, nil
}

// graphNodes returns the nodes of the graphs that ran, by name.
func graphNodes(graphs []*graph_go_proto.GraphDef) map[string]*node_def_go_proto.NodeDef {
	nodes := map[string]*node_def_go_proto.NodeDef{}
	for _, g := range graphs {
		for _, n := range g.GetNode() {
			nodes[n.GetName()] = n
		}
	}
	return nodes
}

// executorNode reads an entry of TensorFlow's executor.
func executorNode(n *step_stats_go_proto.NodeExecStats, device string, graph map[string]*node_def_go_proto.NodeDef) Node {
	start := n.GetAllStartNanos()
	node := Node{
		Name: n.GetNodeName(), Op: opOf(n), Device: device,
		Ready: n.GetScheduledNanos(), Start: start,
		KernelStart: start + n.GetOpStartRelNanos(), KernelEnd: start + n.GetOpEndRelNanos(),
		End: start + n.GetAllEndRelNanos(), Allocations: allocations(n), Outputs: outputs(n),
	}
	if node.Ready == 0 || node.Ready > start {
		node.Ready = start
	}
	if def, found := graph[node.Name]; found {
		node.Op, node.Inputs = def.GetOp(), inputs(def)
	}
	return node
}

// inputs returns the nodes whose outputs a node reads, in the order of its
// operands.
func inputs(n *node_def_go_proto.NodeDef) []string {
	list := []string{}
	for _, input := range n.GetInput() {
		if strings.HasPrefix(input, "^") {
			continue // control
		}
		name, _, _ := strings.Cut(input, ":")
		list = append(list, name)
	}
	return list
}

// opOf reads the op from a node's label, "[cpu 3MB] name = Op(inputs)".
func opOf(n *step_stats_go_proto.NodeExecStats) string {
	_, label, found := strings.Cut(n.GetTimelineLabel(), " = ")
	if !found {
		return ""
	}
	op, _, _ := strings.Cut(label, "(")
	return op
}

func allocations(n *step_stats_go_proto.NodeExecStats) []Allocation {
	const micro = 1000
	var list []Allocation
	for _, allocator := range n.GetMemory() {
		for _, r := range allocator.GetAllocationRecords() {
			list = append(list, Allocation{At: micro * r.GetAllocMicros(), Bytes: r.GetAllocBytes(), Allocator: allocator.GetAllocatorName()})
		}
	}
	slices.SortStableFunc(list, func(a, b Allocation) int { return cmp.Compare(a.At, b.At) })
	return list
}

func outputs(n *step_stats_go_proto.NodeExecStats) []Output {
	var list []Output
	for _, o := range n.GetOutput() {
		t := o.GetTensorDescription()
		memory := t.GetAllocationDescription()
		output := Output{
			Slot: int(o.GetSlot()), Shape: []int{}, Type: strings.ToLower(strings.TrimPrefix(t.GetDtype().String(), "DT_")),
			Bytes: max(memory.GetRequestedBytes(), memory.GetAllocatedBytes()), Pointer: memory.GetPtr(),
		}
		for _, d := range t.GetShape().GetDim() {
			output.Shape = append(output.Shape, int(d.GetSize()))
		}
		list = append(list, output)
	}
	return list
}
