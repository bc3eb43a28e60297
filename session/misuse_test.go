package session_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session"
	"tfcnn/session/profile"
	"tfcnn/session/sizes"
	"tfcnn/session/verify"
)

var small = graph.Network{
	Input:  graph.Input{Height: 8, Width: 8, Channels: 1},
	Layers: []graph.Layer{graph.MaxPool{Name: "pool", Size: graph.Square(2)}},
}

// needsTuned skips a test of what the import of session/tuned allows.
func needsTuned(t *testing.T) {
	t.Helper()
	if !session.Tuned() {
		t.Skip("built with -tags plain")
	}
}

// within fails the test where f takes so long that it hangs.
func within(t *testing.T, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
	}
}

// closes holds that nothing is counted any more, that the session still runs,
// and that Close returns.
func closes(t *testing.T, s *session.Session) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		st := s.Stats() // calls that were left may still be under way
		if st.InFlight == 0 && st.Waiting == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%d calls in flight, %d waiting, want none", st.InFlight, st.Waiting)
			break
		}
	}
	within(t, "Run", func() error {
		_, err := s.Run(context.Background(), batchOf(small, 2, 1))
		return err
	})
	within(t, "Close", s.Close)
}

// Every method that takes a ctx refuses nil, and counts nothing.
func TestNilContext(t *testing.T) {
	s, err := session.Open(small, nil, session.Options{Device: "cpu", Batching: session.Batching{Size: 4}, Limit: session.NewLimit(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	free, err := sizes.Open(small, nil, sizes.Options{Options: session.Options{Device: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	backend, err := operations.NewBackend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "ctx is nil") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that says that ctx is nil", what, err)
		}
	}
	batch := batchOf(small, 1, 1)
	called := 0
	for _, on := range []any{s, free, (*session.Session)(nil), (*sizes.Sessions)(nil)} {
		v := reflect.ValueOf(on)
		for i := range v.NumMethod() {
			kind := v.Method(i).Type()
			if kind.NumIn() == 0 || kind.In(0) != reflect.TypeFor[context.Context]() {
				continue
			}
			var arguments []reflect.Value
			for k := range kind.NumIn() {
				a := reflect.Zero(kind.In(k))
				if kind.In(k) == reflect.TypeFor[tensor.Tensor]() {
					a = reflect.ValueOf(batch)
				}
				if !kind.IsVariadic() || k+1 < kind.NumIn() {
					arguments = append(arguments, a)
				}
			}
			results := v.Method(i).Call(arguments)
			err, _ := results[len(results)-1].Interface().(error)
			refused(fmt.Sprintf("%T.%s", on, v.Type().Method(i).Name), err)
			called++
		}
	}
	if called < 20 {
		t.Errorf("%d methods take a ctx, want 20 or more", called)
	}
	var none context.Context
	_, err = backend.Apply(none, ir.Flatten{}, batch)
	refused("Backend.Apply", err)
	_, err = verify.Network(none, small, nil, batch, verify.Options{})
	refused("Verify", err)
	_, _, err = profile.Trace(none, s, batch)
	refused("Trace", err)

	if st := s.Stats(); st.Errors+st.Canceled+st.Runs != 0 {
		t.Errorf("counted: %+v", st)
	}
	closes(t, s)
	within(t, "Sessions.Close", free.Close)
}

// breaking is a ctx whose methods panic from a call on.
type breaking struct {
	context.Context
	left int // calls that go well
}

func (b *breaking) call() {
	if b.left--; b.left < 0 {
		panic("ctx is broken")
	}
}

func (b *breaking) Done() <-chan struct{} { b.call(); return b.Context.Done() }
func (b *breaking) Err() error            { b.call(); return b.Context.Err() }

// lying is a ctx that has ended and does not say why.
type lying struct{ context.Context }

func (lying) Err() error { return nil }

// A ctx that panics, at whichever of its calls, panics in its caller and leaves
// nothing counted: the session runs on, and Close returns.
func TestPanickingContext(t *testing.T) {
	kinds := map[string]func() (context.Context, context.CancelFunc){
		"background": func() (context.Context, context.CancelFunc) { return context.Background(), func() {} },
		"live":       func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) },
		"ended":      func() (context.Context, context.CancelFunc) { return context.WithTimeout(context.Background(), -1) },
		"ending": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 5*time.Millisecond)
		},
	}
	batch := batchOf(small, 2, 1)
	calls := map[string]func(context.Context, *session.Session) error{
		"Run": func(ctx context.Context, s *session.Session) error { _, err := s.Run(ctx, batch); return err },
		"RunInto": func(ctx context.Context, s *session.Session) error {
			return s.RunInto(ctx, tensor.Tensor{Shape: []int{2, 4, 4, 1}, Data: make([]float32, 32)}, batch)
		},
		"RunOutputs": func(ctx context.Context, s *session.Session) error {
			_, err := s.RunOutputs(ctx, batch, "pool")
			return err
		},
		"Trace": func(ctx context.Context, s *session.Session) error {
			_, _, err := profile.Trace(ctx, s, batch)
			return err
		},
	}
	for _, o := range []struct {
		name  string
		o     session.Options
		taken bool // the limit's only slot is taken
	}{
		{"alone", session.Options{Limit: session.NewLimit(1, 1<<20)}, false},
		{"in the queue", session.Options{Limit: session.NewLimit(1, 0)}, true},
		{"shared", session.Options{Batching: session.Batching{Size: 8}, Limit: session.NewLimit(1, 0)}, false},
		{"shared, in the queue", session.Options{Batching: session.Batching{Size: 8}, Limit: session.NewLimit(1, 0)}, true},
	} {
		for name, call := range calls {
			for kind, inner := range kinds {
				if o.taken && kind != "ending" {
					continue // it would wait for ever
				}
				t.Run(o.name+"/"+name+"/"+kind, func(t *testing.T) {
					options := o.o
					options.Device = "cpu"
					s, err := session.Open(small, nil, options)
					if err != nil {
						t.Fatal(err)
					}
					release := func() {}
					if o.taken {
						release, _ = session.Take(options.Limit)
					}
					broke := 0
					for n, again := 0, true; again && n < 100; n++ {
						within(t, fmt.Sprintf("call with a ctx that breaks after %d", n), func() (err error) {
							defer func() {
								if again = recover() != nil; again {
									broke++
								}
							}()
							ctx, cancel := inner()
							defer cancel()
							_ = call(&breaking{ctx, n}, s)
							return nil
						})
					}
					if broke == 0 {
						t.Error("no ctx broke")
					}
					if queued := session.Queued(options.Limit); queued != 0 && options.Batching.Size == 0 {
						t.Errorf("%d wait for the limit, want none", queued)
					}
					release()
					closes(t, s)
					if back, ok := session.Take(options.Limit); !ok {
						t.Error("the limit's slot was not returned")
					} else {
						back()
					}
				})
			}
		}
	}
}

