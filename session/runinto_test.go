package session_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/profile"
)

func newTensor(t testing.TB, shape ...int) tensor.Tensor {
	t.Helper()
	x, err := tensor.New(shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// slow takes 9 billion multiplications an image.
var slow = graph.Network{
	Input:  graph.Input{Height: 300, Width: 300, Channels: 64},
	Layers: []graph.Layer{graph.Conv2D{Filters: 64, Size: graph.Square(5), Padding: graph.Same}},
}

// RunInto gives Run's bits, wherever the batch lies, with a ctx that can end
// and one that cannot, and writes to nothing else.
func TestRunInto(t *testing.T) {
	s, _ := open(t, vocabulary)
	cancelable, cancel := context.WithCancel(t.Context())
	defer cancel()
	for n := range 4 {
		batch := batchOf(vocabulary, n, 7)
		want, err := s.Run(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for offset := range 5 { // of the numbers from where Go allocates
			for name, ctx := range map[string]context.Context{"cancelable": cancelable, "background": context.Background()} {
				room := make([]float32, len(batch.Data)+offset)
				copy(room[offset:], batch.Data)
				into := make([]float32, len(want.Data)+2*offset)
				for i := range into {
					into[i] = 42
				}
				result := tensor.Tensor{Shape: want.Shape, Data: into[offset : offset+len(want.Data)]}
				if err := s.RunInto(ctx, result, tensor.Tensor{Shape: batch.Shape, Data: room[offset:]}); err != nil {
					t.Fatal(err)
				}
				if equal, at := tensor.Equal(result, want); !equal {
					t.Errorf("%s, %d images, offset %d: differs at %d from Run", name, n, offset, at)
				}
				for i, x := range into {
					if (i < offset || i >= offset+len(want.Data)) && x != 42 {
						t.Errorf("%s, %d images, offset %d: number %d outside the result was written", name, n, offset, i)
					}
				}
				for i, x := range batch.Data {
					if room[offset+i] != x {
						t.Fatalf("%s: the batch was written to", name)
					}
				}
			}
		}
	}
}

func TestRunIntoRefuses(t *testing.T) {
	s, _ := open(t, vocabulary)
	batch := batchOf(vocabulary, 2, 7)
	good, err := s.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	wider := append([]int{}, good.Shape...)
	wider[2]++
	for name, tt := range map[string]struct {
		into, batch tensor.Tensor
		want        string
	}{
		"one image":     {newTensor(t, append([]int{1}, good.Shape[1:]...)...), batch, "destination has shape [1,"},
		"wider":         {newTensor(t, wider...), batch, "destination has shape [2,"},
		"rank":          {newTensor(t, 2), batch, "destination has shape [2], want [2,"},
		"nil":           {tensor.Tensor{}, batch, "destination has shape []"},
		"numbers":       {tensor.Tensor{Shape: good.Shape, Data: good.Data[1:]}, batch, "numbers"},
		"batch is nil":  {good, tensor.Tensor{}, "batch is []"},
		"batch is long": {good, tensor.Tensor{Shape: batch.Shape, Data: append(batch.Data, 1)}, "numbers"},
	} {
		before := append([]float32{}, tt.into.Data...)
		err := s.RunInto(t.Context(), tt.into, tt.batch)
		if err == nil || !strings.HasPrefix(err.Error(), "session: run: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		for i, x := range before {
			if tt.into.Data[i] != x {
				t.Fatalf("%s: written to", name)
			}
		}
	}
	for _, s := range []*session.Session{nil, {}} {
		if err := s.RunInto(t.Context(), good, batch); !errors.Is(err, session.ErrClosed) {
			t.Errorf("no session: %v", err)
		}
		if _, err := s.Run(t.Context(), batch); !errors.Is(err, session.ErrClosed) {
			t.Errorf("no session: %v", err)
		}
		if _, err := s.RunOutputs(t.Context(), batch); !errors.Is(err, session.ErrClosed) {
			t.Errorf("no session: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("no session: %v", err)
		}
		s.Stats()
	}
}

// A network that returns its input gives the input's own memory back.
func TestRunIntoIdentity(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 16, Width: 16, Channels: 4}, Layers: []graph.Layer{graph.Flatten{}}}
	s, _ := open(t, net)
	batch := batchOf(net, 8, 1)
	into := newTensor(t, 8, 16*16*4)
	for range 100 {
		if err := s.RunInto(context.Background(), into, batch); err != nil {
			t.Fatal(err)
		}
		for i, x := range batch.Data {
			if into.Data[i] != x {
				t.Fatalf("number %d is %v, want %v", i, into.Data[i], x)
			}
		}
		runtime.GC()
	}
}

func TestRunIntoAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s, _ := open(t, vocabulary)
	cancelable, cancel := context.WithCancel(t.Context())
	defer cancel()
	batch := batchOf(vocabulary, 2, 7)
	into, err := s.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancelable": cancelable} {
		if n := testing.AllocsPerRun(200, func() {
			if err := s.RunInto(ctx, into, batch); err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations a run, want 0", name, n)
		}
	}
}

// A deadline ends a run while a kernel is busy; what it leaves behind is
// counted, reported by Shutdown, and waited for by Close.
func TestDeadline(t *testing.T) {
	s, _ := open(t, slow)
	batch := batchOf(slow, 4, 1)
	if _, err := s.Run(context.Background(), batchOf(slow, 1, 1)); err != nil {
		t.Fatal(err)
	}
	// On a busy machine a short one may end before the run is in flight.
	var tries int64
	for timeout := 5 * time.Millisecond; s.Stats().InFlight == 0; timeout *= 2 {
		tries++
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		_, err := s.Run(ctx, batch)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "session: run: context deadline exceeded" {
			t.Fatalf("a deadline of %v: %v", timeout, err)
		}
	}
	if stats := s.Stats(); stats.InFlight != 1 || stats.Canceled != tries || stats.Runs != 1 || stats.Errors != 0 || stats.Bytes <= stats.MostBytes/2 {
		t.Errorf("%+v", stats)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := s.Shutdown(short)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "session: close: still under way: a run of 4 images for ") {
		t.Error(err)
	}
	if _, err := s.Run(t.Context(), batch); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Shutdown: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if stats := s.Stats(); stats.InFlight != 0 || stats.Bytes != 0 || stats.Errors != 1 {
		t.Errorf("after Close: %+v", stats)
	}
}

// Under a limit of one run a second waits for the first, even when its caller
// has left, and one that waits when the session is closed is told so.
func TestLimitedRuns(t *testing.T) {
	limit := session.NewLimit(1, 0)
	s, err := session.Open(slow, slow.InitialWeights(1), session.Options{Device: "cpu", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other, err := session.Open(vocabulary, vocabulary.InitialWeights(1), session.Options{Device: "cpu", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	large, small := batchOf(slow, 8, 1), batchOf(vocabulary, 1, 1)
	// leave leaves a run as soon as it is where it is to be.
	leave := func(s *session.Session, batch tensor.Tensor, there func(session.Stats) bool) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		left := make(chan error, 1)
		go func() { _, err := s.Run(ctx, batch); left <- err }()
		for !there(s.Stats()) && len(left) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		return <-left
	}
	if err := leave(s, large, func(s session.Stats) bool { return s.InFlight == 1 }); !errors.Is(err, context.Canceled) || s.Stats().InFlight != 1 {
		t.Fatal(err)
	}
	if err := leave(other, small, func(s session.Stats) bool { return s.Waiting == 1 }); !errors.Is(err, context.Canceled) {
		t.Errorf("second run while the first goes on: %v", err)
	}
	finished := make(chan error, 1)
	go func() { _, err := other.Run(t.Context(), small); finished <- err }()
	for other.Stats().Waiting == 0 && len(finished) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := <-finished; !errors.Is(err, session.ErrClosed) {
		t.Errorf("waiting when closed: %v", err)
	}
	if _, err := s.Run(t.Context(), batchOf(slow, 1, 1)); err != nil { // the slot is free again
		t.Error(err)
	}
}

func TestLimitOfBytes(t *testing.T) {
	memory, err := vocabulary.Memory(graph.Workload{})
	if err != nil {
		t.Fatal(err)
	}
	limit := session.NewLimit(0, 2*memory.Inference.PerImage)
	s, err := session.Open(vocabulary, vocabulary.InitialWeights(1), session.Options{Device: "cpu", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(t.Context(), batchOf(vocabulary, 2, 1)); err != nil {
		t.Error(err)
	}
	if _, err := s.Run(t.Context(), batchOf(vocabulary, 3, 1)); !errors.Is(err, session.ErrLimit) {
		t.Errorf("3 images: %v", err)
	}
}

// A session that is dropped unclosed is reported with this file's name.
func TestLeakIsReported(t *testing.T) {
	leaks := make(chan session.Leak, 1)
	session.OnLeak(func(l session.Leak) { leaks <- l })
	defer session.OnLeak(nil)
	kept := func() interface{ Leave() } { // its native memory is the only thing that stays
		s, err := session.Open(onePool, nil, session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context(), batchOf(onePool, 1, 1)); err != nil {
			t.Fatal(err)
		}
		return session.Leaver(s)
	}()
	defer kept.Leave()
	for deadline := time.After(10 * time.Second); ; {
		runtime.GC()
		select {
		case l := <-leaks:
			if l.What != "session of 1 layers" || !strings.Contains(l.OpenedAt, "runinto_test.go:") {
				t.Errorf("%q", l)
			}
			return
		case <-deadline:
			t.Fatal("not reported")
		case <-time.After(time.Millisecond):
		}
	}
}

// whole draws small whole numbers, on which every type is exact.
func whole(net graph.Network, n int) (graph.Weights, tensor.Tensor) {
	weights, batch := net.InitialWeights(3), batchOf(net, n, 3)
	for _, w := range weights {
		for i, x := range w.Data {
			w.Data[i] = float32(math.Round(float64(x)*1e9)) - 3*float32(math.Round(float64(x)*1e9/3))
		}
	}
	for i, x := range batch.Data {
		batch.Data[i] = float32(int(x)) // mostly -1, 0, 1
	}
	return weights, batch
}

// Executors, stores and types agree, where arithmetic is exact: to the bit.
func TestOptionsAgree(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 12, Width: 9, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "a", Filters: 40, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
			graph.MaxPool{Name: "b", Size: graph.Square(2)},
			graph.Flatten{Name: "c"},
			graph.Dense{Name: "d", Units: 8},
		},
		Outputs: []string{"b", "a"},
	}
	weights, batch := whole(net, 2)
	var want []tensor.Tensor
	for i, o := range []session.Options{
		{},
		{Executor: session.Single},
		{Executor: session.Parallel},
		{Weights: session.Constants},
		{Weights: session.Fed},
		{Compute: graph.BFloat16},
		{Compute: graph.BFloat16, Weights: session.Fed},
		{Compute: graph.Float16},
		{Compute: graph.Float16, Weights: session.Fed, Executor: session.Parallel},
		{WarmUp: []int{1, 2, 3}},
		{Threads: 1},
		{Threads: 3, Executor: session.Parallel},
	} {
		if o.Threads > 0 && !session.Tuned() {
			continue
		}
		o.Device = "cpu"
		s, err := session.Open(net, weights, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.RunOutputs(t.Context(), batch)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		traced, layers, err := profile.Trace(t.Context(), s, batch)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		if len(layers) == 0 || len(layers[0].Devices) == 0 {
			t.Errorf("%+v: nothing was traced: %+v", o, layers)
		}
		if i == 0 {
			want = got
			largest := float32(0)
			for _, x := range want[1].Data {
				largest = max(largest, x)
			}
			if largest < 3 || largest > 256 { // whole numbers up to 256 are exact in bfloat16
				t.Fatalf("largest sum is %v", largest)
			}
		}
		for k := range want {
			if equal, at := tensor.Equal(got[k], want[k]); !equal {
				t.Errorf("%+v: output %d differs at %d: %v, want %v", o, k, at, got[k].Data[at], want[k].Data[at])
			}
			if equal, _ := tensor.Equal(traced[k], want[k]); !equal {
				t.Errorf("%+v: output %d differs when traced", o, k)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
