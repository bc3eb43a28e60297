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
	"tfcnn/session/internal/calls"
)

// Batching lets calls of several goroutines share one run of TensorFlow: a convolution
// of eight images costs less than eight of one. Calls of Run and RunInto of at most Size
// images share runs. Larger calls, and calls of RunOutputs, run by themselves. The zero
// value is off.
//
// While TensorFlow is idle, a call runs at once. While TensorFlow computes, calls wait
// in a batch. The batch runs when the run before it has ended, when it has Size images,
// or when its first call has waited for Wait. A call that is refused is in no batch. A
// call whose ctx ends returns, and its rows of the result are dropped. Where a shared
// run fails, each of its calls runs again by itself and gets its own result or error. A
// call that waits when the session is closed gets ErrClosed.
//
// A result may differ in its last bits from that of a run of the call's own, as
// TensorFlow may choose other kernels for other batch sizes; the result stays within
// the same bound of the reference.
type Batching struct {
	// Size is the most images of a batch; 0: off. Each batch has memory for the input
	// and the result of Size images: Open refuses a Size that needs more than 1 GiB,
	// and one that Run would refuse as a batch.
	Size int
	// Wait is the longest time that a call waits for others, at most a minute; 0: a
	// millisecond.
	Wait time.Duration
}

const (
	defaultWait = time.Millisecond
	maxWait     = time.Minute
	maxShared   = 1 << 30 // bytes of a batch
)

func (b Batching) withDefaults() (Batching, error) {
	if b.Size < 0 || b.Size > maxShared/8 || b.Wait < 0 || b.Wait > maxWait { // an image and its result have a number each
		return b, fmt.Errorf("session: batching: got %d images for %v, want 0 to %d for 0 to %v", b.Size, b.Wait, maxShared/8, maxWait)
	}
	if b.Wait == 0 {
		b.Wait = defaultWait
	}
	return b, nil
}

// batcher makes the batches of a session. compute runs a batch.
type batcher struct {
	Batching
	rows, results int // numbers of an image, and of its result
	runners       int // batches that are computed at once, besides those whose Wait is over
	compute       func(images int, into, batch []float32) error
	onShared      func(calls, images int) // is called after each run that several calls shared; nil: is not

	mu      sync.Mutex
	busy    int          // batches that are computed now
	open    *sharedBatch // takes calls; nil: none does
	closed  bool
	idle    []*sharedBatch
	batches int           // that have memory, the idle ones among them
	empty   chan struct{} // closed when, after close, no batch has memory
}

// sharedBatch is a batch of several calls.
type sharedBatch struct {
	in, out capi.AlignedBuffer
	batch   []float32
	into    []float32
	images  int
	calls   int // all of them
	users   int // calls that have not returned, and the run
	copying sync.WaitGroup
	timer   *time.Timer
	done    chan struct{}
	err     error
}

func newBatcher(o Batching, rows, results int, compute func(int, []float32, []float32) error) *batcher {
	return &batcher{Batching: o, rows: rows, results: results, runners: max(1, runtime.GOMAXPROCS(0)/2), compute: compute, empty: make(chan struct{})}
}

// run computes at most Size images in a batch with others. shared reports whether the
// batch had images of other calls.
func (b *batcher) run(ctx context.Context, into, batch []float32, images int) (shared bool, err error) {
	done := ctx.Done() // which may panic: before there is a batch to leave
	j, at, err := b.join(images)
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
		return j.images > images, err
	case <-done:
		return false, calls.Ended(ctx)
	}
}

