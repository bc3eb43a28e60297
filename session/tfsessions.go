package session

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
)

// tfSession is a TensorFlow session on a network's graph. A network may have two, which
// differ in the number of threads that share the work of an operation: where that work
// is small, waking the threads takes many times what sharing saves. Only the batch size
// decides which session runs a batch, so equal batches give equal bits.
type tfSession struct {
	settings tensorflow.Settings
	session  *tensorflow.Session
	first    *capi.Runner // fetches the network's first output
	sizes    batchSizes   // that the session has run

	mu     sync.Mutex
	traced *tensorflow.Session // on the same graph, for traces
}

// tfSessions are those of a network. Each opens when its first batch comes.
type tfSessions struct {
	smallBatch int // the most images of a batch that runs on one thread

	mu          sync.Mutex
	manyThreads atomic.Pointer[tfSession]
	oneThread   atomic.Pointer[tfSession]
}

// session returns the session for a batch, and notes that the session runs batches of
// that size.
func (n *tfNetwork) session(images int) (*tfSession, error) {
	s, err := n.open(images)
	if err == nil && n.endsThreads {
		s.sizes.add(images, len(n.steps))
	}
	return s, err
}

// open returns the session for batches of so many images, which it opens where that has
// not been done.
func (n *tfNetwork) open(images int) (*tfSession, error) {
	session := &n.sessions.manyThreads
	if images <= n.sessions.smallBatch {
		session = &n.sessions.oneThread
	}
	if s := session.Load(); s != nil {
		return s, nil
	}
	n.sessions.mu.Lock()
	defer n.sessions.mu.Unlock()
	if s := session.Load(); s != nil {
		return s, nil
	}
	s, err := n.newSession(n.settingsFor(images))
	if err != nil {
		return nil, err
	}
	session.Store(s)
	if n.sessions.manyThreads.Load() != nil && n.sessions.oneThread.Load() != nil {
		n.onSecondSession()
	}
	return s, nil
}

// settingsFor returns the settings of the session for batches of so many images.
func (n *tfNetwork) settingsFor(images int) tensorflow.Settings {
	settings := n.settings
	if images <= n.sessions.smallBatch {
		settings.Threads = 1
	}
	return settings
}

func (n *tfNetwork) newSession(settings tensorflow.Settings) (_ *tfSession, err error) {
	s := &tfSession{settings: settings}
	if s.session, err = tensorflow.Open(n.graph, settings); err != nil {
		return nil, err
	}
	if s.first, err = s.session.NewRunner(capi.Signature{Feeds: []capi.Output{n.input}, Constants: n.weights, Fetches: []capi.Output{n.output}}); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// tracing returns a session whose nodes TensorFlow records. TensorFlow's
// single-threaded executor records nothing: where that executor runs the network,
// tracing opens another session on the same graph at its first call, which also runs
// one operation after the other on the thread that calls.
func (n *tfNetwork) tracing(images int) (*tensorflow.Session, error) {
	s, err := n.session(images)
	if err != nil {
		return nil, err
	}
	if n.settings.Executor != tensorflow.Single {
		return s.session, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traced == nil {
		settings := s.settings
		settings.Executor = tensorflow.Sequential
		s.traced, err = tensorflow.Open(n.graph, settings)
	}
	return s.traced, err
}

// close closes the sessions that were opened.
func (t *tfSessions) close() error {
	var err error
	for _, opened := range []*tfSession{t.manyThreads.Swap(nil), t.oneThread.Swap(nil)} {
		if opened == nil {
			continue
		}
		if failed := opened.close(); err == nil {
			err = failed
		}
	}
	return err
}

func (s *tfSession) close() error {
	if s.first != nil {
		s.first.Free()
	}
	var err error
	for _, session := range []*tensorflow.Session{s.session, s.traced} {
		if session == nil {
			continue
		}
		if failed := session.Close(); failed != nil && err == nil {
			err = fmt.Errorf("session: close: %w", failed)
		}
	}
	return err
}

// Threads do not share an operation's work where one thread does an operation of the
// network, on average, in less than smallWork. Measured on two cores, lenet5 gains by
// two threads from 32 images on, convolutions from 150 µs each. threadFLOPS and
// threadBytes are set low, as small operations are far from a machine's limits.
const (
	smallWork       = 80e-6 // s
	threadFLOPS     = 40e9
	threadBytes     = 10e9 // a second, of a kernel's operands and results
	bytesOfANumber  = 4
	flopsOfAProduct = 2 // with the addition
)

// smallBatch returns the most images of a batch whose operations are that small.
func smallBatch(l graph.Lowered) (int, error) {
	planned, err := plan.OfLowered(l)
	if err != nil {
		return 0, err
	}
	var operations, fixed, perImage float64 // seconds
	for _, layer := range planned.Layers {
		if slices.Contains([]string{"flatten", "identity", "dropout"}, layer.Kind) {
			continue
		}
		operations++
		fixed += bytesOfANumber * float64(layer.Parameters+layer.Statistics) / threadBytes
		read := 1.0
		for _, side := range layer.Input {
			read *= float64(side)
		}
		perImage += bytesOfANumber*(read+float64(layer.Activations))/threadBytes + flopsOfAProduct*float64(layer.Multiplications)/threadFLOPS
	}
	if perImage == 0 {
		return 0, nil
	}
	return max(0, int((operations*smallWork-fixed)/perImage)), nil
}