// A ctx that has ended and whose Err is nil is an error, not an empty result.
func TestContextWithoutReason(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	limit := session.NewLimit(1, 0)
	s, err := session.Open(small, nil, session.Options{Device: "cpu", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	release, _ := session.Take(limit)
	if _, err := s.Run(lying{ended}, batchOf(small, 1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	release()
	closes(t, s)
}

// Options that ask for more than there can be are refused at Open, which leaves
// nothing behind.
func TestOpenRefusesSizes(t *testing.T) {
	batching := func(size int, wait time.Duration) session.Options {
		return session.Options{Batching: session.Batching{Size: size, Wait: wait}}
	}
	refused := map[string]session.Options{
		"a batch of -1":            batching(-1, 0),
		"a batch of 1<<27":         batching(1<<27, 0),
		"a batch of 1e9":           batching(1e9, 0),
		"a batch of 1<<31":         batching(1<<31, 0),
		"a batch of 1<<58":         batching(1<<58, 0),
		"a batch of 1<<61+1":       batching(1<<61+1, 0),
		"a batch of 1<<62":         batching(1<<62, 0),
		"the largest batch":        batching(math.MaxInt, 0),
		"a GiB and an image":       batching(1<<30/(4*(64+16))+1, 0),
		"a wait of -1":             batching(4, -1),
		"the longest wait":         batching(4, math.MaxInt64),
		"a wait of a minute and 1": batching(4, time.Minute+1),
		"a limit of -1 runs":       {Limit: session.NewLimit(-1, 0)},
		"a limit of -1 bytes":      {Limit: session.NewLimit(0, -1)},
		"no image to warm up":      {WarmUp: []int{1, 0}},
		"-1 images to warm up":     {WarmUp: []int{-1}},
		"1<<40 images to warm up":  {WarmUp: []int{1 << 40}},
		"1<<62 images to warm up":  {WarmUp: []int{2, 1 << 62}},
		"-1 threads":               {Threads: -1},
		"1<<40 threads":            {Threads: 1 << 40},
	}
	before := capi.LiveAllocations()
	for name, o := range refused {
		o.Device = "cpu"
		s, err := session.Open(small, nil, o)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want an error of one line", name, err)
		}
		if err == nil {
			s.Close()
		}
	}
	for name, o := range map[string]sizes.Options{
		"a batch of 1<<62": {Options: batching(1<<62, 0)},
		"a batch of 1e9":   {Options: batching(1e9, 0)},
		"-1 sessions":      {MaxSessions: -1},
		"-1 bytes":         {Bytes: -1},
	} {
		o.Device = "cpu"
		if s, err := sizes.Open(small, nil, o); err == nil {
			t.Errorf("sizes.Open with %s: no error", name)
			s.Close()
		}
	}
	if after := capi.LiveAllocations(); after != before {
		t.Errorf("native memory: %+v, want %+v as before", after, before)
	}
	for name, o := range map[string]session.Options{
		"a batch of 1024":    batching(1024, time.Minute),
		"the largest limit":  {Limit: session.NewLimit(math.MaxInt, math.MaxInt64)},
		"no limit":           {Limit: &session.Limit{}},
		"a batch of one GiB": {Batching: session.Batching{Size: 1 << 30 / (4 * (64 + 16)) / 8}},
	} {
		o.Device = "cpu"
		s, err := session.Open(small, nil, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		closes(t, s)
	}
}

// Calls that ask for more than there can be are refused, too.
func TestCallsRefuseSizes(t *testing.T) {
	s, err := session.Open(small, nil, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, n := range []int{-1, math.MinInt, math.MaxInt, 1 << 62, 1 << 40} {
		if _, err := s.Run(ctx, tensor.Tensor{Shape: []int{n, 8, 8, 1}}); err == nil {
			t.Errorf("Run of %d images without numbers: no error", n)
		}
	}
	closes(t, s)
}

func TestOptionsRefused(t *testing.T) {
	for want, o := range map[string]session.Options{
		`executor is "two"`:                   {Executor: "two"},
		`unknown Compute "float64"`:           {Compute: "float64"},
		`unknown WeightStore "away"`:          {Weights: "away"},
		"warm-up: got 0 images":               {WarmUp: []int{0}},
		"warm-up: batch of 1073741824 images": {WarmUp: []int{1 << 30}},
		"not enough memory":                   {WarmUp: []int{1 << 24}},
	} {
		o.Device = "cpu"
		s, err := session.Open(vocabulary, vocabulary.InitialWeights(1), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		s.Close()
	}
}
