package session

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
	"tfcnn/session/internal/calls"
)

// SizesOptions says how Sizes keeps its sessions. The zero value works.
type SizesOptions struct {
	Options
	// Most is how many sessions are kept. 0: 8.
	Most int
	// Bytes is how much native memory the kept sessions' weights may take, which
	// each has of its own; at least one is kept. 0: any amount.
	Bytes int64
}

const defaultSizes = 8

// Sizes runs a network of free height and width (graph.Input) on pictures of
// any sizes. TensorFlow's kernels are safe, and fast, where sizes are fixed:
// so each size has a session of its own, opened when it first comes. The one
// that was used longest ago is closed when there are too many, but never under
// a run. Its methods may be called from many goroutines at once.
type Sizes struct{ *sizes }

type sizes struct {
	net     graph.Network
	weights graph.Weights
	options SizesOptions
	watch   *leak.Record

	mu      sync.Mutex
	closed  bool
	clock   uint64
	kept    map[[2]int]*sized
	leaving map[*sized]bool // closed when their users are through
	past    Stats           // of sessions that are closed
	opened  int64
	ended   int64
	idle    chan struct{} // closed when, after closing, nothing is left
	failed  error         // of closing
}

// sized is the session for one size.
type sized struct {
	size    [2]int
	session *Session
	err     error
	ready   chan struct{} // closed when one of them is there
	users   int
	used    uint64
}

// SizesStats is what Sizes has counted: the sum of its sessions, those that are
// closed too, and the sessions.
type SizesStats struct {
	Stats
	Sessions       int // that are open
	Opened, Closed int64
}

// OpenSizes checks what can be without a size. The network and the weights
// must not be changed before Close. A network of one fixed size is taken too,
// and refuses pictures of others.
func OpenSizes(net graph.Network, weights graph.Weights, o SizesOptions) (*Sizes, error) {
	if o.Most < 0 || o.Bytes < 0 {
		return nil, fmt.Errorf("session: sizes: %d sessions and %d bytes are to be kept, want 0 or more", o.Most, o.Bytes)
	}
	if o.Most == 0 {
		o.Most = defaultSizes
	}
	if net.Input.Channels < 1 || len(net.Layers) == 0 {
		_, err := graph.Lower(net)
		return nil, err
	}
	if _, _, err := o.settle(); err != nil {
		return nil, err
	}
	s := &Sizes{&sizes{
		net: net, weights: weights, options: o,
		kept: map[[2]int]*sized{}, leaving: map[*sized]bool{}, idle: make(chan struct{}),
	}}
	s.watch = leak.Watch(s, "session of free height and width", "tfcnn/session")
	return s, nil
}

// Run is Session.Run for a batch of any height and width.
func (s *Sizes) Run(ctx context.Context, batch tensor.Tensor) (out tensor.Tensor, err error) {
	err = s.with(ctx, batch, func(one *Session) error {
		out, err = one.Run(ctx, batch)
		return err
	})
	return out, err
}

// RunInto is Session.RunInto for a batch of any height and width.
func (s *Sizes) RunInto(ctx context.Context, into, batch tensor.Tensor) error {
	return s.with(ctx, batch, func(one *Session) error { return one.RunInto(ctx, into, batch) })
}

// RunOutputs is Session.RunOutputs for a batch of any height and width.
func (s *Sizes) RunOutputs(ctx context.Context, batch tensor.Tensor, names ...string) (out []tensor.Tensor, err error) {
	err = s.with(ctx, batch, func(one *Session) error {
		out, err = one.RunOutputs(ctx, batch, names...)
		return err
	})
	return out, err
}

// RunOutputsInto is Session.RunOutputsInto for a batch of any height and width.
func (s *Sizes) RunOutputsInto(ctx context.Context, into []tensor.Tensor, batch tensor.Tensor, names ...string) error {
	return s.with(ctx, batch, func(one *Session) error { return one.RunOutputsInto(ctx, into, batch, names...) })
}

// with calls f with the session for a batch's size.
func (s *Sizes) with(ctx context.Context, batch tensor.Tensor, f func(*Session) error) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("session: run: %w", calls.ErrNoContext)
	case s == nil || s.sizes == nil:
		return fmt.Errorf("session: run: %w", ErrClosed)
	}
	if len(batch.Shape) != 4 || batch.Shape[1] < 1 || batch.Shape[2] < 1 || batch.Shape[3] != s.net.Input.Channels {
		return fmt.Errorf("session: run: batch is %s, want [N,H,W,%d]", tensor.FormatShape(batch.Shape), s.net.Input.Channels)
	}
	if err := batch.Check(); err != nil {
		return fmt.Errorf("session: run: %w", err)
	}
	one, err := s.take([2]int{batch.Shape[1], batch.Shape[2]})
	if err != nil {
		return fmt.Errorf("session: run: %w", err)
	}
	defer s.put(one)
	select {
	case <-one.ready:
	case <-ctx.Done():
		return fmt.Errorf("session: run: %w", calls.Ended(ctx))
	}
	if one.err != nil {
		return one.err
	}
	return f(one.session)
}

