// Package trace reads what TensorFlow records of a run (RunMetadata): which
// nodes ran, where, when, in which memory, and which nodes each of them read.
// There is one parser, one Record, and one place that decides to which layer of
// a network a node or a step belongs.
//
//	record, err := trace.Run(trace.Nodes, layers, func(options []byte) ([]byte, error) {
//		return call.RunRecorded(options, nil)
//	})
//	for _, n := range record.Nodes {
//		fmt.Println(n.Layer, n.Op, n.Device, n.KernelEnd-n.KernelStart)
//	}
package trace

import (
	"slices"
	"strings"
	"time"
)

// Record is what TensorFlow recorded of one run.
type Record struct {
	Nodes []Node        // in the order in which they began
	Call  time.Duration // of the whole call that made the run, without reading the record
}

// Node is an entry of a Record: of TensorFlow's executor, or with Work of a GPU's
// own tracer. Times are nanoseconds since 1970. Entries of the executor itself,
// as _SOURCE, are there too. No entry names a thread: TensorFlow leaves that
// field empty.
type Node struct {
	Name   string
	Op     string // TensorFlow's, as "_FusedConv2D"; "" where the record has none
	Device string // as "/device:CPU:0", with Work "/device:GPU:0/stream:13"
	Layer  string // the layer that it belongs to, "" for none
	// Ready is when all that the node waits for was there; Start when the
	// executor took it up, End when it was done with it; the kernel computed
	// from KernelStart to KernelEnd. On a GPU the kernel of an executor's entry
	// is the launch on the host.
	Ready, Start, KernelStart, KernelEnd, End int64

	// Inputs are the names of the nodes that it reads in the graph that ran, after
	// TensorFlow's optimizer; nil unless the level is Graph.
	Inputs      []string
	Outputs     []Output
	Allocations []Allocation // in the order of time
	Work        *Work        // nil for an entry of the executor
}

// Output is one output of a node. Two outputs with one Pointer share memory.
type Output struct {
	Slot    int
	Shape   []int  // as [1 28 28 6]
	Type    string // as "float"
	Bytes   int64
	Pointer uint64
}

// Allocation is memory that an allocator gave a node, or with fewer than 0 bytes
// took back.
type Allocation struct {
	At        int64 // nanoseconds since 1970, in whole microseconds
	Bytes     int64
	Allocator string // as "cpu", "mklcpu"
}

// Work is a kernel or a copy that ran on one of a GPU's streams, as CUPTI,
// NVIDIA's tracer, told TensorFlow. Name and Op of its Node are those of the
// node that launched it, "" where TensorFlow does not tell. Its times are whole
// microseconds.
type Work struct {
	Kernel string // CUDA's name of the kernel, "MemcpyH2D" and the like for a copy
	// Copy is the direction of a copy, "" for a kernel; Bytes its size, and Pinned
	// reports that its memory on the host is page-locked. Bytes and Pinned come
	// from the entry's label and are zero where that does not tell.
	Copy   Direction
	Bytes  int64
	Pinned bool
	// ByTime reports that the entry names no node, so that its node is the one
	// whose launch lies at the time at which this was launched.
	ByTime bool

	launched int64 // nanoseconds since the trace began; 0 where it is not told
}

// Direction is where a copy goes, by TensorFlow's names.
type Direction string

// The directions of a copy from or to the host; "D2D" and "P2P" are those on a
// card and between two.
const (
	HostToDevice Direction = "H2D"
	DeviceToHost Direction = "D2H"
)

// OnCard reports whether the work keeps the card busy with something else than a
// copy from or to the host.
func (w Work) OnCard() bool { return w.Copy != HostToDevice && w.Copy != DeviceToHost }

// Computes reports whether the node's times are those of arithmetic: of its
// kernel on the CPU, or on a GPU of what ran there for it.
func (n Node) Computes() bool {
	if n.Work != nil {
		return n.Work.OnCard()
	}
	return n.Arithmetic() && !n.Launches()
}

// Launches reports whether the node's times are those of starting kernels on a
// GPU.
func (n Node) Launches() bool { return n.Work == nil && strings.HasPrefix(n.Device, "/device:GPU:") }

// withoutArithmetic are TensorFlow's operations that compute nothing: they may
// run on any device.
var withoutArithmetic = []string{"", "Const", "HostConst", "Identity", "NoOp", "Placeholder", "Shape", "_Arg", "_Retval", "_HostSend", "_HostRecv"}

// Arithmetic reports whether the entry is of an executor's node that computes, or
// has a GPU compute. Names that begin with an underscore are the executor's own.
func (n Node) Arithmetic() bool {
	return n.Work == nil && !strings.HasPrefix(n.Name, "_") && !slices.Contains(withoutArithmetic, n.Op)
}

// First returns the node's first output, zero where it has none.
func (n Node) First() Output {
	for _, o := range n.Outputs {
		if o.Slot == 0 {
			return o
		}
	}
	return Output{}
}

// Allocated returns the bytes that allocators gave the node.
func (n Node) Allocated() int64 {
	sum := int64(0)
	for _, a := range n.Allocations {
		sum += max(0, a.Bytes)
	}
	return sum
}

// Span returns the time from the moment when the first node was ready until the
// last was done; 0 and 0 for a record without nodes.
func (r Record) Span() (from, to int64) {
	for i, n := range r.Nodes {
		if i == 0 || n.Ready < from {
			from = n.Ready
		}
		if i == 0 || n.End > to {
			to = n.End
		}
	}
	return from, to
}

// HasGPUTrace reports whether a GPU's tracer took part in the record.
func (r Record) HasGPUTrace() bool {
	return slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Work != nil })
}
