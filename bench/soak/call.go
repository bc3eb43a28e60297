package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/profile"
)

// kind is a kind of call.
type kind string

const (
	plain    kind = "run"
	into     kind = "run into"
	outputs  kind = "outputs"
	traced   kind = "traced"
	bad      kind = "bad input"
	done     kind = "ctx done"
	during   kind = "cancelled in the run"
	deadline kind = "deadline of µs"
)

// kinds in the order of reports.
var kinds = []kind{plain, into, outputs, traced, bad, done, during, deadline}

func (s Shares) draw(random *rand.Rand) kind {
	x := random.Float64()
	for _, k := range []struct {
		kind
		share float64
	}{{into, s.Into}, {outputs, s.Outputs}, {traced, s.Traced}, {bad, s.Bad}, {done, s.Done}, {during, s.During}, {deadline, s.Deadline}} {
		if x -= k.share; x < 0 {
			return k.kind
		}
	}
	return plain
}

// caller is one goroutine's part of a soak.
type caller struct {
	*engine
	memory  []float32 // of the batches, used again and again
	results []float32 // of what RunInto writes to
	counts  map[kind]*Count
	latency histogram // of calls that gave an answer
	late    histogram // from the end of a ctx to the return
}

func newCaller(e *engine) *caller { return &caller{engine: e, counts: map[kind]*Count{}} }

// call makes one call, and returns an error where its outcome is wrong.
func (c *caller) call(ctx context.Context, number uint64) error {
	random := rand.New(rand.NewPCG(c.Seed, number))
	kind := c.Shares.draw(random)
	if c.counts[kind] == nil {
		c.counts[kind] = &Count{}
	}
	count := c.counts[kind]
	count.Calls++
	s := c.slots[random.IntN(len(c.slots))]
	b := &s.batches[random.IntN(len(s.batches))]
	on := s.current.Load()
	x := s.fill(b, c.memory)
	c.memory = x.Data
	// The caller may write to its batch when the call has returned.
	defer func() {
		for i := range c.memory {
			c.memory[i] = float32(math.NaN())
		}
	}()
	var err error
	switch kind {
	case bad:
		err = c.bad(ctx, s, on, x, random, count)
	case done, during, deadline:
		err = c.cancelled(ctx, kind, s, b, on, x, random, count)
	default:
		err = c.good(ctx, kind, s, b, on, x, random, count)
	}
	if err != nil {
		return fmt.Errorf("%s: %s, %d images: %w", s.name, kind, len(b.images), err)
	}
	return nil
}

// closed reports whether an error is session.ErrClosed, which is right only while the
// soak closes that session.
func closed(err error, on *opened, count *Count) (bool, error) {
	if !errors.Is(err, session.ErrClosed) {
		return false, nil
	}
	count.Closed++
	if !on.closing.Load() {
		return true, fmt.Errorf("the session is not being closed: %w", err)
	}
	time.Sleep(time.Millisecond) // until another is there
	return true, nil
}

// untouched is each number of a target before a run.
const untouched = 12345

// target is a tensor for a batch's first output.
func (c *caller) target(b *batch) tensor.Tensor {
	shape := b.first[0].Shape
	c.results = c.results[:0]
	for range b.first[0].Data {
		c.results = append(c.results, untouched)
	}
	return tensor.Tensor{Shape: shape, Data: c.results}
}

func (c *caller) good(ctx context.Context, kind kind, s *slot, b *batch, on *opened, x tensor.Tensor, random *rand.Rand, count *Count) error {
	if random.IntN(2) == 0 {
		// With a ctx that cannot end, TensorFlow reads the batch where it lies.
		ctx = context.Background()
	}
	chosen := []int{0}
	if kind != plain && kind != into {
		chosen = random.Perm(len(s.names))[:1+random.IntN(len(s.names))]
	}
	names := make([]string, len(chosen))
	for i, output := range chosen {
		names[i] = s.names[output]
	}
	var answers []tensor.Tensor
	var err error
	start := time.Now()
	switch kind {
	case plain:
		answers = make([]tensor.Tensor, 1)
		answers[0], err = on.Run(ctx, x)
	case into:
		answers = []tensor.Tensor{c.target(b)}
		err = on.RunInto(ctx, answers[0], x)
	case outputs:
		answers, err = on.RunOutputs(ctx, x, names...)
	case traced:
		answers, _, err = profile.Trace(ctx, on.Session, x, names...)
	}
	took := time.Since(start)
	if was, wrong := closed(err, on, count); was || err != nil && ctx.Err() != nil {
		return wrong
	}
	if err != nil {
		return fmt.Errorf("want an answer: %w", err)
	}
	if len(answers) != len(chosen) {
		return fmt.Errorf("got %d answers, want %d", len(answers), len(chosen))
	}
	count.Answers++
	c.fed.Add(4 * int64(len(x.Data)))
	c.latency.add(took)
	for i, output := range chosen {
		if err := s.check(b, output, answers[i]); err != nil {
			return err
		}
	}
	return nil
}

// bad calls with input that must be refused.
func (c *caller) bad(ctx context.Context, s *slot, on *opened, x tensor.Tensor, random *rand.Rand, count *Count) error {
	if x.Shape[0] == 0 || random.IntN(len(faults)+1) == 0 {
		_, err := on.RunOutputs(ctx, x, s.names[0], "nobody")
		if was, wrong := closed(err, on, count); was {
			return wrong
		}
		count.Errors++
		return unknownLayer(err)
	}
	f := faults[random.IntN(len(faults))]
	bad := f.spoil(x, random)
	_, err := on.Run(ctx, bad)
	if was, wrong := closed(err, on, count); was {
		return wrong
	}
	count.Errors++
	return f.check(err, bad, s.Input)
}

// cancelled calls with a ctx that is done, or ends in the run.
func (c *caller) cancelled(outer context.Context, kind kind, s *slot, b *batch, on *opened, x tensor.Tensor, random *rand.Rand, count *Count) error {
	var ended atomic.Int64 // nanoseconds since start
	start := time.Now()
	ctx, cancel := context.WithCancel(outer)
	want := context.Canceled
	switch kind {
	case done:
		cancel()
	case during:
		timer := time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, func() {
			ended.Store(max(1, int64(time.Since(start))))
			cancel()
		})
		defer timer.Stop()
	case deadline:
		cancel()
		at := start.Add(time.Duration(1+random.IntN(300)) * time.Microsecond)
		ended.Store(int64(at.Sub(start)))
		ctx, cancel = context.WithDeadline(outer, at)
		want = context.DeadlineExceeded
	}
	defer cancel()
	var answer tensor.Tensor
	var err error
	if random.IntN(2) == 0 {
		answer, err = on.Run(ctx, x)
	} else {
		answer = c.target(b)
		err = on.RunInto(ctx, answer, x)
		for i := range answer.Data {
			if err != nil && answer.Data[i] != untouched {
				return fmt.Errorf("after %q number %d of the result was written to", err, i)
			}
		}
	}
	took := time.Since(start)
	if was, wrong := closed(err, on, count); was || outer.Err() != nil {
		return wrong
	}
	switch {
	case err == nil && kind == done:
		return errors.New("got an answer, want context.Canceled")
	case err == nil:
		count.Answers++
		return s.check(b, 0, answer)
	case !errors.Is(err, want):
		return fmt.Errorf("got %q, want %w", err, want)
	case ctx.Err() == nil:
		return fmt.Errorf("got %q while the ctx goes on", err)
	}
	count.Canceled++
	if at := ended.Load(); at > 0 {
		c.late.add(took - time.Duration(at))
	}
	return nil
}
