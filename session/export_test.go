package session

import (
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/tensorflow"
)

// TFSessions reports which TensorFlow sessions a session has opened.
func TFSessions(s *Session) (oneThread, manyThreads bool) {
	return s.network.sessions.oneThread.Load() != nil, s.network.sessions.manyThreads.Load() != nil
}

// Cleanups waits for the cleanup that runs, sets the count of new steps to 0, and
// returns how many cleanups of idle threads there were.
func Cleanups() int {
	cleanup.mu.Lock()
	defer cleanup.mu.Unlock()
	cleanup.steps.Store(0)
	return int(cleanup.times.Load())
}

// EndIdleThreads is endIdleThreads.
func EndIdleThreads() { endIdleThreads() }

// SmallBatch is smallBatch of a ready network.
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

// Leaver frees a session that a test leaks on purpose.
func Leaver(s *Session) leaver { return leaver{s.core} }

type leaver struct{ core *core }

func (l leaver) Leave() {
	l.core.calls.Close()
	l.core.opened.Done()
	l.core.free()
}

// Take takes a slot of a limit, which release returns.
func Take(l *Limit) (release func(), ok bool) { return func() { l.queue.Release(0) }, l.queue.Try(0) }

// Queued returns how many calls wait for a limit.
func Queued(l *Limit) int { return l.queue.Queued() }

// Tuned reports whether the tests import session/tuned.
func Tuned() bool { return tensorflow.Tuned() }
