// Package seam is what the packages below session know of a session beside its
// public methods.
package seam

import (
	"context"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
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
}

// Of returns what is behind a *session.Session. Package session sets it.
var Of func(session any) Session
