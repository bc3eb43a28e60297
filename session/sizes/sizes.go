// Package sizes runs a network of free height and width (graph.Input) on images of any
// sizes.
//
//	s, err := sizes.Open(net, weights, sizes.Options{MaxSessions: 16})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//	classes, err := s.Run(ctx, images) // [N,H,W,C], with any H and W
//
// TensorFlow's kernels are safe, and fast, where sizes are fixed. So each size has a
// session of its own, which opens when the first batch of that size comes.
package sizes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/leak"
	"tfcnn/session"
	"tfcnn/session/internal/calls"
	"tfcnn/session/internal/seam"
)

// Options are those of each session, and how many sessions are kept. The zero value
// works.
type Options struct {
	session.Options
	// MaxSessions is the largest number of sessions that are kept. 0: 8.
	MaxSessions int
	// Bytes bounds the memory of the kept sessions' weights, which each session has of
	// its own; at least one session is kept. 0: no bound.
	Bytes int64
}

const defaultMaxSessions = 8

// Sessions are the sessions of one network, one for each size of images. Where there
// are too many, the session that was used longest ago is closed, but never while a run
// uses it. The methods may be called from many goroutines at once.
type Sessions struct{ *sessions }

type sessions struct {
	net     graph.Network
	weights graph.Weights
	options Options
	watch   *leak.Record

	mu      sync.Mutex
	closed  bool
	clock   uint64
	kept    map[[2]int]*entry
	leaving map[*entry]bool // closed when their last user has ended
	past    session.Stats   // of sessions that are closed
	opened  int64
	ended   int64
	idle    chan struct{} // closed when, after closing, nothing is left
	failed  error         // of closing
}

// entry is the session for one size.
type entry struct {
	size    [2]int
	session *session.Session
	err     error
	ready   chan struct{} // closed when session or err is set
	users   int
	used    uint64
}

// Stats are counters: the sums of all sessions, also of the closed ones, and the
// sessions themselves.
type Stats struct {
	session.Stats
	Sessions       int // that are open
	Opened, Closed int64
}

// Open checks what can be checked without a size. The network and the weights must not
// be changed before Close. A network of one fixed size is taken too; its Sessions refuse
// images of other sizes.
func Open(net graph.Network, weights graph.Weights, o Options) (*Sessions, error) {
	if o.MaxSessions < 0 || o.Bytes < 0 {
		return nil, fmt.Errorf("sizes: got MaxSessions %d and Bytes %d, want 0 or more", o.MaxSessions, o.Bytes)
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = defaultMaxSessions
	}
	if net.Input.Channels < 1 || len(net.Layers) == 0 {
		_, err := graph.Lower(net)
		return nil, err
	}
	if err := seam.CheckOptions(o.Options); err != nil {
		return nil, err
	}
	s := &Sessions{&sessions{
		net: net, weights: weights, options: o,
		kept: map[[2]int]*entry{}, leaving: map[*entry]bool{}, idle: make(chan struct{}),
	}}
	s.watch = leak.Watch(s, "session of free height and width", "tfcnn/session/sizes")
	return s, nil
}

// Run is Session.Run for a batch of any height and width.
func (s *Sessions) Run(ctx context.Context, batch tensor.Tensor) (out tensor.Tensor, err error) {
	err = s.with(ctx, batch, func(of *session.Session) error {
		out, err = of.Run(ctx, batch)
		return err
	})
	return out, err
}

// RunInto is Session.RunInto for a batch of any height and width.
func (s *Sessions) RunInto(ctx context.Context, into, batch tensor.Tensor) error {
	return s.with(ctx, batch, func(of *session.Session) error { return of.RunInto(ctx, into, batch) })
}

// RunOutputs is Session.RunOutputs for a batch of any height and width.
func (s *Sessions) RunOutputs(ctx context.Context, batch tensor.Tensor, names ...string) (out []tensor.Tensor, err error) {
	err = s.with(ctx, batch, func(of *session.Session) error {
		out, err = of.RunOutputs(ctx, batch, names...)
		return err
	})
	return out, err
}

