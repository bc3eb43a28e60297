package trace

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// Level is the extent of TensorFlow's record of a run.
type Level int

// The levels. Nodes records the nodes, by TensorFlow's executors, at little cost; times
// on a GPU are those of starting kernels. Graph also records the graphs that ran, with
// their constants: each such run takes the constants' memory several times. Kernels
// records the nodes, and each kernel and copy on a GPU's streams by the GPU's own
// tracer, which slows the run.
const (
	Nodes Level = iota + 1
	Graph
	Kernels
)

// Run makes one run that TensorFlow records: it calls run, which takes a RunOptions
// message and returns the RunMetadata message of its run, of a network with these
// layers.
func Run(level Level, layers Layers, run func(options []byte) (metadata []byte, err error)) (Record, error) {
	options := for_core_protos_go_proto.RunOptions{OutputPartitionGraphs: level == Graph}
	switch level {
	case Nodes, Graph:
		options.TraceLevel = for_core_protos_go_proto.RunOptions_SOFTWARE_TRACE
	case Kernels:
		options.TraceLevel = for_core_protos_go_proto.RunOptions_FULL_TRACE
	default:
		return Record{}, fmt.Errorf("trace: level is %d, want Nodes, Graph or Kernels", level)
	}
	text, err := proto.Marshal(&options)
	if err != nil {
		return Record{}, fmt.Errorf("trace: run options: %w", err)
	}
	begun := time.Now()
	metadata, err := run(text)
	took := time.Since(begun)
	if err != nil {
		return Record{}, err
	}
	r, err := Parse(metadata, layers)
	r.Call = took
	return r, err
}
