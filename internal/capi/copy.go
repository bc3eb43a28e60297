package capi

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// GraphOf returns the graph that a scope builds. The scope may be used further.
func GraphOf(scope *op.Scope) (*tf.Graph, error) {
	graph, err := private(scope, "graph")
	return (*tf.Graph)(graph), err
}

// OwnerOf returns the graph that a node belongs to.
func OwnerOf(node *tf.Operation) (*tf.Graph, error) {
	if _, err := private(node, "c"); err != nil {
		return nil, err
	}
	graph, err := private(node, "g")
	return (*tf.Graph)(graph), err
}

// CopyOptions says how Copy differs from the graph that it copies. The zero value
// says that it does not.
type CopyOptions struct {
	Device string            // of the nodes that name none
	Feeds  map[Feed]tf.Shape // outputs that become placeholders of these shapes
}

// Feed is an output of a node, by the node's name.
type Feed struct {
	Node  string
	Index int
	Type  tf.DataType
}

// Copy returns a graph of the bindings' with the same nodes, and the bytes of its
// definition. The graph is the caller's to free with FreeGraph. TensorFlow infers
// the shapes anew, and returns an error for a node that does not take its input's.
func (g Graph) Copy(o CopyOptions) (_ *tf.Graph, bytes int64, err error) {
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
	defer func() {
		if err != nil {
			FreeGraph(graph)
		}
	}()
	into, err := WrapGraph(graph)
	if err != nil {
		return nil, 0, err
	}
	options := C.TF_NewImportGraphDefOptions()
	defer C.TF_DeleteImportGraphDefOptions(options)
	text := func(of string) (*C.char, func()) {
		c := C.CString(of)
		return c, func() { C.free(unsafe.Pointer(c)) }
	}
	if o.Device != "" {
		device, free := text(o.Device)
		defer free()
		C.TF_ImportGraphDefOptionsSetDefaultDevice(options, device)
	}
	number := 0
	for feed, shape := range o.Feeds {
		placeholder, err := graph.AddOperation(tf.OpSpec{
			Type: "Placeholder", Name: g.unused("feed", &number),
			Attrs: map[string]any{"dtype": feed.Type, "shape": shape},
		})
		if err != nil {
			return nil, 0, err
		}
		output, err := into.PortOf(placeholder.Output(0))
		if err != nil {
			return nil, 0, err
		}
		node, free := text(feed.Node)
		defer free()
		C.TF_ImportGraphDefOptionsAddInputMapping(options, node, C.int(feed.Index), C.TF_Output{oper: output.op, index: output.index})
	}
	C.TF_GraphImportGraphDef(into.g, definition, options, status)
	if err := failure(status); err != nil {
		return nil, 0, err
	}
	return graph, int64(definition.length), nil
}

// unused returns a name that no node has, from a number on.
func (g Graph) unused(prefix string, number *int) string {
	for {
		name := fmt.Sprint(prefix, *number)
		*number++
		if _, err := g.Operation(name); err != nil {
			return name
		}
	}
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
