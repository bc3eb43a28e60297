// Package capi makes the calls of TensorFlow's C API that the Go bindings
// lack: runs whose tensors are freed when they end, not when the garbage
// collector happens to look (it does not see native memory), and a pointer to
// the session and the graph that the bindings have built.
//
//	session, err := capi.Wrap(tfSession, tfGraph)
//	runner, err := session.NewRunner(capi.Signature{Feeds: []capi.Port{in}, Fetches: []capi.Port{out}})
//	defer runner.Free()
//	results := make([]capi.Value, 1)
//	err = runner.Run([]capi.Value{capi.Float32s(x)}, results)
//	// results are Go memory; nothing native is left of the run
//
// A Runner is the only way in which this module runs a graph. Graphs are built and
// sessions opened with the bindings.
package capi

/*
#cgo LDFLAGS: -ltensorflow
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// Version is that of the libtensorflow that the process runs on.
func Version() string { return C.GoString(C.TF_Version()) }

// Session is a session and its graph, as C knows them. Several goroutines may
// make and use Runners at once. It is valid while the bindings' values are: who wraps them
// keeps them, and closes them.
type Session struct {
	Graph
	session *tf.Session
	c       *C.TF_Session
}

// Graph is a graph as C knows it, valid while the bindings' value is.
type Graph struct {
	graph *tf.Graph
	g     *C.TF_Graph
}

// Wrap reads the two private pointers of the bindings. It is an error where
// the bindings no longer have them where this package was written to look.
func Wrap(session *tf.Session, graph *tf.Graph) (*Session, error) {
	c, err := private(session, "c")
	if err != nil {
		return nil, err
	}
	g, err := WrapGraph(graph)
	if err != nil {
		return nil, err
	}
	return &Session{Graph: g, session: session, c: (*C.TF_Session)(c)}, nil
}

// WrapGraph is Wrap for a graph alone.
func WrapGraph(graph *tf.Graph) (Graph, error) {
	g, err := private(graph, "c")
	if err != nil {
		return Graph{}, err
	}
	return Graph{graph: graph, g: (*C.TF_Graph)(g)}, nil
}

// private reads a pointer field of one of the bindings' structs.
func private(of any, field string) (unsafe.Pointer, error) {
	v := reflect.ValueOf(of)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fmt.Errorf("capi: %T is nil", of)
	}
	f := v.Elem().FieldByName(field)
	if !f.IsValid() || f.Kind() != reflect.Pointer {
		return nil, fmt.Errorf("capi: %T has no pointer %q: these bindings are not the ones tfcnn was written for", of, field)
	}
	if f.IsNil() {
		return nil, fmt.Errorf("capi: %T is closed", of)
	}
	return f.UnsafePointer(), nil
}

// Port is an output of a node of a graph.
type Port struct {
	op    *C.TF_Operation
	index C.int
}

// Port finds a node's output by the node's name.
func (g Graph) Port(name string, index int) (Port, error) {
	o, err := g.Operation(name)
	if err != nil {
		return Port{}, err
	}
	if n := int(C.TF_OperationNumOutputs(o.op)); index < 0 || index >= n {
		return Port{}, fmt.Errorf("capi: node %q has %d outputs, got index %d", name, n, index)
	}
	return Port{op: o.op, index: C.int(index)}, nil
}

// PortOf finds the same output as the bindings' value names.
func (g Graph) PortOf(output tf.Output) (Port, error) {
	if output.Op == nil {
		return Port{}, fmt.Errorf("capi: output of no node")
	}
	return g.Port(output.Op.Name(), output.Index)
}

// Operation is a node of a graph.
type Operation struct{ op *C.TF_Operation }

// Operation finds a node by its name.
func (g Graph) Operation(name string) (Operation, error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	op := C.TF_GraphOperationByName(g.g, text)
	if op == nil {
		return Operation{}, fmt.Errorf("capi: graph has no node %q", name)
	}
	return Operation{op}, nil
}

// Error is a failed call: TensorFlow's code and its message, in one line.
type Error struct {
	Code    int // of TF_Code, as 3 for INVALID_ARGUMENT
	Message string
}

// Error gives the message and the code's number.
func (e *Error) Error() string { return fmt.Sprintf("tensorflow: %s (code %d)", e.Message, e.Code) }

// failure turns a status into an error; nil where it is OK.
func failure(status *C.TF_Status) error {
	code := C.TF_GetCode(status)
	if code == C.TF_OK {
		return nil
	}
	return &Error{Code: int(code), Message: oneLine(C.GoString(C.TF_Message(status)))}
}

// oneLine is a message's first line; those after it repeat the graph's nodes
// and their callers.
func oneLine(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	return strings.TrimSpace(message)
}
