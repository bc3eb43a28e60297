package session

import (
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/tensorflow"
)

// Lanes says which lanes a session has opened.
func Lanes(s *Session) (narrow, wide bool) {
	return s.native.lanes.narrow.Load() != nil, s.native.lanes.wide.Load() != nil
}

// Renewals waits for one under way, has shapes counted from now on, and is how
// often threads were renewed.
func Renewals() int {
	renewal.mu.Lock()
	defer renewal.mu.Unlock()
	renewal.steps.Store(0)
	return int(renewal.times.Load())
}

// Renew ends the threads that are idle.
func Renew() { renewThreads() }

// SmallBatch is smallBatch of a network that is here.
func SmallBatch(t *testing.T, name string) int {
	net, err := nets.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	most, err := smallBatch(lowered)
	if err != nil {
		t.Fatal(err)
	}
	return most
}

// Leaver frees what a session left behind that the tests leak on purpose.
func Leaver(s *Session) leaver { return leaver{s.core} }

type leaver struct{ core *core }

func (l leaver) Leave() {
	l.core.calls.Close()
	l.core.opened.Done()
	l.core.free()
}

// Take takes a place of a limit, which release gives back.
func Take(l *Limit) (release func(), ok bool) { return func() { l.queue.Release(0) }, l.queue.Try(0) }

// Queued is how many calls wait for a limit's places.
func Queued(l *Limit) int { return l.queue.Queued() }

// Tuned reports whether the tests import session/tuned.
func Tuned() bool { return tensorflow.Tuned() }
