package session

import (
	"runtime"
	"sync"
	"sync/atomic"

	"tfcnn/internal/capi"
)

// TensorFlow cannot be interrupted. A run whose ctx may end is therefore made
// by another goroutine, on memory that belongs to it: when ctx ends the caller
// leaves, and the goroutine sees the run through.

// crew are goroutines with memory of their own that wait for work. It is
// empty, and its memory freed, when it is closed and none is at work.
type crew struct {
	ended func(ticket) // is called when a run is through whose caller has left

	mu     sync.Mutex
	closed bool
	idle   []*worker // the one that was last at work at the end
}

// mostIdle is how many workers are kept for later: more than can compute at
// once, so that a burst's memory does not stay.
func mostIdle() int { return 2 * runtime.GOMAXPROCS(0) }

// worker makes one run at a time.
type worker struct {
	start, through chan struct{}
	state          atomic.Int32
	in, out        capi.Native
	shape          []int
	batch, into    []float32 // in native memory
	ticket         ticket
	bound          *capi.Bound
	err            error
}

// A worker's state: whether a caller waits for it.
const (
	awaited   = iota
	abandoned // the caller has left
	finished  // the run is through
)

// run makes a run. Where done is closed first, left is true, and the ticket is
// ended when the run is through.
func (c *crew) run(done <-chan struct{}, bound *capi.Bound, t ticket, into []float32, shape []int, batch []float32) (left bool, err error) {
	w := c.take()
	if w.batch, err = w.in.Float32s(len(batch)); err != nil {
		c.put(w)
		return false, err
	}
	if w.into, err = w.out.Float32s(len(into)); err != nil {
		c.put(w)
		return false, err
	}
	copy(w.batch, batch)
	w.shape = append(w.shape[:0], shape...)
	w.ticket, w.bound = t, bound
	w.state.Store(awaited)
	w.start <- struct{}{}
	select {
	case <-w.through:
	case <-done:
		if w.state.CompareAndSwap(awaited, abandoned) {
			return true, nil
		}
		<-w.through
	}
	if err = w.err; err == nil {
		copy(into, w.into)
	}
	c.put(w)
	return false, err
}

// serve is a worker's goroutine.
func (c *crew) serve(w *worker) {
	for range w.start {
		w.err = guarded(func() error { return w.bound.Run(w.into, w.shape, w.batch) })
		if w.state.CompareAndSwap(awaited, finished) {
			w.through <- struct{}{}
			continue
		}
		t := w.ticket
		c.put(w)
		c.ended(t)
	}
}

// take gives an idle worker, or a new one.
func (c *crew) take() *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return w
	}
	w := &worker{start: make(chan struct{}, 1), through: make(chan struct{}, 1)}
	go c.serve(w)
	return w
}

// put makes a worker idle, or ends it.
func (c *crew) put(w *worker) {
	c.mu.Lock()
	keep := !c.closed && len(c.idle) < mostIdle()
	if keep {
		c.idle = append(c.idle, w)
	}
	c.mu.Unlock()
	if !keep {
		w.end()
	}
}

// close ends the idle workers; those at work end when they are put back.
func (c *crew) close() {
	c.mu.Lock()
	c.closed = true
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, w := range idle {
		w.end()
	}
}

// end frees a worker's memory and ends its goroutine.
func (w *worker) end() {
	w.in.Free()
	w.out.Free()
	close(w.start)
}
