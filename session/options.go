package session

import (
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
)

// Options says where and how a session runs. The zero value works.
type Options struct {
	// Device is "auto" (a GPU where TensorFlow has one, else the CPU), "cpu",
	// "gpu" (the first) or "gpu:N", in upper or lower case. Empty: "auto". A GPU
	// that is asked for and not there is an error that wraps ErrNoDevice.
	Device string
	// Executor is how TensorFlow walks through the graph. Empty: Single on the
	// CPU, Parallel on a GPU.
	Executor Executor
	// Threads is how many threads share the work of one operation, in a pool of
	// the session's own, which needs the import of package session/tuned. 0: the
	// threads of the process (Process.IntraOpThreads); but in a program with that
	// import, batches whose operations are too small to gain by sharing run on the
	// thread that calls, which a network of a few small layers does ten times as fast.
	// Sizes of batches of both kinds cost the constants' memory twice, and each
	// pool has a thread at least that sleeps when it has no work. With
	// another number of threads results may differ in their last bits; and oneDNN
	// may run a layer by what it has prepared for another session's of the same
	// shapes, as many threads as that one has. It is for
	// the CPU, and the Parallel executor does not run batches so by itself.
	Threads int
	// Compute is the type of the network's arithmetic; what goes in and comes
	// out is float32. Empty: float32, the only one that Verify has bounds for.
	Compute graph.DType
	// Weights is where the weights are kept. Empty: Auto.
	Weights WeightStore
	// Limit bounds the runs and the bytes in flight. Without it a session lets
	// twice as many runs into TensorFlow at once as there are cores to Go
	// (GOMAXPROCS); the others wait in the order in which they came.
	Limit *Limit
	// Batching joins calls of few pictures; the zero value does not.
	Batching Batching
	// WarmUp lists sizes of batches that Open runs once, on zeros, so that no
	// later run of that size is a first one: TensorFlow's optimizer, oneDNN's
	// layouts of the weights and the kernels for that size are then ready; on a
	// GPU its context, what is compiled of PTX, and cuDNN's search for the fastest
	// algorithms, which is made for each size. Nil runs none, on a GPU too: the
	// search takes seconds, and one picture's serves no other size.
	WarmUp []int
}

// Executor is how TensorFlow walks through a graph.
type Executor string

// The executors. Single runs a network's operations one after the other, on
// the thread that calls; each operation is still split over the session's threads
// (Options.Threads). Parallel hands operations that are ready to the inter-op
// threads, which costs some 20 to 200 microseconds a run and pays where a
// network has branches of small operations and the machine idle cores.
const (
	Single   Executor = "single"
	Parallel Executor = "parallel"
)

// WeightStore is where a session keeps a network's weights.
type WeightStore string

// The stores. Constants are part of the graph: oneDNN keeps a copy in its own
// layout (without it, some convolutions of one picture take ten times as
// long), a GPU has them on its side, but each first run copies them some times.
// Fed weights lie beside the graph and are handed to each run without a copy.
// Auto makes constants of all but the filters of Dense layers of more than four
// million numbers on the CPU, whose time goes into reading them either way.
const (
	Auto      WeightStore = ""
	Constants WeightStore = "constants"
	Fed       WeightStore = "fed"
)

// largestDense is the most numbers of a Dense filter that Auto makes a
// constant, smallest the most of any weight that Fed does: those are folded
// into the kernels of others.
const (
	largestDense = 1 << 22
	smallest     = 1 << 10
)

// settle fills in what depends on the device, and refuses what is unknown.
func (o Options) settle() (Options, tensorflow.Settings, error) {
	s, err := tensorflow.Options{Device: o.Device, Executor: tensorflow.Executor(o.Executor), Threads: o.Threads}.Resolve()
	if err != nil {
		return o, s, fmt.Errorf("session: %w", err)
	}
	o.Executor = Executor(s.Executor)
	if o.Compute == "" {
		o.Compute = graph.Float32
	}
	switch {
	case o.Compute.Bytes() == 0:
		return o, s, fmt.Errorf("session: compute is %s, want %q, %q, %q or nothing", quote.Name(string(o.Compute)), graph.Float32, graph.BFloat16, graph.Float16)
	case !slices.Contains([]WeightStore{Auto, Constants, Fed}, o.Weights):
		return o, s, fmt.Errorf("session: weights are to be %s, want %q, %q or nothing", quote.Name(string(o.Weights)), Constants, Fed)
	}
	if o.Batching, err = o.Batching.settle(); err != nil {
		return o, s, err
	}
	if l := o.Limit; l != nil && min(int64(l.runs), l.bytes) < 0 {
		return o, s, fmt.Errorf("session: limit: got %d runs and %d bytes, want 0 or more", l.runs, l.bytes)
	}
	for _, n := range o.WarmUp {
		if n < 1 {
			return o, s, fmt.Errorf("session: warm-up of %d pictures, want 1 or more", n)
		}
	}
	return o, s, nil
}

// constant says whether a weight of an operation becomes a constant.
func (o Options) constant(device, kind string, numbers int) bool {
	switch {
	case o.Weights == Constants || device != tensorflow.CPU:
		return true
	case o.Weights == Fed:
		return numbers <= smallest
	}
	return kind != "dense" || numbers <= largestDense
}

// dataType is TensorFlow's name of a type.
func dataType(d graph.DType) tf.DataType {
	return map[graph.DType]tf.DataType{graph.Float32: tf.Float, graph.BFloat16: tf.Bfloat16, graph.Float16: tf.Half}[d]
}