// take gives the session for a size to one more user; a new one is opened
// beside, once for all who want it.
func (s *sizes) take(size [2]int) (*sized, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	one := s.kept[size]
	if one == nil {
		net, err := s.net.At(size[0], size[1])
		if err != nil {
			return nil, err
		}
		one = &sized{size: size, ready: make(chan struct{}), users: 1} // its opening is a user, too
		s.kept[size] = one
		go s.open(one, net)
	}
	s.clock++
	one.used = s.clock
	one.users++
	return one, nil
}

// open opens a session, and closes others for it.
func (s *sizes) open(one *sized, net graph.Network) {
	s.mu.Lock()
	unused := s.shrink()
	s.mu.Unlock()
	for _, old := range unused {
		s.end(old)
	}
	one.err = calls.Guarded(func() (err error) {
		one.session, err = Open(net, s.weights, s.options.Options)
		return err
	})
	if one.err == nil {
		one.session.opened.Done() // the watch is on Sizes
	}
	s.mu.Lock()
	close(one.ready) // who waited for it may run, but takes no other before this one counts
	if one.err != nil {
		delete(s.kept, one.size) // who comes next tries again
		s.leaving[one] = true
	} else {
		s.opened++
		unused = s.shrink() // now that its bytes are known
	}
	s.mu.Unlock()
	s.put(one)
	for _, old := range unused {
		s.end(old)
	}
}

// shrink dismisses sessions that were used longest ago, while there are too
// many with those that are being opened, and gives those that have no users, to
// be ended. The mutex is held.
func (s *sizes) shrink() (unused []*sized) {
	var ready []*sized
	var bytes int64
	for _, one := range s.kept {
		if isClosed(one.ready) && one.session != nil {
			ready = append(ready, one)
			bytes += one.session.weightBytes
		}
	}
	slices.SortFunc(ready, func(a, b *sized) int { return cmp.Compare(a.used, b.used) })
	for _, one := range ready {
		if len(s.kept) == 1 || len(s.kept) <= s.options.Most && (s.options.Bytes == 0 || bytes <= s.options.Bytes) {
			break
		}
		bytes -= one.session.weightBytes
		if s.dismiss(one) {
			unused = append(unused, one)
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

// dismiss lets nobody take a session any more; its last user ends it, or who
// dismisses it where that says that it has none. The mutex is held.
func (s *sizes) dismiss(one *sized) (unused bool) {
	delete(s.kept, one.size)
	s.leaving[one] = true
	return one.users == 0
}

// put gives a session back.
func (s *sizes) put(one *sized) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.users--
	if one.users == 0 && s.leaving[one] {
		go s.end(one)
	}
}

// end closes a session that nobody uses.
func (s *sizes) end(one *sized) {
	var err error
	if one.session != nil {
		err = one.session.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.session != nil {
		s.past = s.past.add(one.session.Stats())
		s.ended++
	}
	delete(s.leaving, one)
	s.failed = errors.Join(s.failed, err)
	s.finish()
}

// finish says so when all is closed. The mutex is held.
func (s *sizes) finish() {
	if s.closed && len(s.kept)+len(s.leaving) == 0 && !isClosed(s.idle) {
		close(s.idle)
	}
}

// Stats is the sum of what the sessions have counted, and what they hold now.
func (s *Sizes) Stats() SizesStats {
	if s == nil || s.sizes == nil {
		return SizesStats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := SizesStats{Stats: s.past.add((*Session)(nil).Stats()), Opened: s.opened, Closed: s.ended}
	for _, one := range slices.AppendSeq(slices.Collect(maps.Values(s.kept)), maps.Keys(s.leaving)) {
		if isClosed(one.ready) && one.session != nil {
			stats.Sessions++
			stats.Stats = stats.add(one.session.Stats())
		}
	}
	return stats
}

// Close waits for the runs that are under way and frees all sessions.
func (s *Sizes) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close for so long as ctx lasts, as Session.Shutdown.
func (s *Sizes) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("session: close: %w", calls.ErrNoContext)
	}
	if s == nil || s.sizes == nil {
		return nil
	}
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.watch.Done()
		for _, one := range s.kept {
			if s.dismiss(one) {
				go s.end(one)
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
		return fmt.Errorf("session: close: sessions of %d sizes are in use: %w", len(s.leaving), calls.Ended(ctx))
	}
}
