package graphs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/graphs"
)

// queue is a graph with a queue: put feeds x, take fetches y and waits for one.
func queue(t *testing.T, o graphs.Options) (s *graphs.Session, put, take *graphs.Function) {
	t.Helper()
	root := tfgo.NewRoot()
	x := placeholder(root, tf.Float, 2)
	q := op.FIFOQueueV2(root, []tf.DataType{tf.Float}, op.FIFOQueueV2SharedName("q"))
	enqueue := op.QueueEnqueueV2(root, q, []tf.Output{x})
	y := op.QueueDequeueV2(root, q, []tf.DataType{tf.Float})
	s = open(t, root, o)
	put = function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Targets: []*tf.Operation{enqueue}})
	return s, put, function(t, s, graphs.Signature{Fetches: outputs{"y": y[0]}})
}

// within fails the test where f takes so long that it hangs.
func within(t *testing.T, what string, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

func inFlight(t *testing.T, s *graphs.Session, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); s.Stats().InFlight != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d runs in flight, want %d", s.Stats().InFlight, want)
		}
	}
}

// A run that waits in TensorFlow ends for its caller with its ctx; it is answered or
// ended later.
func TestWaits(t *testing.T) {
	s, put, take := queue(t, graphs.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := take.Run(ctx, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("nothing to take: %v", err)
	}
	inFlight(t, s, 1)
	for range 2 { // the first is for the caller that has left
		if _, err := put.Run(t.Context(), tensors{"x": vector(1, 2)}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := take.Run(t.Context(), nil)
	if err != nil || out["y"].Data[1] != 2 {
		t.Errorf("%v, %v", out, err)
	}
	inFlight(t, s, 0)
	if n := s.Stats(); n.Canceled != 1 || n.Errors != 0 || n.Runs != 3 {
		t.Errorf("%+v", n)
	}

	// Close ends a run that has lost its caller.
	abandoned, cancel := context.WithCancel(t.Context())
	go func() {
		inFlight(t, s, 1)
		cancel()
	}()
	if _, err := take.Run(abandoned, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := within(t, "Close", s.Close); err != nil {
		t.Error(err)
	}
}

// Close waits for a run whose caller waits; Shutdown ends it when ctx ends.
func TestShutdown(t *testing.T) {
	for _, answered := range []bool{true, false} {
		s, put, take := queue(t, graphs.Options{})
		taken := make(chan error, 1)
		go func() {
			_, err := take.Run(context.Background(), nil)
			taken <- err
		}()
		inFlight(t, s, 1)
		patience := 50 * time.Millisecond
		if answered {
			patience = time.Minute // for an answer that comes
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if answered {
			if _, err := put.Run(t.Context(), tensors{"x": vector(1, 2)}); err != nil {
				t.Fatal(err)
			}
		}
		err := within(t, "a run", func() error {
			closed := s.Shutdown(ctx)
			switch {
			case answered && closed != nil:
				t.Errorf("answered: Shutdown: %v", closed)
			case !answered && (!errors.Is(closed, context.DeadlineExceeded) || !strings.HasPrefix(closed.Error(), "graphs: close: still under way: a run for ")):
				t.Errorf("not answered: Shutdown: %v", closed)
			}
			return <-taken
		})
		if answered && err != nil || !answered && !errors.Is(err, session.ErrClosed) {
			t.Errorf("answered %v: the run's error is %v", answered, err)
		}
		if err := within(t, "Close", s.Close); err != nil {
			t.Error(err)
		}
	}
}

// A run counts in the limit while it waits, though its caller has left; a
// session beside it shares the limit.
func TestSharedLimit(t *testing.T) {
	limit := session.NewLimit(1, 0)
	s, _, take := queue(t, graphs.Options{Limit: limit})
	other, sum := sums(t, graphs.Options{Limit: limit})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		inFlight(t, s, 1)
		cancel()
	}()
	if _, err := take.Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	waiting, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	feeds := tensors{"a": vector(1), "b": vector(1)}
	if _, err := sum.Run(waiting, feeds); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the limit is full: %v", err)
	}
	if err := within(t, "Close", s.Close); err != nil {
		t.Error(err)
	}
	if err := within(t, "Run", func() error { _, err := sum.Run(context.Background(), feeds); return err }); err != nil {
		t.Errorf("the limit is free: %v", err)
	}
	if n := other.Stats(); n.Canceled != 1 || n.Runs != 1 {
		t.Errorf("%+v", n)
	}
}

// More runs than the machine computes at once may wait for one that comes later.
func TestManyWait(t *testing.T) {
	s, put, take := queue(t, graphs.Options{})
	const many = 100
	results := make(chan error, many)
	for range many {
		go func() {
			_, err := take.Run(context.Background(), nil)
			results <- err
		}()
	}
	inFlight(t, s, many)
	for range many {
		if err := within(t, "put", func() error { _, err := put.Run(t.Context(), tensors{"x": tensor.MustNew(2)}); return err }); err != nil {
			t.Fatal(err)
		}
		if err := within(t, "take", func() error { return <-results }); err != nil {
			t.Fatal(err)
		}
	}
}

// Where as many runs as a session lets in wait and have lost their callers, a further
// run is told so; when one of them was answered, it succeeds.
func TestAllAbandoned(t *testing.T) {
	s, put, take := queue(t, graphs.Options{})
	const most = 256
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := make(chan error, most)
	for range most {
		go func() { _, err := take.Run(ctx, nil); left <- err }()
	}
	inFlight(t, s, most)
	cancel()
	for range most {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	err := within(t, "put", func() error { _, err := put.Run(context.Background(), tensors{"x": vector(1, 2)}); return err })
	if !errors.Is(err, graphs.ErrAbandoned) || s.Stats().Errors != 1 {
		t.Errorf("got %v, %+v", err, s.Stats())
	}
	if err := within(t, "Close", s.Close); err != nil {
		t.Error(err)
	}
}

// A run whose ctx has ended infers no shapes.
func TestCanceledInference(t *testing.T) {
	_, sum := sums(t, graphs.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if _, err := sum.Run(ctx, tensors{"a": vector(1, 2), "b": vector(1, 2, 3)}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}
