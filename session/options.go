package session

import (
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
)

// Options are the device and the behaviour of a session. The zero value works.
type Options struct {
	// Device is "auto" (a GPU where TensorFlow has one, else the CPU), "cpu", "gpu" (the
	// first) or "gpu:N", in upper or lower case. Empty: "auto". Where the named GPU does
	// not exist, Open's error wraps ErrNoDevice.
	Device string
	// Executor is TensorFlow's executor. Empty: Single on the CPU, Parallel on a GPU.
	Executor Executor
	// Threads is how many threads share the work of one operation, in a pool of the
	// session's own; Threads other than 0 needs the import of package session/tuned and
	// applies to the CPU only. With 0, operations use the threads of the process
	// (process.Options.IntraOpThreads); but in a program with that import, batches whose
	// operations are too small to gain by sharing run on the thread that calls, unless
	// Executor is Parallel: a network of a few small layers is ten times as fast then. A
	// session with batch sizes of both kinds keeps the constants twice; and each pool has
	// at least one thread, which sleeps when it has no work.
	//
	// Another number of threads may change the last bits of results. oneDNN may run a
	// layer by a plan that it has prepared for another session's layer of the same
	// shapes, with as many threads as that session has.
	Threads int
	// Compute is the type of the network's arithmetic; input and outputs are float32.
	// Empty: float32, the only type with bounds in package session/verify.
	Compute graph.DType
	// Weights is the store of the weights. Empty: Auto.
	Weights WeightStore
	// Limit bounds the runs and the bytes in flight. With or without a Limit, at most
	// twice GOMAXPROCS runs of a session are in TensorFlow at once; further runs wait in
	// the order of their calls.
	Limit *Limit
	// Batching lets calls of few images share runs; the zero value does not.
	Batching Batching
	// WarmUp lists sizes of batches that Open runs once, on zeros, so that no
	// later run of that size is a first one: TensorFlow's optimizer, oneDNN's
	// layouts of the weights and the kernels for that size are then ready; on a
	// GPU its context, what is compiled of PTX, and cuDNN's search for the fastest
	// algorithms, which is made for each size. Nil runs none, on a GPU too: the
	// search takes seconds, and one image's serves no other size.
	WarmUp []int
}

// Executor names one of TensorFlow's executors.
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

// WeightStore names the place of a network's weights in TensorFlow.
type WeightStore string

// The stores. Constants are part of the graph: oneDNN keeps a copy in its own
// layout (without it, some convolutions of one image take ten times as
// long), a GPU has them on its side, but each first run copies them some times.
// Fed weights lie beside the graph and are handed to each run without a copy.
// Auto makes constants of all but the filters of Dense layers of more than four
// million numbers on the CPU, whose time goes into reading them either way.
const (
	Auto      WeightStore = ""
	Constants WeightStore = "constants"
	Fed       WeightStore = "fed"
)

// Auto makes constants of Dense filters of at most largestDense numbers. Fed makes
// constants of weights of at most smallest numbers, as TensorFlow folds them into other
// kernels.
const (
	largestDense = 1 << 22
	smallest     = 1 << 10
)

// withDefaults checks the options and sets the defaults, some of which depend on the device.
func (o Options) withDefaults() (Options, tensorflow.Settings, error) {
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
		return o, s, fmt.Errorf("session: unknown Compute %s, want %q, %q, %q or nothing", quote.Name(string(o.Compute)), graph.Float32, graph.BFloat16, graph.Float16)
	case !slices.Contains([]WeightStore{Auto, Constants, Fed}, o.Weights):
		return o, s, fmt.Errorf("session: unknown WeightStore %s, want %q, %q or nothing", quote.Name(string(o.Weights)), Constants, Fed)
	}
	if o.Batching, err = o.Batching.withDefaults(); err != nil {
		return o, s, err
	}
	if o.Limit != nil {
		if err := o.Limit.queue.Check(); err != nil {
			return o, s, fmt.Errorf("session: %w", err)
		}
	}
	for _, n := range o.WarmUp {
		if n < 1 {
			return o, s, fmt.Errorf("session: warm-up: got %d images, want 1 or more", n)
		}
	}
	return o, s, nil
}

// constant reports whether a weight of an operation becomes a constant.
func (o Options) constant(device, kind string, numbers int) bool {
	switch {
	case o.Weights == Constants || device != tensorflow.CPU:
		return true
	case o.Weights == Fed:
		return numbers <= smallest
	}
	return kind != "dense" || numbers <= largestDense
}

// dataType returns TensorFlow's name of a type.
func dataType(d graph.DType) tf.DataType {
	return map[graph.DType]tf.DataType{graph.Float32: tf.Float, graph.BFloat16: tf.Bfloat16, graph.Float16: tf.Half}[d]
}
