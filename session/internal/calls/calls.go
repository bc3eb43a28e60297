// Package calls has the life of a call in a session: the call enters, when the limits
// let it; runs, on a goroutine that outlives it where its ctx may end; leaves
// when TensorFlow has finished with it; and is counted.
//
//	c := calls.New(limit)
//	a, err := c.Enter(ctx, images, bytes)
//	left, _, err := c.Run(ctx.Done(), calls.Request{Runner: runner, Admission: a}, in, out)
//	if left {
//		return calls.Ended(ctx) // the call leaves when TensorFlow has finished
//	}
//	c.Leave(a)
//
// Package session has the public types, package session/graphs has sessions of
// graphs built by hand.
package calls

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
)

// ErrClosed is session.ErrClosed.
var ErrClosed = errors.New("session is closed")

// Calls are the calls of one session. Its methods may be used from many goroutines
// at once.
type Calls struct {
	Counters
	limits  []*Limit
	running *tracker
	workers workerPool
}

// New returns the calls of a session that lets as many runs into TensorFlow at once
// as its limits do; it knows no limit that is nil.
func New(limits ...*Limit) *Calls {
	c := &Calls{running: newTracker()}
	for _, l := range limits {
		if l != nil {
			c.limits = append(c.limits, l)
		}
	}
	c.workers.ended = func(a Admission) { c.leave(a, false) }
	return c
}

// Admission is a run's right to be in flight.
type Admission struct {
	Runner *capi.Runner // of this run alone, freed when it ends; nil: none
	number int
	bytes  int64
}

// NoImages is the number of images of a call that has none.
const NoImages = -1

// Enter lets a call in when each of the limits has room for it.
func (c *Calls) Enter(ctx context.Context, images int, bytes int64) (Admission, error) {
	number, ok := c.running.begin(images, time.Now())
	if !ok {
		return Admission{}, ErrClosed
	}
	entered := false
	defer func() { // ctx's methods may panic
		if !entered {
			c.running.end(number, true)
		}
	}()
	if err := ctx.Err(); err != nil {
		return Admission{}, err
	}
	if err := c.wait(ctx, bytes); err != nil {
		return Admission{}, err
	}
	entered = true
	c.inFlight.Add(1)
	c.Allocate(bytes)
	return Admission{number: number, bytes: bytes}, nil
}

// wait waits for each of the limits.
func (c *Calls) wait(ctx context.Context, bytes int64) error {
	taken := 0
	defer func() {
		if taken < len(c.limits) {
			for _, limit := range c.limits[:taken] {
				limit.Release(bytes)
			}
		}
	}()
	for _, limit := range c.limits {
		if !limit.Try(bytes) {
			if err := c.queue(ctx, limit, bytes); err != nil {
				return err
			}
		}
		taken++
	}
	return nil
}

func (c *Calls) queue(ctx context.Context, limit *Limit, bytes int64) error {
	c.Waiting(1)
	defer c.Waiting(-1)
	return limit.acquire(ctx, c.running.closing, bytes)
}

// Leave returns what Enter has given.
func (c *Calls) Leave(a Admission) { c.leave(a, true) }

func (c *Calls) leave(a Admission, attended bool) {
	if a.Runner != nil {
		a.Runner.Free()
	}
	c.Allocate(-a.bytes)
	c.inFlight.Add(-1)
	for _, limit := range c.limits {
		limit.Release(a.bytes)
	}
	c.running.end(a.number, attended)
}

// Run makes a run that was let in: on the goroutine that calls where done is nil,
// and on a worker's where it is not. Where done is closed first, left is true, and
// the call leaves when the run ends.
func (c *Calls) Run(done <-chan struct{}, r Request, in, out []capi.Value) (left bool, metadata []byte, err error) {
	if done == nil {
		metadata, err = r.run(in, out)
		return false, metadata, err
	}
	if left, metadata, err = c.workers.run(done, r, in, out); left {
		c.running.abandon()
	}
	return left, metadata, err
}

// Count enters a call's end into the counters, and wraps its error.
func (c *Calls) Count(ctx context.Context, begun time.Time, images int, err error) error {
	switch {
	case err == nil:
		c.took(time.Since(begun), max(images, 0))
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		c.canceled.Add(1)
	default:
		c.errors.Add(1)
	}
	var failed *capi.Error
	if errors.As(err, &failed) && failed.Code == resourceExhausted {
		return fmt.Errorf("%w: %w", tensorflow.ErrMemory, err)
	}
	return err
}

// resourceExhausted is the TF_Code of an allocation that failed.
const resourceExhausted = 8

// Abandoned returns the number of calls under way whose caller has left.
func (c *Calls) Abandoned() int { return c.running.abandoned() }

// Close lets no call in any more. It reports whether this is the first Close.
func (c *Calls) Close() bool { return c.running.close() }

// Idle is closed when, after Close, no call is under way.
func (c *Calls) Idle() <-chan struct{} { return c.running.idle }

// Unattended is closed when, after Close, no call is under way whose caller waits.
func (c *Calls) Unattended() <-chan struct{} { return c.running.unattended }

// Wait waits until freed is closed. Where ctx ends first, the error names the calls
// that are under way.
func (c *Calls) Wait(ctx context.Context, freed <-chan struct{}) error {
	return c.running.wait(ctx, freed)
}

// Free ends the workers, and frees their memory. It comes after Idle.
func (c *Calls) Free() {
	c.workers.close()
	c.bytes.Store(0)
}
