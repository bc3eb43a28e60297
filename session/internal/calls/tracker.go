package calls

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// tracker lists the calls under way, also those whose caller has left while TensorFlow
// computes.
type tracker struct {
	closing chan struct{} // closed when no more calls are let in
	idle    chan struct{} // closed when, after that, none is under way
	// unattended is closed when, after closing, each call under way has lost its caller.
	unattended chan struct{}

	mu     sync.Mutex
	closed bool
	calls  []underWay // by index
	free   []int      // indices
	count  int
	// attended counts the calls whose caller waits for them.
	attended int
}

// underWay is one call.
type underWay struct {
	begun  time.Time
	images int // NoImages: the call has none
	active bool
}

func newTracker() *tracker {
	return &tracker{closing: make(chan struct{}), idle: make(chan struct{}), unattended: make(chan struct{})}
}

// begin counts a call, unless the tracker is closed, and returns the index that ends
// it.
func (t *tracker) begin(images int, now time.Time) (index int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, false
	}
	if n := len(t.free); n > 0 {
		index, t.free = t.free[n-1], t.free[:n-1]
	} else {
		index = len(t.calls)
		t.calls = append(t.calls, underWay{})
	}
	t.calls[index] = underWay{now, images, true}
	t.count++
	t.attended++
	return index, true
}

// end removes a call that begin has counted. attended is false where abandon counts the
// caller's leaving.
func (t *tracker) end(index int, attended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[index] = underWay{}
	t.free = append(t.free, index)
	t.count--
	if t.closed && t.count == 0 {
		close(t.idle)
	}
	if attended {
		t.lose()
	}
}

// abandon notes that a caller has left its call.
func (t *tracker) abandon() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lose()
}

// abandoned returns the number of calls that have lost their caller.
func (t *tracker) abandoned() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count - t.attended
}

// lose counts one attended call less. The mutex is held.
func (t *tracker) lose() {
	t.attended--
	if t.closed && t.attended == 0 {
		close(t.unattended)
	}
}

// close lets no call in any more. It is false where the tracker was closed
// before.
func (t *tracker) close() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.closed = true
	close(t.closing)
	if t.count == 0 {
		close(t.idle)
	}
	if t.attended == 0 {
		close(t.unattended)
	}
	return true
}

// wait waits until done is closed, or says what is under way when ctx ends.
func (t *tracker) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("still under way: %s: %w", t.list(time.Now()), Ended(ctx))
	}
}

// list names the calls under way, the oldest first.
func (t *tracker) list(now time.Time) string {
	t.mu.Lock()
	calls := slices.DeleteFunc(slices.Clone(t.calls), func(u underWay) bool { return !u.active })
	t.mu.Unlock()
	slices.SortFunc(calls, func(a, b underWay) int { return a.begun.Compare(b.begun) })
	const most = 5
	var texts []string
	for i, u := range calls {
		if i == most {
			texts = append(texts, fmt.Sprintf("%d more", len(calls)-most))
			break
		}
		run := fmt.Sprintf("a run of %d images", u.images)
		switch u.images {
		case NoImages:
			run = "a run"
		case 1:
			run = "a run of 1 image"
		}
		texts = append(texts, fmt.Sprintf("%s for %v", run, now.Sub(u.begun).Round(time.Millisecond)))
	}
	if len(texts) == 0 {
		return "nothing but freeing memory"
	}
	return strings.Join(texts, ", ")
}
