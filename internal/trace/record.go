// Package trace reads TensorFlow's record of a run (RunMetadata): the nodes that ran,
// with their devices, times, memory and inputs, and the layer of each node.
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

// Record is TensorFlow's record of one run.
type Record struct {
	Nodes []Node        // in the order in which they began
	Call  time.Duration // of the whole call that made the run, without reading the record
}

// Node is an entry of a Record, from TensorFlow's executor, or with Work from a GPU's
// own tracer. Times are nanoseconds since 1970. The record includes entries of the
// executor itself, as _SOURCE. No entry names a thread: TensorFlow leaves that field
// empty.
type Node struct {
	Name   string
	Op     string // TensorFlow's, as "_FusedConv2D"; "" where the record has none
	Device string // as "/device:CPU:0", with Work "/device:GPU:0/stream:13"
	Layer  string // the layer that it belongs to, "" for none
	// Ready is the time at which all inputs of the node were there, Start and End are
	// the times of the executor's work on it, KernelStart and KernelEnd those of its
	// kernel. On a GPU the kernel of an executor's entry is the launch on the host.
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

// Allocation is memory that an allocator gave to a node; negative bytes are memory that
// it took back.
type Allocation struct {
	At        int64 // nanoseconds since 1970, in whole microseconds
	Bytes     int64
	Allocator string // as "cpu", "mklcpu"
}

// Work is a kernel or a copy that ran on a GPU's stream, from CUPTI, NVIDIA's tracer.
// Name and Op of its Node are those of the node that launched it, or "" where
// TensorFlow does not record it. Its times are whole microseconds.
type Work struct {
	Kernel string // CUDA's name of the kernel, "MemcpyH2D" and the like for a copy
	// Copy is the direction of a copy, "" for a kernel; Bytes is its size, and Pinned
	// reports that its memory on the host is page-locked. Bytes and Pinned come from the
	// entry's label and are zero where the label has neither.
	Copy   Direction
	Bytes  int64
	Pinned bool
	// ByTime reports that the entry names no node: the Node is the one whose launch was
	// under way when the work was launched.
	ByTime bool

	launched int64 // nanoseconds since the trace began; 0 where it is not recorded
}

// Direction is the direction of a copy, by TensorFlow's names.
type Direction string

// The directions of a copy from or to the host; "D2D" and "P2P" are those on a
// card and between two.
const (
	HostToDevice Direction = "H2D"
	DeviceToHost Direction = "D2H"
)

// OnCard reports whether the work is a kernel, or a copy that does not involve the host.
func (w Work) OnCard() bool { return w.Copy != HostToDevice && w.Copy != DeviceToHost }

// Computes reports whether the node's times are those of arithmetic: of its kernel on
// the CPU, or of its work on a GPU.
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

// Arithmetic reports whether the entry is an executor's node that computes on the CPU
// or launches kernels. Names that begin with an underscore are the executor's own.
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
