package calls

import (
	"runtime"
	"sync"
	"sync/atomic"

	"tfcnn/internal/capi"
)

// TensorFlow cannot be interrupted. A run whose ctx may end is therefore made on
// another goroutine, which reads and writes no memory of the caller's: when ctx
// ends the caller returns at once, and the goroutine sees the run to its end.

// Request is one run of a runner. The values that it feeds and fetches stand beside
// it, so that a caller's lists of them can lie on the stack.
type Request struct {
	Runner    *capi.Runner
	Options   []byte // a RunOptions message; nil: none
	Borrowed  bool   // results go into the caller's memory: a run that was left must not write to it
	Admission Admission
}

// run makes the run on the goroutine that calls. metadata is nil without options.
func (r Request) run(in, out []capi.Value) (metadata []byte, err error) {
	if r.Options == nil {
		return nil, r.Runner.Run(in, out)
	}
	return r.Runner.RunWith(r.Options, in, out)
}

// workerPool makes runs on goroutines of its own. After close it is empty, and its
// memory freed, as soon as no worker runs.
type workerPool struct {
	ended func(Admission) // is called when a run ends whose caller has left

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
	feeds       buffer       // copies of the caller's
	results     buffer       // in place of the caller's memory
	fresh       []capi.Value // results in memory that no caller has yet
	request     Request
	in, out     []capi.Value // of the request
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
func (p *workerPool) run(done <-chan struct{}, r Request, in, out []capi.Value) (left bool, metadata []byte, err error) {
	w := p.take()
	if err := w.load(r, in, out); err != nil {
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
		for i := range out {
			if r.Borrowed && out[i].Data != nil {
				copy(out[i].Data, w.out[i].Data)
			} else { // a result of its own, whose shape is the caller's from now on
				out[i], w.out[i] = w.out[i], capi.Value{}
			}
		}
	}
	p.put(w)
	return false, metadata, err
}

// load takes a request over: what it feeds is copied.
func (w *worker) load(r Request, in, out []capi.Value) (err error) {
	w.request = r
	if w.in, err = w.feeds.like(in); err != nil {
		return err
	}
	for i, v := range in {
		copy(w.in[i].Data, v.Data)
	}
	if r.Borrowed {
		w.out, err = w.results.like(out)
		return err
	}
	w.fresh = append(w.fresh[:0], out...)
	w.out = w.fresh
	return nil
}

// serve is a worker's goroutine.
func (p *workerPool) serve(w *worker) {
	for range w.start {
		w.err = Guarded(func() (err error) {
			w.metadata, err = w.request.run(w.in, w.out)
			return err
		})
		if w.state.CompareAndSwap(awaited, finished) {
			w.done <- struct{}{}
			continue
		}
		a := w.request.Admission
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

// put makes a worker idle, or ends it. What it has made for others is let go of. The
// copies of the feeds stay where the caller has memory for results, too: such callers
// run often. Others' batches may be large, and their memory would stay for ever.
func (p *workerPool) put(w *worker) {
	if !w.request.Borrowed {
		w.feeds.memory.Free()
	}
	clear(w.fresh)
	w.request, w.in, w.out, w.metadata, w.err = Request{}, nil, nil, nil, nil
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
	w.feeds.memory.Free()
	w.results.memory.Free()
	close(w.start)
}

// buffer is native memory for values, which is used again for the next ones.
type buffer struct {
	memory capi.AlignedBuffer
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
		if v.Type == 0 { // a result that gets memory of its own
			values[i] = capi.Value{}
		}
	}
	return values, nil
}
