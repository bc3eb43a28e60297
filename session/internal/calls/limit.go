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

// ErrLimit is wrapped by the error of a run that needs more than its Limit
// ever grants.
var ErrLimit = errors.New("more than the limit")

// Limit is the queue behind session.Limit.
type Limit struct {
	Runs  int   // 0: any number
	Bytes int64 // 0: any amount

	mu    sync.Mutex
	inUse int
	taken int64
	queue []*place
}

// place is one that is waited for; granted has a value when it is there.
type place struct {
	bytes   int64
	granted chan struct{}
}

var places = sync.Pool{New: func() any { return &place{granted: make(chan struct{}, 1)} }}

// RunsAtOnce is how many runs a session lets into TensorFlow by itself. More
// would gain nothing, as kernels share the machine's cores, and each holds a
// thread and the memory of its activations; and the system's scheduler, unlike
// a queue, lets some of them wait for seconds.
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

// fits says whether a place is free now. The mutex is held.
func (l *Limit) fits(bytes int64) bool {
	return (l.Runs <= 0 || l.inUse < l.Runs) && (l.Bytes <= 0 || bytes <= l.Bytes-l.taken)
}

// Try takes a place if one is free and nobody waits.
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

// acquire waits for a place, until ctx ends or closing is closed.
func (l *Limit) acquire(ctx context.Context, closing <-chan struct{}, bytes int64) error {
	if l.Bytes > 0 && bytes > l.Bytes {
		return fmt.Errorf("it needs %s, the limit is %s: %w", humanize.IBytes(uint64(bytes)), humanize.IBytes(uint64(l.Bytes)), ErrLimit)
	}
	done := ctx.Done() // which may panic: before there is a place to lose
	l.mu.Lock()
	p := places.Get().(*place)
	p.bytes = bytes
	l.queue = append(l.queue, p)
	l.grant()
	l.mu.Unlock()
	select {
	case <-p.granted:
		places.Put(p)
		return nil
	case <-done:
		l.giveUp(p)
		return Ended(ctx)
	case <-closing:
		l.giveUp(p)
		return ErrClosed
	}
}

// giveUp takes a place out of the queue, or gives it back.
func (l *Limit) giveUp(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.Index(l.queue, p); at >= 0 {
		l.queue = slices.Delete(l.queue, at, at+1)
	} else { // granted meanwhile
		<-p.granted
		l.inUse--
		l.taken -= p.bytes
	}
	l.grant()
	places.Put(p)
}

// Release gives a place back.
func (l *Limit) Release(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.taken -= bytes
	l.grant()
}

// grant gives places to those who have waited longest. The mutex is held.
func (l *Limit) grant() {
	for len(l.queue) > 0 && l.fits(l.queue[0].bytes) {
		p := l.queue[0]
		l.queue = slices.Delete(l.queue, 0, 1)
		l.inUse++
		l.taken += p.bytes
		p.granted <- struct{}{}
	}
}
