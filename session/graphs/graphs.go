// Package graphs runs graphs that are built by hand in TensorFlow, with the limits,
// the counters and the memory of package session.
//
//	root := tfgo.NewRoot()
//	images := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 4, 4, 1)))
//	pooled, err := node.MaxPool(root, images, node.PoolOptions{Size: [4]int{1, 2, 2, 1}})
//	if err != nil {
//		log.Fatal(err)
//	}
//	s, err := graphs.Open(root, graphs.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//	pool, err := s.Function(graphs.Signature{
//		Feeds:   map[string]tf.Output{"images": images},
//		Fetches: map[string]tf.Output{"pooled": pooled},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	out, err := pool.Run(ctx, map[string]tensor.Tensor{"images": batch}) // out["pooled"]
//
// A session runs a copy of the graph, as the graph is when it is opened: the scope
// may be extended, opened again, or dropped. Variables and queues belong to the
// session, and all its functions share them.
//
// What a run allocates outside Go's heap is freed when the run ends, and the copy
// of the graph when the session is closed. The garbage collector frees the caller's
// own graph, as the bindings do.
//
// # Shapes
//
// A feed whose shape the graph does not take is an error before TensorFlow sees it.
// Where a feed's shape is unknown in part, as the number of images is above, each new
// combination of sizes is checked once: TensorFlow infers the shapes of all nodes that
// the function needs, which takes as long as building them. On sizes that
// the inference refuses some kernels compute wrong results or end the process, as
// MaxPool on images smaller than its window.
//
// # Runs that wait
//
// A run may wait for another one, as a queue's dequeue waits for an enqueue. Such
// a run counts in Options.Limit, and occupies an operating system's thread. When its
// ctx ends the caller returns; the run itself goes on waiting until it is answered, or
// until Close or Shutdown end it. A session lets at most 256 runs into TensorFlow at
// once; where all of those have lost their callers, a further run fails with
// ErrAbandoned.
//
// docs/map.md maps the packages of this module.
package graphs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"weak"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"golang.org/x/sync/semaphore"

	"tfcnn/internal/capi"
	"tfcnn/internal/leak"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/internal/calls"
	"tfcnn/session/internal/seam"
)

// Options says where and how a graph runs. The zero value works.
type Options struct {
	// Device is where nodes run that name no device: "cpu", where no GPU is touched;
	// "gpu" (the first) or "gpu:N"; or "auto", which leaves each such node to
	// TensorFlow: on a GPU where there is one and TensorFlow has a kernel for it, else
	// on the CPU. Empty: "auto". A GPU that does not exist is an error that wraps
	// session.ErrNoDevice. Runs of a node fail where its device has no kernel for it.
	Device string
	// Executor is how TensorFlow walks through the graph. Empty: session.Parallel,
	// which takes every graph. session.Single takes no graph with control flow of
	// TensorFlow 1 (Switch, Merge) or reference variables, and is faster where the
	// operations are small.
	Executor session.Executor
	// Limit bounds the runs in flight, and the bytes of what they feed and fetch with
	// those of Signature.Bytes; sessions of networks may share it. Nil: none but that
	// of the package comment.
	Limit *session.Limit
}

// mostRuns bounds the threads of a session's callers: Go ends a process that has more
// than 10,000. It is far above the number of runs that compute at once, as runs may
// wait for each other.
const mostRuns = 256

// ErrAbandoned is the error of a run of a session in which as many runs as it lets in
// have lost their callers, whose ctx ended. Where those compute, a later run succeeds;
// where they wait, as for a queue, only Close and Shutdown end them.
var ErrAbandoned = fmt.Errorf("%d runs have lost their callers and are still in TensorFlow", mostRuns)

// Session is a graph in TensorFlow. Its methods may be called from many goroutines at
// once. A Session that is garbage and was not closed is reported; see session.OnLeak.
type Session struct{ *core }

// core is a session without what its owner holds, so that goroutines of its own do
// not keep that alive.
type core struct {
	source weak.Pointer[tf.Graph] // the caller's graph
	graph  *tf.Graph              // the copy
	device string
	calls  *calls.Calls
	opened *leak.Record
	freed  chan struct{} // closed when nothing native is left
	failed error         // why closing failed, then

	canceled atomic.Bool // what waits in TensorFlow was ended

	inferring *semaphore.Weighted // of one shape inference; the others wait for it, or for their ctx

	mu      sync.Mutex
	session *tensorflow.Session // nil: closed
	runners []*capi.Runner      // of the functions
}

// Open starts a session on the graph that a scope has built so far. The scope, and
// those that it is derived from, must not be used by another goroutine meanwhile. An
// error that the scope holds is Open's error.
func Open(scope *op.Scope, o Options) (s *Session, err error) {
	defer recovered("open", &err)
	if scope == nil {
		return nil, errors.New("graphs: open: scope is nil")
	}
	if err := scope.Err(); err != nil {
		return nil, fmt.Errorf("graphs: open: scope holds an error: %w", tensorflow.OneLine(err))
	}
	graph, err := capi.GraphOf(scope)
	if err != nil {
		return nil, fmt.Errorf("graphs: open: %w", err)
	}
	return open(graph, o)
}

