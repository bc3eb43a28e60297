package session

import (
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// ErrClosed is wrapped by the error of a run on a session that was closed.
var ErrClosed = calls.ErrClosed

// ErrNoDevice is wrapped by the error of a device that was asked for by name
// and is not there.
var ErrNoDevice = tensorflow.ErrNoDevice

// ErrMemory is wrapped by the error of a call that needs more memory than the
// process can get. Where an allocation fails inside TensorFlow, TensorFlow ends the
// process, or the system does.
var ErrMemory = tensorflow.ErrMemory
