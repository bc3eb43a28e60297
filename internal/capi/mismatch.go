package capi

import (
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
)

// ErrMismatch is wrapped by the error of a run whose result does not fit the memory
// that there is for it.
var ErrMismatch = errors.New("the result does not fit its memory")

// mismatch is the error of a result that does not fit its memory.
func mismatch(i int, v Value, kind int, shape []int, bytes int64) error {
	return fmt.Errorf("capi: result %d has TensorFlow's type %d, shape %s and %d bytes, want type %d, shape %s and %d bytes: %w", i,
		kind, tensor.FormatShape(shape), bytes, int(v.Type), tensor.FormatShape(v.Shape), len(v.Data), ErrMismatch)
}

// feedFault is why TensorFlow does not take a value.
type feedFault int

const (
	noMemory feedFault = iota + 1
	wrongSize
	noType
)

// feedError is the error of value i, which should have n numbers of some bytes each.
func feedError(i int, v Value, n, each int, why feedFault) error {
	switch {
	case why == noMemory:
		return fmt.Errorf("capi: feed %d: TensorFlow takes no tensor of %d bytes", i, len(v.Data))
	case why == noType:
		return fmt.Errorf("capi: feed %d: numbers of TensorFlow's type %d cannot be fed", i, int(v.Type))
	case v.Type == tf.String:
		return fmt.Errorf("capi: feed %d: shape of a string is %s, want []", i, tensor.FormatShape(v.Shape))
	}
	return fmt.Errorf("capi: feed %d: %d numbers of TensorFlow's type %d have %d bytes, want %d", i, n, int(v.Type), len(v.Data), n*each)
}
