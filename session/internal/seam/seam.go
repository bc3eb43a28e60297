// Package seam is what the packages below session know of a session beside its
// public methods.
package seam

import (
	"context"

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
	// Fetch runs a batch for the outputs of any steps, and returns the devices that
	// each layer's operations ran on.
	Fetch(ctx context.Context, batch tensor.Tensor, steps []int) (outputs []tensor.Tensor, devices [][]string, err error)
	// Executor returns the session.Executor, filled in.
	Executor() string
	// Record runs a batch for the outputs of steps with a RunOptions message, and
	// returns the RunMetadata message. The results are copied into Go's memory, as
	// those of a run that nothing records, unless drop is true. No counter counts
	// the run.
	Record(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, drop bool) (metadata []byte, err error)
}

// Of returns what is behind a *session.Session. Package session sets it.
var Of func(session any) Session

// LimitOf returns what is behind a *session.Limit; nil of nil. Package session sets
// it.
var LimitOf func(limit any) *calls.Limit

// Layers returns the layers of a network as its records name them.
func Layers(lowered graph.Lowered) (layers trace.Layers) {
	for _, layer := range lowered.Layers {
		layers.Add(layer.Name, layer.Last)
	}
	return layers
}
