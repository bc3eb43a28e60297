package capi_test

import (
	"strings"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/capi"
)

type opened struct {
	*capi.Session
	session *tf.Session
	graph   *tf.Graph
}

// types are the types for which the graph of open has a placeholder and an Identity,
// by scope.
var types = map[tf.DataType]string{
	tf.Double: "double", tf.Half: "half", tf.Bfloat16: "bfloat16", tf.Int32: "int32", tf.Int64: "int64",
	tf.Uint8: "uint8", tf.Bool: "bool", tf.Complex64: "complex64",
}

// open builds a graph of its own: x → x+x, and text → its bytes.
func open(t *testing.T) opened {
	t.Helper()
	root := tfgo.NewRoot()
	x := op.Placeholder(root.SubScope("x"), tf.Float)
	op.Add(root, x, x)
	text := op.Placeholder(root.SubScope("text"), tf.String)
	op.DecodeRaw(root, text, tf.Uint8)
	op.Cast(root, x, tf.Double)
	op.Identity(root.SubScope("same"), text)
	for kind, scope := range types {
		sub := root.SubScope(scope)
		op.Identity(sub, op.Placeholder(sub, kind))
	}
	variable := op.VarHandleOp(root, tf.Float, tf.MakeShape(2))
	op.AssignVariableOp(root, variable, op.Const(root.SubScope("first"), []float32{7, 8}))
	op.ReadVariableOp(root, variable, tf.Float)
	// A constant of 6 numbers cannot be told apart in shape before the run.
	op.Reshape(root, x, op.Const(root.SubScope("shape"), []int32{2, 3}))
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := capi.Wrap(session, graph)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return opened{c, session, graph}
}

func output(t *testing.T, s opened, name string) capi.Output {
	t.Helper()
	p, err := s.Output(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Wrap returns an error where the bindings' values are not those that it reads.
func TestWrap(t *testing.T) {
	s := open(t)
	if _, err := capi.Wrap(nil, s.graph); err == nil || !strings.Contains(err.Error(), "is nil") {
		t.Error(err)
	}
	if _, err := capi.Wrap(s.session, nil); err == nil {
		t.Error("no graph: no error")
	}
	if err := s.session.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := capi.Wrap(s.session, s.graph); err == nil || !strings.Contains(err.Error(), "is closed") {
		t.Error(err)
	}
	capi.FreeGraph(s.graph)
	capi.FreeGraph(s.graph) // a second time does nothing
}

func TestDeterministic(t *testing.T) {
	if on, known := capi.Deterministic(); on || !known {
		t.Errorf("at first: %v %v", on, known)
	}
	for _, on := range []bool{true, false} {
		if !capi.SetDeterministic(on) {
			t.Error("cannot be told")
		}
		if got, known := capi.Deterministic(); got != on || !known {
			t.Errorf("%v %v, want %v", got, known, on)
		}
	}
}
