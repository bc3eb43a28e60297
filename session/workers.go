package session

import (
	"runtime"
	"sync"
	"sync/atomic"

	"tfcnn/internal/capi"
)

// TensorFlow cannot be interrupted. A run whose ctx may end is therefore made on
// another goroutine, which reads and writes no memory of the caller's: when ctx
// ends the caller returns at once, and the goroutine sees the run to its end.

// request is one run of a runner.
type request struct {
	runner    *capi.Runner
	options   []byte // a RunOptions message; nil: none
	in, out   []capi.Value
	borrowed  bool // out is the caller's memory: a run that was left must not write to it
	admission admission
}

// run makes the run on the goroutine that calls. metadata is nil without options.
func (r request) run() (metadata []byte, err error) {
	if r.options == nil {
		return nil, r.runner.Run(r.in, r.out)
	}
	return r.runner.RunWith(r.options, r.in, r.out)
}

// workerPool makes runs on goroutines of its own. After close it is empty, and its
// memory freed, as soon as no worker runs.
type workerPool struct {
	ended func(admission) // is called when a run ends whose caller has left

	mu     sync.Mutex
	closed bool
	idle   []*worker // the one that ran last at the end
}

// mostIdle is how many workers are kept for later: more than can compute at
// once, so that a burst's memory does not stay.
func mostIdle() int { return 2 * runtime.GOMAXPROCS(0) }

// worker makes one run at a time.
type worker struct {
	start, done chan struct{}
	state       atomic.Int32
	in, out     buffer // copies of what a caller feeds, and of results for borrowed memory
	fresh       []capi.Value
	request     request // of which in and out belong to the worker
	metadata    []byte
	err         error
}

// A worker's state: whether a caller waits for it.
const (
	awaited   = iota
	abandoned // the caller has left
	finished  // the run has ended
)

// run makes a run. Where done is closed first, left is true, and the pool's ended
// is called when the run ends.
func (p *workerPool) run(done <-chan struct{}, r request) (left bool, metadata []byte, err error) {
	w := p.take()
	if err := w.load(r); err != nil {
		p.put(w)
		return false, nil, err
	}
	w.state.Store(awaited)
	w.start <- struct{}{}
	select {
	case <-w.done:
	case <-done:
		if w.state.CompareAndSwap(awaited, abandoned) {
			return true, nil, nil
		}
		<-w.done
	}
	metadata, err = w.metadata, w.err
	if err == nil {
		for i := range r.out {
			if r.borrowed {
				copy(r.out[i].Data, w.request.out[i].Data)
			} else {
				r.out[i] = w.request.out[i]
			}
		}
	}
	p.put(w)
	return false, metadata, err
}

// load takes a request over: what it feeds is copied.
func (w *worker) load(r request) error {
	in, err := w.in.like(r.in)
	if err != nil {
		return err
	}
	for i, v := range r.in {
		copy(in[i].Data, v.Data)
	}
	var out []capi.Value
	if r.borrowed {
		if out, err = w.out.like(r.out); err != nil {
			return err
		}
	} else {
		w.fresh = append(w.fresh[:0], r.out...)
		out = w.fresh
	}
	w.request = request{runner: r.runner, options: r.options, in: in, out: out, admission: r.admission}
	return nil
}

// serve is a worker's goroutine.
func (p *workerPool) serve(w *worker) {
	for range w.start {
		w.err = guarded(func() (err error) {
			w.metadata, err = w.request.run()
			return err
		})
		if w.state.CompareAndSwap(awaited, finished) {
			w.done <- struct{}{}
			continue
		}
		a := w.request.admission
		p.put(w)
		p.ended(a)
	}
}

// take returns an idle worker, or a new one.
func (p *workerPool) take() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return w
	}
	w := &worker{start: make(chan struct{}, 1), done: make(chan struct{}, 1)}
	go p.serve(w)
	return w
}

// put makes a worker idle, or ends it. What it has made for others is let go of.
func (p *workerPool) put(w *worker) {
	clear(w.fresh)
	w.request, w.metadata, w.err = request{}, nil, nil
	p.mu.Lock()
	keep := !p.closed && len(p.idle) < mostIdle()
	if keep {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	if !keep {
		w.end()
	}
}

// close ends the idle workers; the others end when they are put back.
func (p *workerPool) close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		w.end()
	}
}

// end frees a worker's memory and ends its goroutine.
func (w *worker) end() {
	w.in.memory.Free()
	w.out.memory.Free()
	close(w.start)
}

// buffer is native memory for values, which is used again for the next ones.
type buffer struct {
	memory capi.Native
	values []capi.Value
}

// like returns values of the types, shapes and sizes of others, which hold
// anything. What it returned before must not be used any more.
func (b *buffer) like(others []capi.Value) ([]capi.Value, error) {
	bytes := 0
	for _, v := range others {
		bytes += capi.Aligned(len(v.Data))
	}
	memory, err := b.memory.Bytes(bytes)
	if err != nil {
		return nil, err
	}
	for len(b.values) < len(others) {
		b.values = append(b.values, capi.Value{})
	}
	values := b.values[:len(others)]
	for i, v := range others {
		n := len(v.Data)
		values[i].Type, values[i].Shape = v.Type, append(values[i].Shape[:0], v.Shape...)
		values[i].Data, memory = memory[:n:n], memory[capi.Aligned(n):]
	}
	return values, nil
}
