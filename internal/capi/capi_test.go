package capi_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

type opened struct {
	*capi.Session
	session *tf.Session
	graph   *tf.Graph
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

func port(t *testing.T, s opened, name string) capi.Port {
	t.Helper()
	p, err := s.Port(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRun(t *testing.T) {
	s := open(t)
	x := tensor.Tensor{Shape: []int{1, 2}, Data: []float32{1, 2.5}}
	for _, x := range []tensor.Tensor{x, {Shape: []int{}, Data: []float32{3}}, {Shape: []int{0, 4}, Data: []float32{}}} {
		out, err := s.Run([]capi.Feed{{Port: port(t, s, "x/Placeholder"), Value: x}}, []capi.Port{port(t, s, "Add")})
		if err != nil {
			t.Fatal(err)
		}
		want := x.Clone()
		for i := range want.Data {
			want.Data[i] *= 2
		}
		if equal, _ := tensor.Equal(out[0].Tensor(), want); !equal {
			t.Errorf("got %v, want %v", out[0], want)
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("long ", 1000)} {
		out, err := s.Run([]capi.Feed{{Port: port(t, s, "text/Placeholder"), Bytes: []byte(text)}}, []capi.Port{port(t, s, "DecodeRaw")})
		if err != nil || string(out[0].Bytes) != text {
			t.Errorf("got %d bytes, want %d: %v", len(out[0].Bytes), len(text), err)
		}
	}
}

func TestErrors(t *testing.T) {
	s := open(t)
	x := port(t, s, "x/Placeholder")
	feed := []capi.Feed{{Port: x, Value: tensor.Tensor{Shape: []int{2}, Data: []float32{1, 2}}}}
	_, err := s.Run(feed, []capi.Port{port(t, s, "Reshape")})
	var failed *capi.Error
	if !errors.As(err, &failed) || failed.Code != 3 || !strings.Contains(err.Error(), "2 values") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a step that fails: %v", err)
	}
	if _, err := s.Run(nil, []capi.Port{port(t, s, "Add")}); !errors.As(err, &failed) {
		t.Errorf("a placeholder without its value: %v", err)
	}
	if _, err := s.Run(feed, []capi.Port{port(t, s, "Cast")}); err == nil || !strings.Contains(err.Error(), "TensorFlow's type 2, want float32 or uint8") {
		t.Errorf("a result of type double: %v", err)
	}
	if _, err := s.Run([]capi.Feed{{Port: x, Value: tensor.Tensor{Shape: []int{3}}}}, nil); err == nil {
		t.Error("a feed that is too short: no error")
	}
	if _, err := s.Port("nothing", 0); err == nil || !strings.Contains(err.Error(), `no node "nothing"`) {
		t.Error(err)
	}
	if _, err := s.Port("Add", 1); err == nil || !strings.Contains(err.Error(), "1 outputs, got index 1") {
		t.Error(err)
	}
	if _, err := s.PortOf(tf.Output{}); err == nil {
		t.Error("an output of no node: no error")
	}
}

// Wrap says so where the bindings' values are not what it reads.
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

// A step that fails in TensorFlow, and one whose result is of another type,
// leave nothing behind: each holds a feed of 4 MiB, the second a result of 8.
func TestFailuresFree(t *testing.T) {
	s := open(t)
	x, err := tensor.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	feed := []capi.Feed{{Port: port(t, s, "x/Placeholder"), Value: x}}
	fail := func(n int) {
		for range n {
			for _, name := range []string{"Reshape", "Cast"} {
				if _, err := s.Run(feed, []capi.Port{port(t, s, name)}); err == nil {
					t.Fatal("no error")
				}
			}
		}
	}
	resident := func() int {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip("no /proc to read the resident size from")
		}
		var size, pages int
		fmt.Sscan(string(text), &size, &pages)
		return pages * os.Getpagesize() >> 20
	}
	fail(10)
	before := resident()
	fail(60)
	if grown := resident() - before; grown > 60*(4+4)/2 {
		t.Errorf("60 failing steps of each kind grew the process by %d MiB", grown)
	}
}

func TestPrepareCopies(t *testing.T) {
	s := open(t)
	x := tensor.Tensor{Shape: []int{1}, Data: []float32{4}}
	call, err := s.Prepare([]capi.Feed{{Port: port(t, s, "x/Placeholder"), Value: x}}, []capi.Port{port(t, s, "Add")})
	if err != nil {
		t.Fatal(err)
	}
	x.Data[0] = 100
	out, err := call.Run()
	if err != nil || out[0].Float[0] != 8 {
		t.Errorf("%v, %v", out, err)
	}
	call.Free() // after Run it does nothing
	unused, err := s.Prepare(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	unused.Free()
	unused.Free()
}

// A lent tensor is read where it is, wherever that is, and let go of when the
// call is through, made or not.
func TestLent(t *testing.T) {
	s := open(t)
	x, y := port(t, s, "x/Placeholder"), port(t, s, "Add")
	before := capi.Live()
	memory := make([]float32, 4096)
	aligned := 0
	for uintptr(unsafe.Pointer(&memory[aligned]))%64 != 0 {
		aligned++
	}
	for offset := aligned; offset < aligned+20; offset++ {
		lent := tensor.Tensor{Shape: []int{2, 1000}, Data: memory[offset : offset+2000]}
		call, err := s.Prepare([]capi.Feed{{Port: x, Value: lent, Lent: true}}, []capi.Port{y})
		if err != nil {
			t.Fatal(err)
		}
		lent.Data[1999] = float32(offset)
		runtime.GC()
		room := make([]float32, 2001)
		out, err := call.RunOver(room[1:])
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Float[1999]; offset == aligned && got != float32(2*offset) {
			t.Errorf("aligned: %v, want %v: it was copied", got, 2*offset)
		}
		if room[2000] != out[0].Float[1999] || room[0] != 0 {
			t.Error("the result is not in the room that was given")
		}
		if unused, err := s.Prepare([]capi.Feed{{Port: x, Value: lent, Lent: true}}, []capi.Port{y}); err != nil {
			t.Error(err)
		} else {
			unused.Free()
		}
	}
	short := tensor.Tensor{Shape: []int{3}, Data: memory[:2]}
	if _, err := s.Run([]capi.Feed{{Port: x, Value: short, Lent: true}}, []capi.Port{y}); err == nil {
		t.Error("a tensor without all its numbers is lent")
	}
	empty := tensor.Tensor{Shape: []int{0, 5}, Data: memory[:0]}
	if out, err := s.Run([]capi.Feed{{Port: x, Value: empty, Lent: true}}, []capi.Port{y}); err != nil || len(out[0].Float) != 0 {
		t.Errorf("%v %v", out, err)
	}
	if after := capi.Live(); after != before {
		t.Errorf("native memory is left: %+v, before %+v", after, before)
	}
}

// A held tensor feeds many runs and is freed once.
func TestHeld(t *testing.T) {
	s := open(t)
	held, err := capi.Hold(tensor.Tensor{Shape: []int{2}, Data: []float32{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	feed := []capi.Feed{{Port: port(t, s, "x/Placeholder"), Held: held}}
	for range 100 {
		out, err := s.Run(feed, []capi.Port{port(t, s, "Add")})
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Float[1] != 4 {
			t.Fatalf("got %v", out[0].Float)
		}
	}
	held.Free()
	held.Free()
	if _, err := s.Run(feed, []capi.Port{port(t, s, "Add")}); err == nil {
		t.Error("a tensor that was freed feeds a run")
	}
	if _, err := capi.Hold(tensor.Tensor{Shape: []int{3}}); err == nil {
		t.Error("a tensor without its numbers is held")
	}
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
