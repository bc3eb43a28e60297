// Package seam gives the packages below session what they need of a session beside its
// public methods.
//
//	lowered := seam.Of(s).Lowered()
package seam

import (
	"context"
	"slices"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session/internal/calls"
)

// Session is an open session.
type Session interface {
	// Lowered returns the network as it was lowered.
	Lowered() graph.Lowered
	// OpenBytes returns how much memory the weights take while a session of the
	// network opens.
	OpenBytes() int64
	// WeightBytes returns how much memory the weights take.
	WeightBytes() int64
	// Unwatch ends the report of a session that was not closed: the caller owns the
	// session and is watched itself.
	Unwatch()
	// Outputs runs a batch for the outputs of any steps, in the TensorFlow session that
	// serves batches of its size.
	Outputs(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, error)
	// SmallBatch returns the most images of a batch that a TensorFlow session of one
	// thread serves; 0 where the session has no such TensorFlow session.
	SmallBatch() int
	// Serving names the TensorFlow session that serves batches of so many images, by its
	// executor and its threads.
	Serving(images int) string
	// OnShared sets the function that is called after each run of a shared batch, or of a
	// batch that might have been shared, with the batch and the result. The function must
	// copy what it keeps. It may be called from many goroutines at once. OnShared must come
	// before the calls whose runs it watches.
	OnShared(f func(batch, result tensor.Tensor))
	// Fetch runs a batch for the outputs of any steps, and returns TensorFlow's record
	// of the run.
	Fetch(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, trace.Record, error)
	// Trace is Fetch for the outputs of layers by name; without names, for all of the
	// network's outputs. A nil session is refused as a closed one.
	Trace(ctx context.Context, batch tensor.Tensor, names []string) ([]tensor.Tensor, trace.Record, error)
	// Executor returns the session.Executor, filled in.
	Executor() string
	// ShareThreads makes batches of any size run in the TensorFlow session whose threads
	// share the work of an operation. It is called before the first run.
	ShareThreads()
	// Record runs a batch for the outputs of steps with a RunOptions message, and
	// returns the RunMetadata message. The results are copied into Go's memory, as
	// those of a run that nothing records, unless drop is true. No counter counts
	// the run.
	Record(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, drop bool) (metadata []byte, err error)
}

// Of returns the Session of a *session.Session. Package session sets it.
var Of func(session any) Session

// LimitOf returns what is behind a *session.Limit; nil of nil. Package session sets
// it.
var LimitOf func(limit any) *calls.Limit

// CheckOptions returns the error with which session.Open refuses session.Options.
// Package session sets it.
var CheckOptions func(options any) error

// Layers returns the layers of a network as its records name them.
func Layers(lowered graph.Lowered) (layers trace.Layers) {
	for _, layer := range lowered.Layers {
		layers.Add(layer.Name, layer.Last)
	}
	return layers
}

// LayerRun returns the devices that ran a layer's operations in a record, and the sum
// of the times of their kernels.
func LayerRun(r trace.Record, layer string) (devices []string, kernels time.Duration) {
	for _, n := range r.Nodes {
		if n.Layer != layer || !n.Arithmetic() {
			continue
		}
		kernels += time.Duration(n.KernelEnd - n.KernelStart)
		if !slices.Contains(devices, n.Device) {
			devices = append(devices, n.Device)
		}
	}
	return devices, kernels
}
