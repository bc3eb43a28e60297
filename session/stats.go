package session

import (
	"slices"
	"sync/atomic"
	"time"
)

// Stats is what a session has counted since Open.
type Stats struct {
	Runs     int64 // calls that gave a result
	Errors   int64 // calls that failed, other than by their ctx
	Canceled int64 // calls that ended with their ctx
	Images   int64 // in the Runs
	// SharedBatches counts the runs of TensorFlow that served several calls
	// (Options.Batching), SharedCalls the calls that shared them
	// (also those that left meanwhile), SharedImages the
	// images in them: SharedImages/SharedBatches is the mean size of a batch. A run
	// that failed is in none.
	SharedBatches, SharedCalls, SharedImages int64
	// InFlight counts calls inside TensorFlow, also those whose caller has left;
	// Waiting callers who wait for a place in Options.Limit or in a batch.
	InFlight, Waiting int
	// Bytes is native memory: the weights, and the forecast of the runs in
	// flight. MostBytes is the most that there was.
	Bytes, MostBytes int64
	// Latency is of the Runs, from call to return.
	Latency Latency
}

// Latency is a histogram of times.
type Latency struct {
	Bounds []time.Duration // the buckets' upper bounds, ascending; a last bucket has none
	Counts []int64         // one a bucket: len(Bounds)+1
	Sum    time.Duration
}

// latencyBounds: 2.5 a factor, from a call's overhead to minutes.
var latencyBounds = []time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// counters are a session's, written by its calls.
type counters struct {
	runs, errors, canceled, pictures atomic.Int64

	sharedBatches, sharedCalls, sharedImages atomic.Int64

	inFlight, waiting atomic.Int64
	bytes, mostBytes  atomic.Int64
	latency           [32]atomic.Int64
	sum               atomic.Int64
}

// took counts a call that gave a result.
func (c *counters) took(d time.Duration, pictures int) {
	c.runs.Add(1)
	c.pictures.Add(int64(pictures))
	at, _ := slices.BinarySearch(latencyBounds, d)
	c.latency[at].Add(1)
	c.sum.Add(int64(d))
}

// shared counts a batch that served several calls.
func (c *counters) shared(calls, images int) {
	c.sharedBatches.Add(1)
	c.sharedCalls.Add(int64(calls))
	c.sharedImages.Add(int64(images))
}

// allocate counts bytes that are taken, or given back.
func (c *counters) allocate(bytes int64) {
	now := c.bytes.Add(bytes)
	for {
		most := c.mostBytes.Load()
		if now <= most || c.mostBytes.CompareAndSwap(most, now) {
			return
		}
	}
}

// Stats gives the counters as they are; each is right, though calls that end
// meanwhile may be in one and not yet in another.
func (s *Session) Stats() Stats {
	if s == nil || s.core == nil {
		return Stats{Latency: Latency{Bounds: slices.Clone(latencyBounds), Counts: make([]int64, len(latencyBounds)+1)}}
	}
	c := &s.counters
	stats := Stats{
		Runs: c.runs.Load(), Errors: c.errors.Load(), Canceled: c.canceled.Load(), Images: c.pictures.Load(),
		SharedBatches: c.sharedBatches.Load(), SharedCalls: c.sharedCalls.Load(), SharedImages: c.sharedImages.Load(),
		InFlight: int(c.inFlight.Load()), Waiting: int(c.waiting.Load()),
		Bytes: c.bytes.Load(), MostBytes: c.mostBytes.Load(),
		Latency: Latency{Bounds: slices.Clone(latencyBounds), Counts: make([]int64, len(latencyBounds)+1), Sum: time.Duration(c.sum.Load())},
	}
	for i := range stats.Latency.Counts {
		stats.Latency.Counts[i] = c.latency[i].Load()
	}
	return stats
}

// add is the sum of two sessions' counters. MostBytes adds up, too: it is an
// upper bound.
func (s Stats) add(o Stats) Stats {
	s.Runs += o.Runs
	s.Errors += o.Errors
	s.Canceled += o.Canceled
	s.Images += o.Images
	s.SharedBatches += o.SharedBatches
	s.SharedCalls += o.SharedCalls
	s.SharedImages += o.SharedImages
	s.InFlight += o.InFlight
	s.Waiting += o.Waiting
	s.Bytes += o.Bytes
	s.MostBytes += o.MostBytes
	counts := slices.Clone(o.Latency.Counts)
	for i, n := range s.Latency.Counts {
		counts[i] += n
	}
	s.Latency = Latency{Bounds: o.Latency.Bounds, Counts: counts, Sum: s.Latency.Sum + o.Latency.Sum}
	return s
}
