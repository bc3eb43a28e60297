package session

import (
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// ErrClosed is wrapped by the error of a run on a session that was closed.
var ErrClosed = calls.ErrClosed

// ErrNoDevice is wrapped by Open's error where Options.Device names a device that does
// not exist.
var ErrNoDevice = tensorflow.ErrNoDevice

// ErrMemory is wrapped by the error of a call that needs more memory than the
// process can get. Where an allocation fails inside TensorFlow, TensorFlow ends the
// process, or the system does.
var ErrMemory = tensorflow.ErrMemory

// BatchError is the error of a batch that does not fit the network: the batch has
// another shape than the network's input, or its Data does not fit its shape.
type BatchError struct {
	Got     []int // the shape of the batch
	Numbers int   // in its Data
	Want    []int // the shape of the input, with −1 for the number of images
	// Reason says why Data does not fit; nil where Got does not fit Want.
	Reason error
}

// Error returns the error in one line.
func (e *BatchError) Error() string {
	if e.Reason != nil {
		return e.Reason.Error()
	}
	return "batch is " + tensor.FormatShape(e.Got) + ", want [N," + tensor.FormatShape(e.Want[1:])[1:]
}

// Unwrap returns the reason.
func (e *BatchError) Unwrap() error { return e.Reason }
