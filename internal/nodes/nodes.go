// Package nodes gives packages of this module what package graph/node does not export,
// since the types of internal/ir are not public.
//
//	inputs, outputs, err := nodes.Operation(scope, ir.ReLU{}, false, []int{1, 4, 4, 2})
package nodes

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// Operation adds a single operation to a scope, with placeholders for operands of these
// shapes. Package graph/node sets it, and documents it at buildOperation.
var Operation func(scope *op.Scope, o ir.Op, oneDNN bool, shapes ...[]int) (inputs, outputs []tf.Output, err error)
