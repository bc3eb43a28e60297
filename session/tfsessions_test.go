package session_test

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/session"
	"tfcnn/session/profile"
)

// A session has the threads that it asks for, and none of them when it is
// closed.
func TestThreads(t *testing.T) {
	needsTuned(t)
	net := graph.Network{
		Input:  graph.Input{Height: 64, Width: 64, Channels: 3},
		Layers: []graph.Layer{graph.Conv2D{Filters: 16, Size: graph.Square(5)}},
	}
	weights, batch := whole(net, 2)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // no finalizer tidies up
	session.Cleanups()                               // none from now on
	run := func(threads int) (result tensor.Tensor, more int) {
		t.Helper()
		before := threadsOf(t)
		s, err := session.Open(net, weights, session.Options{Device: "cpu", Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		more = threadsOf(t) - before
		if result, err = s.Run(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return result, more
	}
	const many, few = 23, 8 // Go starts some threads, too
	want, _ := run(0)       // starts the process's
	before := threadsOf(t)
	for range 3 {
		got, more := run(many)
		if more < many || more > many+few {
			t.Errorf("a session of %d threads has started %d", many, more)
		}
		if equal, at := tensor.Equal(got, want); !equal {
			t.Errorf("%d threads: differs at %d", many, at)
		}
	}
	if got, _ := run(1); !equal(got, want) {
		t.Error("one thread: differs")
	}
	settles := func() {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); threadsOf(t) > before+few; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d threads are left, %d were there before", threadsOf(t), before)
			}
		}
	}
	settles()

	// A traced run has as many; other sessions share the process's.
	s, err := session.Open(net, weights, session.Options{Device: "cpu", Threads: many})
	if err != nil {
		t.Fatal(err)
	}
	opened := threadsOf(t)
	if _, _, err := profile.Trace(context.Background(), s, batch); err != nil {
		t.Fatal(err)
	}
	if more := threadsOf(t) - opened; more < many {
		t.Errorf("a traced run of a session of %d threads has started %d", many, more)
	}
	s.Close()
	settles()
	var others []*session.Session
	for range 3 * few {
		s, err := session.Open(net, weights, session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, s)
	}
	settles()
	for _, s := range others {
		s.Close()
	}
}

func equal(a, b tensor.Tensor) bool {
	same, _ := tensor.Equal(a, b)
	return same
}

// Only the size of a batch decides which threads run it: its bits do not change with
// other runs beside it, with the method that runs it, or with the order of the calls.
func TestSecondSessionKeepsBits(t *testing.T) {
	needsTuned(t)
	net := graph.Network{
		Input: graph.Input{Height: 16, Width: 16, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "a", Filters: 24, Size: graph.Square(5), Padding: graph.Same, Activation: graph.TanhActivation},
			graph.Conv2D{Name: "b", Filters: 8, Size: graph.Square(3)},
		},
	}
	weights := net.InitialWeights(5)
	sizes := []int{1, 2, 300}
	batches, want := make([]tensor.Tensor, len(sizes)), make([]tensor.Tensor, len(sizes))
	reference := func(o session.Options) *session.Session {
		s, err := session.Open(net, weights, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reference(session.Options{Device: "cpu"})
	for i, n := range sizes {
		batches[i] = batchOf(net, n, uint64(n))
		var err error
		if want[i], err = s.Run(context.Background(), batches[i]); err != nil {
			t.Fatal(err)
		}
	}
	if one, many := session.TFSessions(s); !one || !many {
		t.Errorf("session on one thread %v, on many %v, want both", one, many)
	}
	living := capi.LiveAllocations().Runners
	s.Close()
	if left := capi.LiveAllocations().Runners; left != living-2 {
		t.Errorf("Close leaves %d runners of %d, want 2 fewer", left, living)
	}

	s = reference(session.Options{Device: "cpu"})
	defer s.Close()
	start := make(chan struct{})
	var group sync.WaitGroup
	for g := range 12 {
		group.Go(func() {
			<-start
			i := g % len(sizes)
			for range 5 {
				outputs, err := s.RunOutputs(context.Background(), batches[i], "b", "a")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := s.Run(t.Context(), batches[i])
				if err != nil {
					t.Error(err)
					return
				}
				traced, _, err := profile.Trace(context.Background(), s, batches[i], "b", "a")
				if err != nil {
					t.Error(err)
					return
				}
				if !equal(got, want[i]) || !equal(outputs[0], traced[0]) || !equal(outputs[1], traced[1]) {
					t.Errorf("%d images: other bits", sizes[i])
				}
			}
		})
	}
	close(start)
	group.Wait()
}

// Close waits for a TensorFlow session that opens, or the call gets ErrClosed.
func TestCloseWhileASessionOpens(t *testing.T) {
	needsTuned(t)
	net := graph.Network{
		Input:  graph.Input{Height: 8, Width: 8, Channels: 1},
		Layers: []graph.Layer{graph.Conv2D{Filters: 4, Size: graph.Square(3)}},
	}
	weights, batch := whole(net, 1000)
	living := capi.LiveAllocations()
	for range 20 {
		s, err := session.Open(net, weights, session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if _, err := s.Run(context.Background(), batch); err != nil && !errors.Is(err, session.ErrClosed) {
					t.Error(err)
				}
			})
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
	}
	if left := capi.LiveAllocations(); left != living {
		t.Errorf("%+v are left, %+v were there before", left, living)
	}
}

