package graphs_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/session"
	"tfcnn/session/graphs"
	"tfcnn/session/metrics"
)

// Package metrics exports a session of a graph.
var _ metrics.Source = (*graphs.Session)(nil)

// A session that nobody can close any more is reported with the place that opened it,
// but not while one of its functions is in use.
func TestLeak(t *testing.T) {
	leaks := make(chan session.Leak, 1)
	session.OnLeak(func(l session.Leak) { leaks <- l })
	defer session.OnLeak(nil)
	lost := func() (*graphs.Function, func() error) {
		root := tfgo.NewRoot()
		x := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(1)))
		y := op.Identity(root, x)
		s, err := graphs.Open(root, graphs.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		return function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"y": y}}), graphs.Closer(s)
	}
	f, closer := lost()
	defer func() {
		if err := closer(); err != nil {
			t.Error(err)
		}
	}()
	for range 3 {
		runtime.GC()
		if out, err := f.Run(t.Context(), tensors{"x": vector(3)}); err != nil || out["y"].Data[0] != 3 {
			t.Fatal(out, err)
		}
	}
	select {
	case l := <-leaks:
		t.Errorf("reported while in use: %v", l)
	default:
	}
	f = nil
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		select {
		case l := <-leaks:
			if text := l.String(); !strings.HasPrefix(text, "session of a graph of 2 nodes opened at ") || !strings.Contains(text, "leak_test.go:") {
				t.Error(text)
			}
			return
		default:
			if time.Now().After(deadline) {
				t.Fatal("never reported")
			}
		}
	}
}
