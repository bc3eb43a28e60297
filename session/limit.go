package session

import "tfcnn/session/internal/calls"

// ErrLimit is wrapped by the error of a run that needs more bytes than its Limit has.
var ErrLimit = calls.ErrLimit

// Limit bounds the runs in flight at once, and the bytes that their activations need as
// the plan forecasts them (graph.Requirement), without the weights. A run that would
// pass the limit waits, first come, first served. A run whose ctx has ended is in flight
// until TensorFlow has computed it. Many sessions may share one Limit.
type Limit struct{ queue calls.Limit }

// NewLimit returns a limit of so many runs and bytes; 0 is no limit. Open refuses a
// limit below 0.
func NewLimit(runs int, bytes int64) *Limit {
	return &Limit{calls.Limit{Runs: runs, Bytes: bytes}}
}

// of returns the queue of a limit, nil for a nil limit.
func (l *Limit) of() *calls.Limit {
	if l == nil {
		return nil
	}
	return &l.queue
}
