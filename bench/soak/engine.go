package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tfcnn/internal/capi"
	"tfcnn/session"
)

// slot is a network with the session that goroutines call at the time.
type slot struct {
	*pool
	current atomic.Pointer[opened]
}

// opened is a session, and whether the soak closes it.
type opened struct {
	*session.Session
	closing atomic.Bool
}

func (s *slot) open(o session.Options) error {
	opening, err := session.Open(s.Network, s.weights, o)
	if err != nil {
		return fmt.Errorf("soak: %s: %w", s.name, err)
	}
	s.current.Store(&opened{Session: opening})
	return nil
}

// engine is a soak under way.
type engine struct {
	Plan
	slots  []*slot
	calls  atomic.Int64 // begun
	fed    atomic.Int64 // bytes of batches
	cycles atomic.Int64 // done

	lock   sync.Mutex
	report Report
	failed atomic.Bool
}

// mostFailures is how many are kept; the soak ends with the first.
const mostFailures = 20

func (e *engine) fail(err error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.failed.Store(true)
	if len(e.report.Failures) < mostFailures {
		e.report.Failures = append(e.report.Failures, err.Error())
	}
}

// run runs one tenth after the other. Between tenths no call runs, so that samples differ
// only by memory that calls have left.
func (e *engine) run(ctx context.Context) error {
	began := time.Now()
	for tenth := 1; tenth <= samples && !e.failed.Load(); tenth++ {
		e.tenth(ctx, tenth)
		if err := ctx.Err(); err != nil {
			return err
		}
		e.settle()
		sample, err := look()
		if err != nil {
			return err
		}
		sample.Calls, sample.Cycles, sample.Fed = e.calls.Load(), e.cycles.Load(), e.fed.Load()
		e.report.Samples = append(e.report.Samples, sample)
		fmt.Fprintf(e.Progress, "soak: %s %d of %d: %v\n", e.report.Part, tenth, samples, sample)
	}
	e.report.Seconds = time.Since(began).Seconds()
	e.report.Calls, e.report.Cycles = e.calls.Load(), e.cycles.Load()
	trimmed, err := trim()
	e.report.Trimmed = trimmed
	return err
}

// tenth is the part of a soak between two samples.
func (e *engine) tenth(ctx context.Context, tenth int) {
	calls := int64(e.Runs) * int64(tenth) / samples
	end := time.Now().Add(e.Time / samples)
	over := func() bool {
		return ctx.Err() != nil || e.failed.Load() || e.Time > 0 && !time.Now().Before(end)
	}
	var group, beside sync.WaitGroup
	for range e.Goroutines {
		group.Go(func() {
			c := newCaller(e)
			for !over() {
				number := e.calls.Add(1)
				if e.Time == 0 && number > calls {
					e.calls.Add(-1)
					break
				}
				if err := c.call(ctx, uint64(number)); err != nil {
					e.fail(fmt.Errorf("call %d: %w", number, err))
				}
			}
			e.lock.Lock()
			defer e.lock.Unlock()
			e.report.add(c)
		})
	}
	beside.Go(func() {
		for last := int64(e.Cycles) * int64(tenth) / samples; e.cycles.Load() < last && !over(); {
			i := e.cycles.Add(1)
			if err := e.cycle(ctx, int(i)); err != nil {
				e.fail(fmt.Errorf("cycle %d: %w", i, err))
			}
		}
	})
	if e.Reopen > 0 {
		beside.Go(func() { e.reopen(over, uint64(tenth)) })
	}
	group.Wait()
	beside.Wait()
}

// reopen closes sessions under their callers and opens others in their place.
func (e *engine) reopen(over func() bool, seed uint64) {
	random := rand.New(rand.NewPCG(e.Seed, seed))
	for i := 0; !over(); i++ {
		// One slot after the other, at random times.
		time.Sleep(e.Reopen / time.Duration(len(e.slots)) * time.Duration(50+random.IntN(100)) / 100)
		s := e.slots[i%len(e.slots)]
		old := s.current.Load()
		old.closing.Store(true)
		if err := old.Close(); err != nil {
			e.fail(fmt.Errorf("%s: close: %w", s.name, err))
		}
		if err := s.open(e.Options); err != nil {
			e.fail(err)
			return
		}
		e.lock.Lock()
		e.report.Reopened++
		e.lock.Unlock()
	}
}

// settle waits for the end of the runs whose callers have returned.
func (e *engine) settle() {
	for _, s := range e.slots {
		on := s.current.Load()
		if !within(func() bool { return on.Stats().InFlight == 0 }) {
			e.fail(fmt.Errorf("%s: %d calls are in flight, want 0 when all callers have returned", s.name, on.Stats().InFlight))
		}
		if waiting := on.Stats().Waiting; waiting > 0 {
			e.fail(fmt.Errorf("%s: %d calls wait, want 0 when all callers have returned", s.name, waiting))
		}
	}
}

// within reports whether is becomes true in time.
func within(is func() bool) bool {
	const patience = 30 * time.Second
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// remaining are counts that must be the same before and after.
type remaining struct {
	goroutines int
	memory     capi.Allocations
}

func remains() remaining { return remaining{runtime.NumGoroutine(), capi.LiveAllocations()} }

// left reports goroutines and memory that are left when all sessions are closed.
func (e *engine) left(before remaining) {
	if within(func() bool {
		now := remains()
		return now.goroutines <= before.goroutines && now.memory == before.memory
	}) {
		return
	}
	stacks := make([]byte, 1<<16)
	stacks = stacks[:runtime.Stack(stacks, true)]
	e.fail(fmt.Errorf("all sessions are closed and there are %+v, before them %+v:\n%s", remains(), before, stacks))
}

// close closes the sessions; a run after that must be refused.
func (e *engine) close() error {
	var errs []error
	for _, s := range e.slots {
		if o := s.current.Load(); o != nil {
			errs = append(errs, o.Close())
			if _, err := o.Run(context.Background(), s.single(0)); !errors.Is(err, session.ErrClosed) {
				errs = append(errs, fmt.Errorf("soak: %s: run after close: got %v, want ErrClosed", s.name, err))
			}
		}
	}
	return errors.Join(errs...)
}
