// Package session runs networks in TensorFlow.
//
//	s, err := session.Open(net, net.InitialWeights(1), session.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//	maps, err := s.Run(ctx, pictures) // [N,H,W,C] in, the last layer's [N,H',W',C'] out
//
// What a run allocates outside Go's heap is freed when the run ends, and a
// session's graph and weights when it is closed: the garbage collector has no
// part in it.
//
// The package changes nothing of the process that it is in, but for the level of
// TensorFlow's log (Process.Log). Package session/tuned lets a program have more;
// docs/process.md lists all.
package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/leak"
	"tfcnn/internal/tensorflow"
)

// ErrClosed is wrapped by the error of a run on a session that was closed.
var ErrClosed = errors.New("session is closed")

// Session is a network with its weights in TensorFlow. Its methods may be
// called from many goroutines at once. One that is garbage and was not closed
// is reported; see OnLeak.
type Session struct{ *core }

// core is a session without what its owner holds, so that goroutines of its
// own do not keep that alive.
type core struct {
	lowered graph.Lowered
	device  string
	input   []int // [height, width, channels]
	options Options
	// What the weights take, and what a run needs for each picture; bytes.
	weightBytes, perPicture int64

	native   native
	workers  workerPool
	batching *batcher // nil: off
	limits   []*Limit // the session's own, and that of its options
	running  *tracker
	counters counters
	checked  atomic.Int64 // the most pictures that every operation takes, as far as tried
	opened   *leak.Record
	freed    chan struct{} // closed when nothing native is left
	closing  error         // what went wrong then
}

// openCopies is how many times the weights are in TensorFlow's memory while a
// session opens: in the graph, and in the session's copy of it.
const openCopies = 2

// Open checks the network and its weights, builds the graph and starts a
// session. The network and the weights are copied; Close frees the session.
// Refusals of the network or the weights are *graph.Error. Weights that there is no
// memory for are an error that wraps ErrMemory.
func Open(net graph.Network, weights graph.Weights, o Options) (*Session, error) {
	lowered, err := graph.Lower(net)
	if err != nil {
		return nil, err
	}
	if err := weights.CheckProgram(lowered.Program); err != nil {
		return nil, err
	}
	o, settings, err := o.settle()
	if err != nil {
		return nil, err
	}
	memory, err := net.Memory(graph.Workload{DType: o.Compute})
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
		weightBytes: memory.Inference.Fixed, perPicture: memory.Inference.PerImage,
		running: newTracker(), freed: make(chan struct{}),
	}
	// The constants are there once more then.
	c.native.another = func() { c.counters.allocate(c.weightBytes) }
	if err := c.native.open(lowered, weights, settings, o); err != nil {
		c.native.close()
		return nil, err
	}
	c.counters.allocate(c.weightBytes)
	c.workers.ended = c.leave
	c.limits = []*Limit{NewLimit(runsAtOnce(), 0)}
	if o.Limit != nil {
		c.limits = append(c.limits, o.Limit)
	}
	if o.Batching.Size > 0 {
		results, _ := tensor.Elements(c.shape(c.firstStep(), 1))
		rows, _ := tensor.Elements(c.input)
		if err := c.checkBatching(o.Batching.Size, rows, results); err != nil {
			c.native.close()
			return nil, fmt.Errorf("session: batching: %w", err)
		}
		c.batching = newBatcher(o.Batching, rows, results, c.computeJoint)
		c.batching.served = c.counters.shared
	}
	for _, n := range o.WarmUp {
		if err := c.warm(n); err != nil {
			c.native.close()
			return nil, fmt.Errorf("session: warm-up: %w", err)
		}
	}
	s := &Session{c}
	c.opened = leak.Watch(s, fmt.Sprintf("session of %d layers", len(lowered.Layers)), "tfcnn/session")
	return s, nil
}

// Device is where the session's nodes are placed, as "/device:CPU:0".
func (s *Session) Device() string {
	if s == nil || s.core == nil {
		return ""
	}
	return s.device
}

// Compute is the type of the session's arithmetic.
func (s *Session) Compute() graph.DType {
	if s == nil || s.core == nil {
		return ""
	}
	return s.options.Compute
}

// Close waits for the runs that are under way, also for those whose ctx has
// ended, and frees the session. Runs that come later, and those that wait for
// a place of the Limit, fail with ErrClosed. A second Close waits too.
func (s *Session) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close for so long as ctx lasts. When that ends first, the error
// wraps ctx's and says what is still under way; the session is freed when that
// is through, and a further Close or Shutdown waits for it.
func (s *Session) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("session: close: %w", errNoContext)
	}
	if s == nil || s.core == nil {
		return nil
	}
	if s.running.close() {
		s.opened.Done()
		if s.batching != nil {
			s.batching.close()
		}
		go s.core.free()
	}
	if err := s.running.wait(ctx, s.freed); err != nil {
		return err
	}
	return s.core.closing
}

// free frees what is native, as soon as nothing uses it.
func (c *core) free() {
	<-c.running.idle
	if c.batching != nil {
		<-c.batching.empty
	}
	c.workers.close()
	c.closing = c.native.close()
	tensorflow.Trim() // or malloc keeps what lay between what others still use
	c.counters.bytes.Store(0)
	close(c.freed)
}

// A Leak is a session that nobody has closed and nobody can close any more.
type Leak = leak.Leak

// OnLeak has f called, on a goroutine of its own, for each session that the
// garbage collector finds unclosed; its native memory is lost. Without it, or
// after OnLeak(nil), a line on stderr says so. Tests have package
// session/sessiontest.
func OnLeak(f func(Leak)) { leak.Report(f) }
