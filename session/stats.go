package session

import (
	"time"

	"tfcnn/session/internal/calls"
)

// Stats are the counters of a session since Open.
type Stats struct {
	Runs     int64 // calls that gave a result
	Errors   int64 // calls that failed, other than by their ctx
	Canceled int64 // calls that ended with their ctx
	Images   int64 // in the Runs
	// SharedBatches counts the runs of TensorFlow that several calls shared
	// (Options.Batching), SharedCalls those calls, also the ones whose ctx ended
	// meanwhile, and SharedImages the images in these runs:
	// SharedImages/SharedBatches is the mean size of a shared batch. Failed runs are
	// not counted.
	SharedBatches, SharedCalls, SharedImages int64
	// InFlight counts calls inside TensorFlow, also those whose ctx has ended; Waiting
	// counts calls that wait for Options.Limit or in a batch.
	InFlight, Waiting int
	// Bytes is memory in TensorFlow: the weights, and the forecast of the runs in
	// flight. MostBytes is the largest value of Bytes.
	Bytes, MostBytes int64
	// Latency is the time of the Runs, from call to return.
	Latency Latency
}

// Latency is a histogram of times.
type Latency struct {
	Bounds []time.Duration // the buckets' upper bounds, ascending; a last bucket has none
	Counts []int64         // one a bucket: len(Bounds)+1
	Sum    time.Duration
}

// Stats returns the counters. Each counter is right by itself; a call that ends at this
// moment may be in one counter and not yet in another.
func (s *Session) Stats() Stats {
	if s == nil || s.core == nil {
		return statsOf(&calls.Counters{})
	}
	return statsOf(&s.calls.Counters)
}

// statsOf returns counters as Stats.
func statsOf(c *calls.Counters) Stats {
	n := c.Read()
	return Stats{
		Runs: n.Runs, Errors: n.Errors, Canceled: n.Canceled, Images: n.Images,
		SharedBatches: n.SharedBatches, SharedCalls: n.SharedCalls, SharedImages: n.SharedImages,
		InFlight: n.InFlight, Waiting: n.Waiting, Bytes: n.Bytes, MostBytes: n.MostBytes,
		Latency: Latency{Bounds: n.LatencyBounds, Counts: n.LatencyCounts, Sum: n.LatencySum},
	}
}
