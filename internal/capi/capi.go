// Package capi runs graphs by the calls of TensorFlow's C API that the Go bindings
// do not make. The tensors of a run are freed when the run ends; the bindings leave
// them to the garbage collector, which does not count memory outside Go's heap.
//
//	session, err := capi.Wrap(tfSession, tfGraph)
//	runner, err := session.NewRunner(capi.Signature{Feeds: []capi.Output{in}, Fetches: []capi.Output{out}})
//	defer runner.Free()
//	results := make([]capi.Value, 1)
//	err = runner.Run([]capi.Value{capi.Float32s(x)}, results)
//	// results are in Go's memory; the run has freed all of its own
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

// Version returns the version of the libtensorflow that the process runs on.
func Version() string { return C.GoString(C.TF_Version()) }

// Session is a session and its graph, by their C pointers. Several goroutines may
// make and use Runners at once. A Session is valid while the bindings' values are; the
// caller of Wrap closes those.
type Session struct {
	Graph
	session *tf.Session
	c       *C.TF_Session
}

// Graph is a graph by its C pointer. It is valid while the bindings' value is.
type Graph struct {
	graph *tf.Graph
	g     *C.TF_Graph
}

// Wrap reads the two private pointers of the bindings. It returns an error where the
// bindings have no such fields.
func Wrap(session *tf.Session, graph *tf.Graph) (*Session, error) {
	c, err := privatePointer(session, "c")
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
	g, err := privatePointer(graph, "c")
	if err != nil {
		return Graph{}, err
	}
	return Graph{graph: graph, g: (*C.TF_Graph)(g)}, nil
}

// privatePointer reads a pointer field of one of the bindings' structs.
func privatePointer(of any, field string) (unsafe.Pointer, error) {
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

// Output is an output of a node of a graph.
type Output struct {
	op    *C.TF_Operation
	index C.int
}

// Output returns an output of the node of that name.
func (g Graph) Output(name string, index int) (Output, error) {
	o, err := g.Operation(name)
	if err != nil {
		return Output{}, err
	}
	if n := int(C.TF_OperationNumOutputs(o.op)); index < 0 || index >= n {
		return Output{}, fmt.Errorf("capi: node %q has %d outputs, got index %d", name, n, index)
	}
	return Output{op: o.op, index: C.int(index)}, nil
}

// OutputOf returns the output that a value of the bindings names.
func (g Graph) OutputOf(output tf.Output) (Output, error) {
	if output.Op == nil {
		return Output{}, fmt.Errorf("capi: output of no node")
	}
	return g.Output(output.Op.Name(), output.Index)
}

// Operation is a node of a graph.
type Operation struct{ op *C.TF_Operation }

// Operation returns the node of that name.
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

// Error returns the message and the code's number.
func (e *Error) Error() string { return fmt.Sprintf("tensorflow: %s (code %d)", e.Message, e.Code) }

// failure turns a status into an error; nil where it is OK.
func failure(status *C.TF_Status) error {
	code := C.TF_GetCode(status)
	if code == C.TF_OK {
		return nil
	}
	return &Error{Code: int(code), Message: oneLine(C.GoString(C.TF_Message(status)))}
}

// oneLine returns the first line of a message; later lines repeat the graph's nodes
// and their callers.
func oneLine(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	return strings.TrimSpace(message)
}
