package calls

import (
	"slices"
	"sync/atomic"
	"time"
)

// latencyBounds: 2.5 a factor, from a call's overhead to minutes.
var latencyBounds = []time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// Counters are a session's, written by its calls.
type Counters struct {
	runs, errors, canceled, images atomic.Int64

	sharedBatches, sharedCalls, sharedImages atomic.Int64

	inFlight, waiting atomic.Int64
	bytes, mostBytes  atomic.Int64
	latency           [32]atomic.Int64
	sum               atomic.Int64
}

// took counts a call that gave a result.
func (c *Counters) took(d time.Duration, images int) {
	c.runs.Add(1)
	c.images.Add(int64(images))
	at, _ := slices.BinarySearch(latencyBounds, d)
	c.latency[at].Add(1)
	c.sum.Add(int64(d))
}

// Shared counts a batch that served several calls.
func (c *Counters) Shared(calls, images int) {
	c.sharedBatches.Add(1)
	c.sharedCalls.Add(int64(calls))
	c.sharedImages.Add(int64(images))
}

// Allocate counts bytes that are taken, or given back.
func (c *Counters) Allocate(bytes int64) {
	now := c.bytes.Add(bytes)
	for {
		most := c.mostBytes.Load()
		if now <= most || c.mostBytes.CompareAndSwap(most, now) {
			return
		}
	}
}

// Waiting counts callers that wait, or no longer do.
func (c *Counters) Waiting(callers int64) { c.waiting.Add(callers) }

// Counts is what Counters hold at a moment. Package session documents each.
type Counts struct {
	Runs, Errors, Canceled, Images           int64
	SharedBatches, SharedCalls, SharedImages int64
	InFlight, Waiting                        int
	Bytes, MostBytes                         int64
	LatencyBounds                            []time.Duration
	LatencyCounts                            []int64
	LatencySum                               time.Duration
}

// Read returns the counts.
func (c *Counters) Read() Counts {
	n := Counts{
		Runs: c.runs.Load(), Errors: c.errors.Load(), Canceled: c.canceled.Load(), Images: c.images.Load(),
		SharedBatches: c.sharedBatches.Load(), SharedCalls: c.sharedCalls.Load(), SharedImages: c.sharedImages.Load(),
		InFlight: int(c.inFlight.Load()), Waiting: int(c.waiting.Load()),
		Bytes: c.bytes.Load(), MostBytes: c.mostBytes.Load(),
		LatencyBounds: slices.Clone(latencyBounds), LatencyCounts: make([]int64, len(latencyBounds)+1), LatencySum: time.Duration(c.sum.Load()),
	}
	for i := range n.LatencyCounts {
		n.LatencyCounts[i] = c.latency[i].Load()
	}
	return n
}
