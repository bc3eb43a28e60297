package session

import (
	"time"

	"tfcnn/session/internal/calls"
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

// Stats gives the counters as they are; each is right, though calls that end
// meanwhile may be in one and not yet in another.
func (s *Session) Stats() Stats {
	if s == nil || s.core == nil {
		return statsOf(&calls.Counters{})
	}
	return statsOf(&s.calls.Counters)
}

// statsOf reads counters.
func statsOf(c *calls.Counters) Stats {
	n := c.Read()
	return Stats{
		Runs: n.Runs, Errors: n.Errors, Canceled: n.Canceled, Images: n.Images,
		SharedBatches: n.SharedBatches, SharedCalls: n.SharedCalls, SharedImages: n.SharedImages,
		InFlight: n.InFlight, Waiting: n.Waiting, Bytes: n.Bytes, MostBytes: n.MostBytes,
		Latency: Latency{Bounds: n.LatencyBounds, Counts: n.LatencyCounts, Sum: n.LatencySum},
	}
}