// RunOutputsInto is Session.RunOutputsInto for a batch of any height and width.
func (s *Sessions) RunOutputsInto(ctx context.Context, into []tensor.Tensor, batch tensor.Tensor, names ...string) error {
	return s.with(ctx, batch, func(of *session.Session) error { return of.RunOutputsInto(ctx, into, batch, names...) })
}

// with calls f with the session for the size of a batch.
func (s *Sessions) with(ctx context.Context, batch tensor.Tensor, f func(*session.Session) error) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("sizes: run: %w", calls.ErrNoContext)
	case s == nil || s.sessions == nil:
		return fmt.Errorf("sizes: run: %w", session.ErrClosed)
	}
	if len(batch.Shape) != 4 || batch.Shape[1] < 1 || batch.Shape[2] < 1 || batch.Shape[3] != s.net.Input.Channels {
		return fmt.Errorf("sizes: run: batch is %s, want [N,H,W,%d]", tensor.FormatShape(batch.Shape), s.net.Input.Channels)
	}
	if err := batch.Check(); err != nil {
		return fmt.Errorf("sizes: run: %w", err)
	}
	e, err := s.take([2]int{batch.Shape[1], batch.Shape[2]})
	if err != nil {
		return fmt.Errorf("sizes: run: %w", err)
	}
	defer s.put(e)
	select {
	case <-e.ready:
	case <-ctx.Done():
		return fmt.Errorf("sizes: run: %w", calls.Ended(ctx))
	}
	if e.err != nil {
		return e.err
	}
	return f(e.session) // ErrClosed, where the session was closed meanwhile
}

// take returns the entry for a size, with one more user. A new session is opened on
// another goroutine, once for all its users.
func (s *sessions) take(size [2]int) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, session.ErrClosed
	}
	e := s.kept[size]
	if e == nil {
		net, err := s.net.At(size[0], size[1])
		if err != nil {
			return nil, err
		}
		e = &entry{size: size, ready: make(chan struct{}), users: 1} // its opening is a user, too
		s.kept[size] = e
		go s.open(e, net)
	}
	s.clock++
	e.used = s.clock
	e.users++
	return e, nil
}

// open opens a session, and closes others for it.
func (s *sessions) open(e *entry, net graph.Network) {
	s.mu.Lock()
	unused := s.shrink()
	s.mu.Unlock()
	for _, old := range unused {
		if old.session.Stats().InFlight > 0 {
			go s.end(old) // a run that has lost its caller computes there, perhaps for long
			continue
		}
		s.end(old)
	}
	e.err = calls.Guarded(func() (err error) {
		e.session, err = session.Open(net, s.weights, s.options.Options)
		return err
	})
	if e.err == nil {
		seam.Of(e.session).Unwatch() // the watch is on the Sessions
	}
	s.mu.Lock()
	close(e.ready) // its users may run; none takes another session before this one counts
	switch {
	case e.err != nil:
		delete(s.kept, e.size) // the next batch of this size tries again
		s.leaving[e] = true
	case s.closed:
		s.opened++
		go s.refuse(e)
	default:
		s.opened++
		unused = s.shrink() // now that its bytes are known
	}
	s.mu.Unlock()
	s.put(e)
	for _, old := range unused {
		s.end(old)
	}
}

