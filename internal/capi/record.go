package capi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// NodeRecord is what TensorFlow recorded of a node in one run. Times are
// nanoseconds since 1970. Those of the executor's own, as _SOURCE, are there
// too. No thread is named: TensorFlow leaves that field empty.
type NodeRecord struct {
	Name   string
	Kind   string // TensorFlow's op, as "_FusedConv2D"; "" where the record lacks it
	Device string // as "/device:CPU:0"
	// Ready is when all that the node waits for was there; Start when the
	// executor took it up, End when it was done with it; the kernel computed
	// from KernelStart to KernelEnd.
	Ready, Start, KernelStart, KernelEnd, End int64
	// Changes are what it allocated and gave back; see MemoryNode.
	Changes []MemoryChange
	// Shape and Type are its first output's, as [1 28 28 6] and "float"; nil
	// and "" where it has none.
	Shape []int
	Type  string
	// Work is what a GPU's own tracer told, nil for an entry of the executor. Name
	// and Kind are then those of the node that it was launched for, "" where
	// TensorFlow does not tell.
	Work *StreamWork
}

// RunProfiled is Run with a record of every node, and with onGPU of each kernel
// and copy on a GPU's streams, by its own tracer. seen is called when the results
// are there, before the record is read.
func (r *Runner) RunProfiled(onGPU bool, seen func(), in, out []Value) ([]NodeRecord, error) {
	level := for_core_protos_go_proto.RunOptions_SOFTWARE_TRACE
	if onGPU {
		level = for_core_protos_go_proto.RunOptions_FULL_TRACE
	}
	text, err := r.runRecorded(&for_core_protos_go_proto.RunOptions{TraceLevel: level}, in, out)
	if err != nil {
		return nil, err
	}
	seen()
	return nodeRecords(text)
}

func (r *Runner) runRecorded(options *for_core_protos_go_proto.RunOptions, in, out []Value) ([]byte, error) {
	text, err := proto.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("capi: run options: %w", err)
	}
	return r.RunWith(text, in, out)
}

// Node is one node as TensorFlow really ran it. Nodes may be fused or split
// by TensorFlow's optimizer; what comes of a node keeps its name's beginning.
type Node struct {
	Name   string
	Kind   string // TensorFlow's op, as "Conv2D"; "" where the trace lacks it
	Device string // as "/device:GPU:0"
	Time   time.Duration
}

// NodesTrace is the RunOptions message that has the executors record the nodes
// that run: it costs little, and times on a GPU are those of starting kernels.
func NodesTrace() []byte {
	text, err := proto.Marshal(&for_core_protos_go_proto.RunOptions{TraceLevel: for_core_protos_go_proto.RunOptions_SOFTWARE_TRACE})
	if err != nil {
		panic(err) // of a message without strings
	}
	return text
}

// TracedNodes reads a RunMetadata. Names that begin with an underscore are of
// the executor's own.
func TracedNodes(text []byte) ([]Node, error) {
	var metadata for_core_protos_go_proto.RunMetadata
	if err := proto.Unmarshal(text, &metadata); err != nil {
		return nil, fmt.Errorf("capi: run metadata: %w", err)
	}
	var nodes []Node
	for _, device := range metadata.GetStepStats().GetDevStats() {
		name := device.GetDevice()
		if at := strings.Index(name, "/device:"); at >= 0 {
			name = name[at:]
		}
		for _, n := range device.GetNodeStats() {
			if strings.HasPrefix(n.GetNodeName(), "_") {
				continue
			}
			node := Node{Name: n.GetNodeName(), Device: name, Time: time.Duration(n.GetOpEndRelNanos() - n.GetOpStartRelNanos())}
			// The label is "name = Kind(inputs)".
			if _, label, found := strings.Cut(n.GetTimelineLabel(), " = "); found {
				node.Kind, _, _ = strings.Cut(label, "(")
			}
			nodes = append(nodes, node)
		}
	}
	return nodes, nil
}

// nodeRecords reads a RunMetadata, the nodes in the order in which they began.
func nodeRecords(text []byte) ([]NodeRecord, error) {
	var metadata for_core_protos_go_proto.RunMetadata
	if err := proto.Unmarshal(text, &metadata); err != nil {
		return nil, fmt.Errorf("capi: run metadata: %w", err)
	}
	var list []NodeRecord
	for _, device := range metadata.GetStepStats().GetDevStats() {
		name := device.GetDevice()
		if at := strings.Index(name, "/device:"); at >= 0 {
			name = name[at:]
		}
		if ofTracer(name) {
			if of, is := stream(name); is {
				for _, n := range device.GetNodeStats() {
					list = append(list, streamRecord(n, of))
				}
			}
			continue
		}
		for _, n := range device.GetNodeStats() {
			start := n.GetAllStartNanos()
			r := NodeRecord{
				Name: n.GetNodeName(), Kind: kindOf(n), Device: name,
				Ready: n.GetScheduledNanos(), Start: start,
				KernelStart: start + n.GetOpStartRelNanos(), KernelEnd: start + n.GetOpEndRelNanos(),
				End: start + n.GetAllEndRelNanos(), Changes: changes(n),
			}
			if r.Ready == 0 || r.Ready > start {
				r.Ready = start
			}
			for _, o := range n.GetOutput() {
				if o.GetSlot() == 0 {
					r.describe(o)
				}
			}
			list = append(list, r)
		}
	}
	attribute(list)
	slices.SortStableFunc(list, func(a, b NodeRecord) int { return cmp.Compare(a.Start, b.Start) })
	return list, nil
}

func (r *NodeRecord) describe(o *step_stats_go_proto.NodeOutput) {
	t := o.GetTensorDescription()
	r.Type = strings.ToLower(strings.TrimPrefix(t.GetDtype().String(), "DT_"))
	r.Shape = []int{}
	for _, d := range t.GetShape().GetDim() {
		r.Shape = append(r.Shape, int(d.GetSize()))
	}
}

// kindOf reads the op from a node's label, "[cpu 3MB] name = Kind(inputs)".
func kindOf(n *step_stats_go_proto.NodeExecStats) string {
	_, label, found := strings.Cut(n.GetTimelineLabel(), " = ")
	if !found {
		return ""
	}
	kind, _, _ := strings.Cut(label, "(")
	return kind
}
