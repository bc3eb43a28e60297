package capi

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"runtime"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// GraphOf returns the graph that a scope builds. The scope may be used further.
func GraphOf(scope *op.Scope) (*tf.Graph, error) {
	graph, err := privatePointer(scope, "graph")
	return (*tf.Graph)(graph), err
}

// OwnerOf returns the graph that a node belongs to.
func OwnerOf(node *tf.Operation) (*tf.Graph, error) {
	if _, err := privatePointer(node, "c"); err != nil {
		return nil, err
	}
	graph, err := privatePointer(node, "g")
	return (*tf.Graph)(graph), err
}

// Copy returns a graph of the bindings' with the same nodes, and the bytes of its
// definition. Nodes that name no device get the one given, unless it is empty. The
// graph is the caller's to free with FreeGraph.
func (g Graph) Copy(device string) (_ *tf.Graph, bytes int64, err error) {
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	definition := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(definition)
	C.TF_GraphToGraphDef(g.g, definition, status)
	runtime.KeepAlive(g.graph)
	if err := failure(status); err != nil {
		return nil, 0, err
	}
	graph := tf.NewGraph()
	into, err := WrapGraph(graph)
	if err != nil {
		return nil, 0, err
	}
	options := C.TF_NewImportGraphDefOptions()
	defer C.TF_DeleteImportGraphDefOptions(options)
	if device != "" {
		text := C.CString(device)
		defer C.free(unsafe.Pointer(text))
		C.TF_ImportGraphDefOptionsSetDefaultDevice(options, text)
	}
	C.TF_GraphImportGraphDef(into.g, definition, options, status)
	if err := failure(status); err != nil {
		FreeGraph(graph)
		return nil, 0, err
	}
	return graph, int64(definition.length), nil
}

// Cancel ends what waits in TensorFlow in runs of the session, as a queue's
// dequeue; a kernel that computes goes on to its end. The runs under way, and later
// ones, fail. The session is still to be closed.
func (s *Session) Cancel() error {
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.TF_CloseSession(s.c, status)
	runtime.KeepAlive(s.session)
	return failure(status)
}
