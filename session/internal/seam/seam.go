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
	// Fetch runs a batch for the outputs of any steps, and returns TensorFlow's record
	// of the run.
	Fetch(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, trace.Record, error)
	// Trace is Fetch for the outputs of layers by name; without names, for all of the
	// network's outputs. A nil session is refused as a closed one.
	Trace(ctx context.Context, batch tensor.Tensor, names []string) ([]tensor.Tensor, trace.Record, error)
	// Executor returns the session.Executor, filled in.
	Executor() string
	// OnOneThread reports whether a batch of so many images runs in the TensorFlow session
	// for small batches, on the thread that calls.
	OnOneThread(images int) bool
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