// Sessions whose options settle the threads have one TensorFlow session.
func TestOneTFSession(t *testing.T) {
	needsTuned(t)
	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}},
	}
	for _, tt := range []struct {
		o         session.Options
		one, many bool
	}{
		{session.Options{}, true, false},
		{session.Options{Threads: 1}, false, true},
		{session.Options{Threads: 2}, false, true},
		{session.Options{Executor: session.Parallel}, false, true},
	} {
		tt.o.Device = "cpu"
		s, err := session.Open(net, nil, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context(), batchOf(net, 3, 1)); err != nil {
			t.Error(err)
		}
		if one, many := session.TFSessions(s); one != tt.one || many != tt.many {
			t.Errorf("%+v: session on one thread %v, on many %v, want %v and %v", tt.o, one, many, tt.one, tt.many)
		}
		s.Close()
	}
}

func TestThreadsRefused(t *testing.T) {
	for threads, want := range map[int]string{-1: "got -1 threads, want 0 to 1024", 1025: "got 1025 threads, want 0 to 1024"} {
		_, err := session.Open(slow, slow.InitialWeights(1), session.Options{Device: "cpu", Threads: threads})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d threads: %v, want %q", threads, err, want)
		}
	}
}

// RunOutputsInto gives RunOutputs' bits, and refuses before it writes.
func TestRunOutputsInto(t *testing.T) {
	s, _ := open(t, vocabulary)
	layers := []string{vocabularyFirst(t), ""}
	plan, err := vocabulary.Plan()
	if err != nil {
		t.Fatal(err)
	}
	layers[1] = plan.Layers[len(plan.Layers)-1].Name
	cancelable, cancel := context.WithCancel(t.Context())
	defer cancel()
	for n := range 3 {
		batch := batchOf(vocabulary, n, 7)
		want, err := s.RunOutputs(t.Context(), batch, layers...)
		if err != nil {
			t.Fatal(err)
		}
		for name, ctx := range map[string]context.Context{"cancelable": cancelable, "background": context.Background()} {
			into := []tensor.Tensor{newTensor(t, want[0].Shape...), newTensor(t, want[1].Shape...)}
			kept := []*float32{first(into[0]), first(into[1])}
			if err := s.RunOutputsInto(ctx, into, batch, layers...); err != nil {
				t.Fatal(err)
			}
			for k := range want {
				if !equal(into[k], want[k]) || first(into[k]) != kept[k] {
					t.Errorf("%s, %d images, output %d: not RunOutputs' numbers in the caller's memory", name, n, k)
				}
			}
		}
	}
	batch := batchOf(vocabulary, 2, 7)
	want, err := s.RunOutputs(t.Context(), batch, layers...)
	if err != nil {
		t.Fatal(err)
	}
	good, done := want[0].Clone(), cancelable
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		into []tensor.Tensor
		want string
	}{
		{t.Context(), nil, "session: run: got 0 destinations, want 2"},
		{t.Context(), []tensor.Tensor{good}, "session: run: got 1 destinations, want 2"},
		{t.Context(), []tensor.Tensor{good, good}, "session: run: output 1: destination has shape " + tensor.FormatShape(good.Shape)},
		{t.Context(), []tensor.Tensor{{}, want[1]}, "session: run: output 0: destination has shape [], want " + tensor.FormatShape(good.Shape)},
		{done, []tensor.Tensor{good, want[1].Clone()}, "session: run: context canceled"},
	} {
		for i := range good.Data {
			good.Data[i] = 42
		}
		err := s.RunOutputsInto(tt.ctx, tt.into, batch, layers...)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got error %v, want %q", err, tt.want)
		}
		for i, x := range good.Data {
			if x != 42 {
				t.Fatalf("%v: number %d was written", err, i)
			}
		}
	}
}

func first(x tensor.Tensor) *float32 {
	if len(x.Data) == 0 {
		return nil
	}
	return &x.Data[0]
}

func vocabularyFirst(t *testing.T) string {
	t.Helper()
	plan, err := vocabulary.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan.Layers[0].Name
}

// What is small runs on one thread: what a machine loses by waking others was
// measured.
func TestSmallBatches(t *testing.T) {
	for name, want := range map[string][2]int{"lenet5": {8, 40}, "alexnet": {0, 0}, "resnet18": {0, 0}, "mobilenet": {0, 0}} {
		t.Run(name, func(t *testing.T) {
			got := session.SmallBatch(t, name)
			if got < want[0] || got > want[1] {
				t.Errorf("batches of up to %d images run on one thread, want %d to %d", got, want[0], want[1])
			}
		})
	}
}