// OpenGraph starts a session on a graph, as op.Scope.Finalize returns it or
// tf.Graph.Import has filled it.
func OpenGraph(graph *tf.Graph, o Options) (s *Session, err error) {
	defer recovered("open", &err)
	if graph == nil {
		return nil, errors.New("graphs: open: graph is nil")
	}
	return open(graph, o)
}

func open(graph *tf.Graph, o Options) (*Session, error) {
	if o.Executor == "" {
		o.Executor = session.Parallel
	}
	settings, err := tensorflow.Options{Device: o.Device, Executor: tensorflow.Executor(o.Executor)}.Resolve()
	if err != nil {
		return nil, fmt.Errorf("graphs: open: %w", err)
	}
	limit := seam.LimitOf(o.Limit)
	if limit != nil {
		if err := limit.Check(); err != nil {
			return nil, fmt.Errorf("graphs: open: %w", err)
		}
	}
	source, err := capi.WrapGraph(graph)
	if err != nil {
		return nil, fmt.Errorf("graphs: open: %w", err)
	}
	c := &core{
		source: weak.Make(graph), device: settings.Device,
		calls: calls.New(&calls.Limit{Runs: mostRuns}, limit), freed: make(chan struct{}), inferring: semaphore.NewWeighted(1),
	}
	var bytes int64
	device := "" // of nodes that name none: TensorFlow's choice
	if tensorflow.Named(o.Device) {
		device = settings.Device
	}
	if c.graph, bytes, err = source.Copy(device); err != nil {
		return nil, fmt.Errorf("graphs: open: %w", err)
	}
	if c.session, err = tensorflow.Open(c.graph, settings); err != nil {
		capi.FreeGraph(c.graph)
		return nil, fmt.Errorf("graphs: open: %w", err)
	}
	c.calls.Allocate(bytes)
	s := &Session{c}
	c.opened = leak.Watch(s, fmt.Sprintf("session of a graph of %d nodes", len(c.graph.Operations())), "tfcnn/session/graphs")
	return s, nil
}

// Device returns the device that Options.Device has chosen, as "/device:CPU:0".
func (s *Session) Device() string {
	if s == nil || s.core == nil {
		return ""
	}
	return s.device
}

// Stats returns the counters of all functions. Images and the counters of shared
// batches are 0; Bytes has the graph's definition, and what runs in flight feed and
// fetch with Signature.Bytes. Package session/metrics exports it.
func (s *Session) Stats() session.Stats {
	counters := &calls.Counters{}
	if s != nil && s.core != nil {
		counters = &s.calls.Counters
	}
	n := counters.Read()
	return session.Stats{
		Runs: n.Runs, Errors: n.Errors, Canceled: n.Canceled,
		InFlight: n.InFlight, Waiting: n.Waiting, Bytes: n.Bytes, MostBytes: n.MostBytes,
		Latency: session.Latency{Bounds: n.LatencyBounds, Counts: n.LatencyCounts, Sum: n.LatencySum},
	}
}

// Close waits for the runs whose callers wait for them, ends those that wait in
// TensorFlow and have lost their caller, and frees the session. Runs that come
// later fail with session.ErrClosed. A second Close waits too.
func (s *Session) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close, but when ctx ends it also ends the runs whose callers wait for
// them: those fail with session.ErrClosed, at once where they wait in TensorFlow, and
// else when the kernels that compute have finished. The error then wraps ctx's and
// lists the runs that were under way; the session is freed when they have ended, and
// a further Close or Shutdown waits for that.
func (s *Session) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("graphs: close: %w", calls.ErrNoContext)
	}
	if s == nil || s.core == nil {
		return nil
	}
	if s.calls.Close() {
		s.opened.Done()
		go s.free()
	}
	if err := s.calls.Wait(ctx, s.freed); err != nil {
		go s.cancel() // which may wait for shape inference
		return fmt.Errorf("graphs: close: %w", err)
	}
	return s.failed
}

// cancel ends the runs that wait in TensorFlow.
func (c *core) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.canceled.Swap(true) {
		return
	}
	if err := c.session.Cancel(); err != nil {
		c.failed = errors.Join(c.failed, fmt.Errorf("graphs: close: %w", err))
	}
}

// free frees what is native, as soon as nothing uses it.
func (c *core) free() {
	<-c.calls.Unattended()
	c.cancel()
	<-c.calls.Idle()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, runner := range c.runners {
		runner.Free()
	}
	if err := c.session.Close(); err != nil {
		c.failed = errors.Join(c.failed, fmt.Errorf("graphs: close: %w", err))
	}
	capi.FreeGraph(c.graph)
	c.session, c.runners = nil, nil
	tensorflow.Trim()
	c.calls.Free()
	close(c.freed)
}

// recovered turns a panic of the bindings, as for a scope that NewRoot has not made,
// into an error.
func recovered(operation string, err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("graphs: %s: panic in the bindings: %v", operation, reason)
	}
}
