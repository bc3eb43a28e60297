package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// Batching joins the calls of many goroutines into batches: a convolution of
// eight pictures costs less than eight of one. It is for calls of Run and
// RunInto of at most Size pictures; others, and those of RunOutputs, go by
// themselves. The zero value is off.
//
// While TensorFlow has nothing to do a call goes at once. While it computes,
// calls gather, and go together when it is through, when there are Size
// pictures, or when the first of them has waited for Wait. A call that is
// refused never joins. One whose ctx ends leaves, and its rows are thrown away.
// Where a joint run fails each call is made again by itself, and gets its own
// result or error; one that gathers when the session is closed gets ErrClosed.
//
// A result may differ in its last bits from that of the picture alone, as
// TensorFlow may choose other kernels for other sizes of batches; it stays
// within the same bound of the reference.
type Batching struct {
	// Size is the most pictures of a batch; 0: off. Memory for the input and the
	// result of Size pictures is allocated for each joint batch: at most 1 GiB, and
	// Open refuses a larger Size, as it does one that Run would refuse as a batch.
	Size int
	// Wait is the longest that a call gathers, at most a minute; 0: a millisecond.
	Wait time.Duration
}

const (
	defaultWait = time.Millisecond
	maxWait     = time.Minute
	maxJoint    = 1 << 30 // bytes
)

func (b Batching) settle() (Batching, error) {
	if b.Size < 0 || b.Size > maxJoint/8 || b.Wait < 0 || b.Wait > maxWait { // a picture and its result have a number each
		return b, fmt.Errorf("session: batching: got %d pictures for %v, want 0 to %d for 0 to %v", b.Size, b.Wait, maxJoint/8, maxWait)
	}
	if b.Wait == 0 {
		b.Wait = defaultWait
	}
	return b, nil
}

// batcher is a session's batching. compute runs a joint batch.
type batcher struct {
	Batching
	rows, results int // numbers of a picture, and of its result
	runners       int // batches that are computed at once, but for those that have waited long enough
	compute       func(pictures int, into, batch []float32) error
	served        func(calls, images int) // told of each batch that served several calls; nil: nobody

	mu     sync.Mutex
	busy   int    // batches that are computed now
	open   *joint // gathers; nil: nobody does
	closed bool
	spare  []*joint
	joints int           // that have memory, the spares among them
	empty  chan struct{} // closed when, after close, none has
}

// joint is a batch that calls share.
type joint struct {
	in, out  capi.AlignedBuffer
	batch    []float32
	into     []float32
	pictures int
	calls    int // that have joined
	callers  int // that have not left
	copying  sync.WaitGroup
	timer    *time.Timer
	done     chan struct{}
	err      error
}

func newBatcher(o Batching, rows, results int, compute func(int, []float32, []float32) error) *batcher {
	return &batcher{Batching: o, rows: rows, results: results, runners: max(1, runtime.GOMAXPROCS(0)/2), compute: compute, empty: make(chan struct{})}
}

// run joins a batch of at most Size pictures to others and waits for the
// results. shared is how many calls the batch was of, where it failed.
func (b *batcher) run(ctx context.Context, into, batch []float32, pictures int) (shared bool, err error) {
	done := ctx.Done() // which may panic: before there is a batch to leave
	j, at, err := b.join(pictures)
	if err != nil {
		return false, err
	}
	defer b.leave(j)
	copy(j.batch[at*b.rows:], batch)
	j.copying.Done()
	select {
	case <-j.done:
		if err = j.err; err == nil {
			copy(into, j.into[at*b.results:])
		}
		return j.pictures > pictures, err
	case <-done:
		return false, ended(ctx)
	}
}

// join reserves rows in the batch that gathers, which may go at once: when
// copying is done.
func (b *batcher) join(pictures int) (_ *joint, at int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, 0, ErrClosed
	}
	if b.open != nil && b.open.pictures+pictures > b.Size {
		b.launch()
	}
	if b.open == nil {
		if b.open, err = b.fresh(); err != nil {
			return nil, 0, err
		}
	}
	j := b.open
	at = j.pictures
	j.pictures += pictures
	j.calls++
	j.callers++
	j.copying.Add(1)
	switch {
	case j.pictures == b.Size || b.busy < b.runners:
		b.launch()
	case j.timer == nil:
		j.timer = time.AfterFunc(b.Wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open == j {
				b.launch()
			}
		})
	}
	return j, at, nil
}

