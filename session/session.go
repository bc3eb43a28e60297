// Package session runs networks in TensorFlow. A service uses it like this:
//
//	net, err := nets.Load("lenet5") // or graph.Network{…}, graph.ReadNetwork
//	if err != nil {
//		log.Fatal(err)
//	}
//	session.OnLeak(func(l session.Leak) { log.Print(l) }) // sessions that were not closed
//	s, err := session.Open(net, net.InitialWeights(1), session.Options{
//		WarmUp:   []int{1, 8},                                           // no later run is a first run
//		Limit:    session.NewLimit(8, 512<<20),                          // runs and bytes in flight
//		Batching: session.Batching{Size: 8, Wait: 2 * time.Millisecond}, // small calls share runs
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close() // waits for runs, and frees TensorFlow's memory
//	counters := metrics.NewSessions()
//	counters.Add("digits", s)
//	prometheus.MustRegister(counters)
//
//	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
//	defer cancel()
//	images := tensor.MustNew(2, 32, 32, 1) // [N,H,W,C]; package images reads files
//	classes, err := s.Run(ctx, images)     // [N,10], of the last layer
//	var refused *session.BatchError
//	switch {
//	case errors.As(err, &refused): // the caller's fault
//	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, session.ErrMemory): // try later
//	case err != nil:
//		log.Fatal(err)
//	}
//	fmt.Println(classes.Shape, s.Stats().Images)
//
// The import of package session/tuned makes sessions faster. It changes the process;
// without it this package sets only the level of TensorFlow's log
// (process.Options.Log). docs/process.md has the whole list.
//
// The memory that a run takes in TensorFlow is freed when the run ends, the memory of
// the graph and the weights when the session is closed; the garbage collector frees
// neither.
//
// Networks of free size have package session/sizes, options of the whole process and
// devices package session/process, image files package session/images. docs/map.md
// names all packages.
package session

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/leak"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// Session is a network with its weights in TensorFlow. Its methods may be called from
// many goroutines at once. A session that is garbage and was not closed is reported;
// see OnLeak.
type Session struct{ *core }

// core is the part of a session that its own goroutines refer to: they do not keep the
// Session alive.
type core struct {
	lowered graph.Lowered
	device  string
	input   []int // [height, width, channels]
	options Options
	// Bytes of the weights, and of a run for each image.
	weightBytes, perImage int64

	network  tfNetwork
	batching *batcher                          // nil: off
	onShared func(batch, result tensor.Tensor) // is called after each run of a batch that calls may share; nil: is not
	calls    *calls.Calls
	checked  atomic.Int64 // the most images that every operation is known to take
	opened   *leak.Record
	freed    chan struct{} // closed when TensorFlow has nothing of the session any more
	closing  error         // of closing TensorFlow's sessions
}

// openCopies is how many copies of the weights TensorFlow has while a session opens:
// the graph's, and those of the session's own graph.
const openCopies = 2

// Open checks the network and its weights, builds the graph and starts a
// session. The network and the weights are copied; Close frees the session.
// Where the network or the weights are refused, the error is a *graph.Error. Where there
// is no memory for the weights, the error wraps ErrMemory.
func Open(net graph.Network, weights graph.Weights, o Options) (*Session, error) {
	lowered, err := graph.Lower(net)
	if err != nil {
		return nil, err
	}
	if err := lowered.CheckWeights(weights); err != nil {
		return nil, err
	}
	o, settings, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	memory, err := plan.MemoryOf(net, plan.Workload{DType: o.Compute})
	if err != nil {
		return nil, err
	}
	if err := tensorflow.CheckMemoryCached(openCopies * memory.Inference.Fixed); err != nil {
		return nil, fmt.Errorf("session: open: the weights: %w", err)
	}
	o.WarmUp = slices.Clone(o.WarmUp)
	c := &core{
		lowered: lowered, device: settings.Device, options: o,
		input:       slices.Clone(lowered.Program.Input),
		weightBytes: memory.Inference.Fixed, perImage: memory.Inference.PerImage,
		// The session's own limit, and that of its options.
		calls: calls.New(&calls.Limit{Runs: calls.RunsAtOnce()}, o.Limit.of()),
		freed: make(chan struct{}),
	}
	// The second session has a copy of the constants.
	c.network.onSecondSession = func() { c.calls.Allocate(c.weightBytes) }
	if err := c.network.build(lowered, weights, settings, o); err != nil {
		c.network.close()
		return nil, err
	}
	c.calls.Allocate(c.weightBytes)
	if o.Batching.Size > 0 {
		results, _ := tensor.Elements(c.shape(c.firstStep(), 1))
		rows, _ := tensor.Elements(c.input)
		if err := c.checkBatching(o.Batching.Size, rows, results); err != nil {
			c.network.close()
			return nil, fmt.Errorf("session: batching: %w", err)
		}
		c.batching = newBatcher(o.Batching, rows, results, c.computeShared)
		c.batching.onShared = c.calls.Shared
	}
	for _, n := range o.WarmUp {
		if err := c.warm(n); err != nil {
			c.network.close()
			return nil, fmt.Errorf("session: warm-up: %w", err)
		}
	}
	s := &Session{c}
	c.opened = leak.Watch(s, fmt.Sprintf("session of %d layers", len(lowered.Layers)), "tfcnn/session")
	return s, nil
}

// Device returns TensorFlow's name of the device that computes, as "/device:CPU:0".
func (s *Session) Device() string {
	if s == nil || s.core == nil {
		return ""
	}
	return s.device
}

// Compute returns the type of the session's arithmetic.
func (s *Session) Compute() graph.DType {
	if s == nil || s.core == nil {
		return ""
	}
	return s.options.Compute
}

// Close waits for the runs in flight, also for those whose ctx has ended, and frees the
// session. Later runs, and runs that wait for the Limit, fail with ErrClosed. A second
// Close waits too.
func (s *Session) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close until ctx ends. Where ctx ends first, the error wraps ctx's and
// names the runs in flight; the session is freed when they have ended, and a further
// Close or Shutdown waits for that.
func (s *Session) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("session: close: %w", calls.ErrNoContext)
	}
	if s == nil || s.core == nil {
		return nil
	}
	if s.calls.Close() {
		s.opened.Done()
		if s.batching != nil {
			s.batching.close()
		}
		go s.core.free()
	}
	if err := s.calls.Wait(ctx, s.freed); err != nil {
		return fmt.Errorf("session: close: %w", err)
	}
	return s.core.closing
}

// free frees TensorFlow's part of the session, as soon as no run uses it.
func (c *core) free() {
	<-c.calls.Idle()
	if c.batching != nil {
		<-c.batching.empty
	}
	c.closing = c.network.close()
	tensorflow.Trim() // or malloc keeps memory between blocks that others still use
	c.calls.Free()
	close(c.freed)
}

// Leak is a session that was not closed, and that no goroutine can reach any more.
type Leak struct {
	What     string // as "session of 3 layers"
	OpenedAt string // as "main.go:42 (main.main)"
}

// String returns the leak in one line.
func (l Leak) String() string { return leak.Leak(l).String() }

// OnLeak sets the function that is called, on a goroutine of its own, for each session
// that the garbage collector finds unclosed; TensorFlow's memory of such a session is
// lost. Without OnLeak, or after OnLeak(nil), a line on stderr reports the session.
// Package session/sessiontest fails tests that leave sessions open.
func OnLeak(f func(Leak)) {
	if f == nil {
		leak.Report(nil)
		return
	}
	leak.Report(func(l leak.Leak) { f(Leak(l)) })
}
