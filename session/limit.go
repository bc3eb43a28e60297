package session

import "tfcnn/session/internal/calls"

// ErrLimit is wrapped by the error of a run that needs more than its Limit
// ever grants.
var ErrLimit = calls.ErrLimit

// Limit bounds what is in flight at once: runs, and the bytes that they need
// for their activations as the plan forecasts them (graph.Requirement), the
// weights not counted. A run that would pass it waits, first come, first
// served. A run whose ctx has ended stays in flight until TensorFlow is
// through with it. One Limit may serve many sessions, and be used from many
// goroutines.
type Limit struct{ queue calls.Limit }

// NewLimit is a limit of so many runs and bytes; 0 is none. Open refuses a limit
// below 0.
func NewLimit(runs int, bytes int64) *Limit {
	return &Limit{calls.Limit{Runs: runs, Bytes: bytes}}
}

// of is the queue behind a limit; nil: none.
func (l *Limit) of() *calls.Limit {
	if l == nil {
		return nil
	}
	return &l.queue
}