// fresh gives an empty batch. The mutex is held.
func (b *batcher) fresh() (*joint, error) {
	var j *joint
	if n := len(b.spare); n > 0 {
		j, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		j = &joint{}
		b.joints++
	}
	var err error
	if j.batch, err = j.in.Float32s(b.Size * b.rows); err == nil {
		j.into, err = j.out.Float32s(b.Size * b.results)
	}
	if err != nil {
		b.drop(j)
		return nil, err
	}
	j.pictures, j.calls, j.callers, j.timer, j.err, j.done = 0, 0, 0, nil, nil, make(chan struct{})
	return j, nil
}

// launch has the batch that gathers computed. The mutex is held.
func (b *batcher) launch() {
	j := b.open
	b.open = nil
	if j.timer != nil {
		j.timer.Stop()
	}
	b.busy++
	j.callers++ // the memory is in use until it is through
	go b.serve(j)
}

// serve computes a batch, and then the one that has gathered meanwhile.
func (b *batcher) serve(j *joint) {
	j.copying.Wait()
	b.mu.Lock()
	wanted := j.callers > 1
	b.mu.Unlock()
	if wanted {
		j.err = guarded(func() error {
			return b.compute(j.pictures, j.into[:j.pictures*b.results], j.batch[:j.pictures*b.rows])
		})
	}
	if wanted && j.err == nil && j.calls > 1 && b.served != nil {
		b.served(j.calls, j.pictures)
	}
	close(j.done)
	b.leave(j)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy--
	if b.open != nil && b.busy < b.runners {
		b.launch()
	}
}

// leave gives up a batch; the last to leave makes it a spare.
func (b *batcher) leave(j *joint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	j.callers--
	if j.callers > 0 || b.open == j {
		return
	}
	if b.closed || len(b.spare) >= 2*b.runners {
		b.drop(j)
		return
	}
	b.spare = append(b.spare, j)
}

// close frees the spares, and the others as they are left; empty says when.
func (b *batcher) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.joints == 0 {
		close(b.empty)
	}
	for _, j := range b.spare {
		b.drop(j)
	}
	b.spare = nil
	if b.open != nil {
		b.launch() // to be told ErrClosed
	}
}

// drop frees a batch. The mutex is held.
func (b *batcher) drop(j *joint) {
	j.in.Free()
	j.out.Free()
	b.joints--
	if b.closed && b.joints == 0 {
		close(b.empty)
	}
}

// joined runs a batch that was checked together with others'.
func (c *core) joined(ctx context.Context, into, batch tensor.Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	shared, err := c.await(ctx, into, batch)
	if err != nil && shared && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		return c.alone(ctx, into, batch)
	}
	return err
}

func (c *core) await(ctx context.Context, into, batch tensor.Tensor) (shared bool, err error) {
	c.counters.waiting.Add(1)
	defer c.counters.waiting.Add(-1)
	return c.batching.run(ctx, into.Data, batch.Data, batch.Shape[0])
}

// computeJoint is a batcher's compute.
func (c *core) computeJoint(pictures int, into, batch []float32) error {
	if err := c.takes(int64(pictures)); err != nil {
		return err
	}
	t, err := c.enter(context.Background(), pictures)
	if err != nil {
		return err
	}
	defer c.leave(t)
	l, err := c.native.lane(pictures)
	if err != nil {
		return err
	}
	in := tensor.Tensor{Shape: append([]int{pictures}, c.input...), Data: batch}
	out := tensor.Tensor{Shape: c.shape(c.firstStep(), pictures), Data: into}
	return l.first.Run([]capi.Value{capi.Float32s(in)}, []capi.Value{capi.Float32s(out)})
}
