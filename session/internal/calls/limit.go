package calls

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/dustin/go-humanize"
)

// ErrLimit is session.ErrLimit.
var ErrLimit = errors.New("more than the limit")

// Limit is the queue behind session.Limit.
type Limit struct {
	Runs  int   // 0: any number
	Bytes int64 // 0: any amount

	mu    sync.Mutex
	inUse int
	taken int64
	queue []*waiter
}

// waiter is a call in the queue; granted has a value when the call is let in.
type waiter struct {
	bytes   int64
	granted chan struct{}
}

var waiters = sync.Pool{New: func() any { return &waiter{granted: make(chan struct{}, 1)} }}

// RunsAtOnce returns how many runs a session of a network lets into TensorFlow. More
// would gain nothing, as kernels share the machine's cores, and each run takes a
// thread and the memory of its activations; and the operating system's scheduler,
// unlike a queue, lets some runs wait for seconds.
func RunsAtOnce() int { return 2 * runtime.GOMAXPROCS(0) }

// Check refuses a limit below 0.
func (l *Limit) Check() error {
	if min(int64(l.Runs), l.Bytes) < 0 {
		return fmt.Errorf("limit: got %d runs and %d bytes, want 0 or more", l.Runs, l.Bytes)
	}
	return nil
}

// Queued returns how many calls wait.
func (l *Limit) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// fits reports whether the limit has room for a call now. The mutex is held.
func (l *Limit) fits(bytes int64) bool {
	return (l.Runs <= 0 || l.inUse < l.Runs) && (l.Bytes <= 0 || bytes <= l.Bytes-l.taken)
}

// Try lets a call in and reports true, unless it would have to wait.
func (l *Limit) Try(bytes int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 || !l.fits(bytes) {
		return false
	}
	l.inUse++
	l.taken += bytes
	return true
}

// acquire waits until the call is let in, ctx ends or closing is closed.
func (l *Limit) acquire(ctx context.Context, closing <-chan struct{}, bytes int64) error {
	if l.Bytes > 0 && bytes > l.Bytes {
		return fmt.Errorf("it needs %s, the limit is %s: %w", humanize.IBytes(uint64(bytes)), humanize.IBytes(uint64(l.Bytes)), ErrLimit)
	}
	done := ctx.Done() // before the call is in the queue, as Done may panic
	l.mu.Lock()
	w := waiters.Get().(*waiter)
	w.bytes = bytes
	l.queue = append(l.queue, w)
	l.grant()
	l.mu.Unlock()
	select {
	case <-w.granted:
		waiters.Put(w)
		return nil
	case <-done:
		l.giveUp(w)
		return Ended(ctx)
	case <-closing:
		l.giveUp(w)
		return ErrClosed
	}
}

// giveUp takes a waiter out of the queue, or releases what it was granted.
func (l *Limit) giveUp(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.Index(l.queue, w); at >= 0 {
		l.queue = slices.Delete(l.queue, at, at+1)
	} else { // it was granted meanwhile
		<-w.granted
		l.inUse--
		l.taken -= w.bytes
	}
	l.grant()
	waiters.Put(w)
}

// Release ends a call that was let in.
func (l *Limit) Release(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.taken -= bytes
	l.grant()
}

// grant lets in the calls that have waited longest. The mutex is held.
func (l *Limit) grant() {
	for len(l.queue) > 0 && l.fits(l.queue[0].bytes) {
		w := l.queue[0]
		l.queue = slices.Delete(l.queue, 0, 1)
		l.inUse++
		l.taken += w.bytes
		w.granted <- struct{}{}
	}
}
