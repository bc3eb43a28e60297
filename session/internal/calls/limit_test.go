package calls

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// queued waits until n calls wait for the limit.
func queued(t *testing.T, l *Limit, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); l.Queued() != n; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d calls wait, want %d", l.Queued(), n)
		}
	}
}

// empty fails unless all runs and bytes of the limit are free.
func (l *Limit) empty(t *testing.T, name string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inUse != 0 || l.taken != 0 || len(l.queue) != 0 {
		t.Errorf("%s: %d runs and %d bytes are taken, %d calls wait", name, l.inUse, l.taken, len(l.queue))
	}
}

// A call whose ctx ends in the moment in which it is let in gives back its run and its
// bytes, and the next call gets them.
func TestGrantedAsCtxEnds(t *testing.T) {
	l := &Limit{Runs: 1, Bytes: 10}
	w := &waiter{bytes: 10, granted: make(chan struct{}, 1)}
	l.mu.Lock()
	l.queue = append(l.queue, w)
	l.grant()
	l.mu.Unlock()
	next := make(chan error, 1)
	go func() { next <- l.acquire(t.Context(), nil, 7) }()
	queued(t, l, 1)
	l.giveUp(w) // what acquire does where it finds ctx done first
	select {
	case err := <-next:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the next call is not let in: the place of the call that gave up is lost")
	}
	l.Release(7)
	l.empty(t, "a call gave up")

	// By chance, many times: whichever comes first, nothing is left over.
	for range 2000 {
		if !l.Try(10) {
			t.Fatal("the limit is not empty")
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.acquire(ctx, nil, 10) }()
		queued(t, l, 1)
		go cancel()
		l.Release(10)
		if err := <-ended; err == nil {
			l.Release(10)
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	l.empty(t, "2000 calls")
}

// Calls are let in in the order in which they came, also where a later one would fit
// and an earlier one does not.
func TestQueueIsNotJumped(t *testing.T) {
	l := &Limit{Bytes: 10}
	if !l.Try(6) {
		t.Fatal("an empty limit has no room")
	}
	order := make(chan int, 2)
	wait := func(n int, bytes int64) {
		go func() {
			if err := l.acquire(t.Context(), nil, bytes); err != nil {
				t.Error(err)
			}
			order <- n
		}()
		queued(t, l, n)
	}
	wait(1, 8)
	if l.Try(1) {
		t.Error("Try lets a call in before one that waits")
	}
	wait(2, 1) // 1 byte would fit
	select {
	case n := <-order:
		t.Errorf("call %d is let in, and the first waits", n)
	case <-time.After(20 * time.Millisecond):
	}
	l.Release(6)
	for range 2 {
		<-order // both fit now
	}
	l.Release(8)
	l.Release(1)
	l.empty(t, "two calls")

	// One at a time: the first in the queue is the first to run.
	one := &Limit{Runs: 1}
	if !one.Try(0) {
		t.Fatal("an empty limit has no room")
	}
	turns := make(chan int, 3)
	for n := range 3 {
		go func() {
			if err := one.acquire(t.Context(), nil, 0); err != nil {
				t.Error(err)
			}
			turns <- n
			one.Release(0)
		}()
		queued(t, one, n+1)
	}
	one.Release(0)
	for n := range 3 {
		if got := <-turns; got != n {
			t.Errorf("call %d runs, want %d", got, n)
		}
	}
}

// A call that can never fit is refused, one at the limit is not.
func TestMoreThanTheLimit(t *testing.T) {
	l := &Limit{Bytes: 10}
	if err := l.acquire(t.Context(), nil, 11); !errors.Is(err, ErrLimit) {
		t.Errorf("11 of 10 bytes: %v", err)
	}
	if err := l.acquire(t.Context(), nil, 10); err != nil {
		t.Errorf("10 of 10 bytes: %v", err)
	}
	closing := make(chan struct{})
	close(closing)
	if err := l.acquire(t.Context(), closing, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("a call as the session closes: %v", err)
	}
	l.Release(10)
	l.empty(t, "a call at the limit")
}