// join reserves rows in the open batch, from image at on. The batch may be launched at
// once: it is computed when the calls have copied their images.
func (b *batcher) join(images int) (_ *sharedBatch, at int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, 0, ErrClosed
	}
	if b.open != nil && b.open.images+images > b.Size {
		b.launch()
	}
	if b.open == nil {
		if b.open, err = b.newBatch(); err != nil {
			return nil, 0, err
		}
	}
	j := b.open
	at = j.images
	j.images += images
	j.calls++
	j.users++
	j.copying.Add(1)
	switch {
	case j.images == b.Size || b.busy < b.runners:
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

// newBatch returns an empty batch. The mutex is held.
func (b *batcher) newBatch() (*sharedBatch, error) {
	var j *sharedBatch
	if n := len(b.idle); n > 0 {
		j, b.idle = b.idle[n-1], b.idle[:n-1]
	} else {
		j = &sharedBatch{}
		b.batches++
	}
	var err error
	if j.batch, err = j.in.Float32s(b.Size * b.rows); err == nil {
		j.into, err = j.out.Float32s(b.Size * b.results)
	}
	if err != nil {
		b.free(j)
		return nil, err
	}
	j.images, j.calls, j.users, j.timer, j.err, j.done = 0, 0, 0, nil, nil, make(chan struct{})
	return j, nil
}

// launch starts the computation of the open batch. The mutex is held.
func (b *batcher) launch() {
	j := b.open
	b.open = nil
	if j.timer != nil {
		j.timer.Stop()
	}
	b.busy++
	j.users++ // the run
	go b.execute(j)
}

// execute computes a batch, and launches the one that has filled meanwhile.
func (b *batcher) execute(j *sharedBatch) {
	j.copying.Wait()
	b.mu.Lock()
	awaited := j.users > 1
	b.mu.Unlock()
	if awaited {
		j.err = calls.Guarded(func() error {
			return b.compute(j.images, j.into[:j.images*b.results], j.batch[:j.images*b.rows])
		})
	}
	if awaited && j.err == nil && j.calls > 1 && b.onShared != nil {
		b.onShared(j.calls, j.images)
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

// leave ends a use of a batch. After the last use the batch is idle.
func (b *batcher) leave(j *sharedBatch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	j.users--
	if j.users > 0 || b.open == j {
		return
	}
	if b.closed || len(b.idle) >= 2*b.runners {
		b.free(j)
		return
	}
	b.idle = append(b.idle, j)
}

// close frees the idle batches, and each other batch after its last use. When all are
// freed, close closes empty.
func (b *batcher) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.batches == 0 {
		close(b.empty)
	}
	for _, j := range b.idle {
		b.free(j)
	}
	b.idle = nil
	if b.open != nil {
		b.launch() // its calls get ErrClosed
	}
}

// free frees a batch. The mutex is held.
func (b *batcher) free(j *sharedBatch) {
	j.in.Free()
	j.out.Free()
	b.batches--
	if b.closed && b.batches == 0 {
		close(b.empty)
	}
}

// runShared runs a batch that was checked in a run with other calls.
func (c *core) runShared(ctx context.Context, into, batch tensor.Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	shared, err := c.waitShared(ctx, into, batch)
	if err != nil && shared && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		return c.runAlone(ctx, into, batch)
	}
	return err
}

func (c *core) waitShared(ctx context.Context, into, batch tensor.Tensor) (shared bool, err error) {
	c.calls.Waiting(1)
	defer c.calls.Waiting(-1)
	return c.batching.run(ctx, into.Data, batch.Data, batch.Shape[0])
}

// computeShared is a batcher's compute.
func (c *core) computeShared(images int, into, batch []float32) error {
	if err := c.takes(int64(images)); err != nil {
		return err
	}
	a, err := c.enter(context.Background(), images)
	if err != nil {
		return err
	}
	defer c.calls.Leave(a)
	on, err := c.network.session(images)
	if err != nil {
		return err
	}
	in := tensor.Tensor{Shape: append([]int{images}, c.input...), Data: batch}
	out := tensor.Tensor{Shape: c.shape(c.firstStep(), images), Data: into}
	err = on.first.Run([]capi.Value{capi.Float32s(in)}, []capi.Value{capi.Float32s(out)})
	if err == nil && c.onShared != nil {
		c.onShared(in, out)
	}
	return err
}