// shrink dismisses the sessions that were used longest ago, while there are too many,
// those that are being opened among them. It returns the dismissed ones without users,
// which the caller must end. The mutex is held.
func (s *sessions) shrink() (unused []*entry) {
	var ready []*entry
	var bytes int64
	for _, e := range s.kept {
		if isClosed(e.ready) && e.session != nil {
			ready = append(ready, e)
			bytes += seam.Of(e.session).WeightBytes()
		}
	}
	slices.SortFunc(ready, func(a, b *entry) int { return cmp.Compare(a.used, b.used) })
	for _, e := range ready {
		if len(s.kept) == 1 || len(s.kept) <= s.options.MaxSessions && (s.options.Bytes == 0 || bytes <= s.options.Bytes) {
			break
		}
		bytes -= seam.Of(e.session).WeightBytes()
		if s.dismiss(e) {
			unused = append(unused, e)
		}
	}
	return unused
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// dismiss removes a session from those that take returns, and reports whether it has no
// users: then the caller must end it, and its last user does otherwise. The mutex is
// held.
func (s *sessions) dismiss(e *entry) (unused bool) {
	delete(s.kept, e.size)
	s.leaving[e] = true
	return e.users == 0
}

// put returns an entry that take gave.
func (s *sessions) put(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.users--
	if e.users == 0 && s.leaving[e] {
		go s.end(e)
	}
}

// refuse closes a session that has users: their runs in flight end, and those that wait
// for a Limit fail with ErrClosed. Then the last user ends the entry, which closes the
// session again and has its error.
func (s *sessions) refuse(e *entry) { _ = e.session.Close() }

// end closes a session without users.
func (s *sessions) end(e *entry) {
	var err error
	if e.session != nil {
		err = e.session.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.session != nil {
		s.past = sum(s.past, e.session.Stats())
		s.ended++
	}
	delete(s.leaving, e)
	s.failed = errors.Join(s.failed, err)
	s.finish()
}

// finish closes idle when all sessions are closed. The mutex is held.
func (s *sessions) finish() {
	if s.closed && len(s.kept)+len(s.leaving) == 0 && !isClosed(s.idle) {
		close(s.idle)
	}
}

// Stats returns the counters as they are now.
func (s *Sessions) Stats() Stats {
	if s == nil || s.sessions == nil {
		return Stats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := Stats{Stats: sum(s.past, (*session.Session)(nil).Stats()), Opened: s.opened, Closed: s.ended}
	for _, e := range slices.AppendSeq(slices.Collect(maps.Values(s.kept)), maps.Keys(s.leaving)) {
		if isClosed(e.ready) && e.session != nil {
			stats.Sessions++
			stats.Stats = sum(stats.Stats, e.session.Stats())
		}
	}
	return stats
}

// Close waits for the runs that are in flight and frees all sessions.
func (s *Sessions) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close until ctx ends, as Session.Shutdown.
func (s *Sessions) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("sizes: close: %w", calls.ErrNoContext)
	}
	if s == nil || s.sessions == nil {
		return nil
	}
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.watch.Done()
		for _, e := range s.kept {
			if s.dismiss(e) {
				go s.end(e)
			}
		}
		for e := range s.leaving {
			if e.users > 0 && isClosed(e.ready) && e.session != nil {
				go s.refuse(e)
			}
		}
		s.finish()
	}
	s.mu.Unlock()
	select {
	case <-s.idle:
		return s.failed
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("sizes: close: sessions of %d sizes are in use: %w", len(s.leaving), calls.Ended(ctx))
	}
}

// sum adds two sessions' counters. The sum of MostBytes is an upper bound.
func sum(a, b session.Stats) session.Stats {
	a.Runs += b.Runs
	a.Errors += b.Errors
	a.Canceled += b.Canceled
	a.Images += b.Images
	a.SharedBatches += b.SharedBatches
	a.SharedCalls += b.SharedCalls
	a.SharedImages += b.SharedImages
	a.InFlight += b.InFlight
	a.Waiting += b.Waiting
	a.Bytes += b.Bytes
	a.MostBytes += b.MostBytes
	counts := slices.Clone(b.Latency.Counts)
	for i, n := range a.Latency.Counts {
		counts[i] += n
	}
	a.Latency = session.Latency{Bounds: b.Latency.Bounds, Counts: counts, Sum: a.Latency.Sum + b.Latency.Sum}
	return a
}
