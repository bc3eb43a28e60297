package session

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"tfcnn/graph"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
)

// lane is a session of TensorFlow on a network's graph. A network may have two,
// which differ in the threads that share an operation's work: where that is
// small, what sharing gains is lost many times over in waking them. By which a
// batch runs depends on its size alone, not on what else runs: so that equal
// batches give equal bits.
type lane struct {
	settings tensorflow.Settings
	session  *tensorflow.Session
	first    *capi.Runner // fetches the network's first output
	seen     seen

	mu     sync.Mutex
	traced *tensorflow.Session // on the same graph, for traces
}

// lanes are a network's, each opened when it is first wanted.
type lanes struct {
	alone int // the most pictures of a batch that the narrow lane takes

	mu           sync.Mutex
	wide, narrow atomic.Pointer[lane]
}

// lane is the one that a batch of so many pictures is to run on now.
func (n *native) lane(pictures int) (*lane, error) {
	l, err := n.find(pictures)
	if err == nil && n.keeps {
		l.seen.note(pictures, len(n.steps))
	}
	return l, err
}

// find is the lane for batches of so many pictures.
func (n *native) find(pictures int) (*lane, error) {
	place, settings := &n.lanes.wide, n.settings
	if pictures <= n.lanes.alone {
		place, settings.Threads = &n.lanes.narrow, 1
	}
	if l := place.Load(); l != nil {
		return l, nil
	}
	n.lanes.mu.Lock()
	defer n.lanes.mu.Unlock()
	if l := place.Load(); l != nil {
		return l, nil
	}
	l, err := n.openLane(settings)
	if err != nil {
		return nil, err
	}
	place.Store(l)
	if n.lanes.wide.Load() != nil && n.lanes.narrow.Load() != nil {
		n.another()
	}
	return l, nil
}

func (n *native) openLane(settings tensorflow.Settings) (_ *lane, err error) {
	l := &lane{settings: settings}
	if l.session, err = tensorflow.Open(n.graph, settings); err != nil {
		return nil, err
	}
	if l.first, err = l.session.NewRunner(capi.Signature{Feeds: []capi.Output{n.input}, Constants: n.weights, Fetches: []capi.Output{n.output}}); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// tracing is a session that TensorFlow records the nodes of, which its
// single-threaded executor does not: where that one runs the network, another
// session on the same graph, from the first time that it is wanted. It too runs
// one operation after the other on the thread that calls.
func (n *native) tracing(pictures int) (*tensorflow.Session, error) {
	l, err := n.lane(pictures)
	if err != nil {
		return nil, err
	}
	if n.settings.Executor != tensorflow.Single {
		return l.session, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.traced == nil {
		settings := l.settings
		settings.Executor = tensorflow.Sequential
		l.traced, err = tensorflow.Open(n.graph, settings)
	}
	return l.traced, err
}

// close closes the lanes that were opened.
func (l *lanes) close() error {
	var err error
	for _, open := range []*lane{l.wide.Swap(nil), l.narrow.Swap(nil)} {
		if open == nil {
			continue
		}
		if failed := open.close(); err == nil {
			err = failed
		}
	}
	return err
}

func (l *lane) close() error {
	if l.first != nil {
		l.first.Free()
	}
	var err error
	for _, session := range []*tensorflow.Session{l.session, l.traced} {
		if session == nil {
			continue
		}
		if failed := session.Close(); failed != nil && err == nil {
			err = fmt.Errorf("session: close: %w", failed)
		}
	}
	return err
}

// Work of which one thread has done a network's operation, on the average, in
// less than smallWork is not shared. Measured on two cores, lenet5 gains by two
// threads from 32 pictures on, convolutions from 150 µs each. What a thread does
// in a second is set low, as small operations are far from a machine's limits.
const (
	smallWork       = 80e-6 // s
	threadFLOPS     = 40e9
	threadBytes     = 10e9 // a second, of a kernel's operands and results
	bytesOfANumber  = 4
	flopsOfAProduct = 2 // with the addition
)

// smallBatch is the most pictures of a batch whose operations are that small.
func smallBatch(l graph.Lowered) (int, error) {
	plan, err := l.Plan()
	if err != nil {
		return 0, err
	}
	var operations, fixed, perPicture float64 // seconds
	for _, layer := range plan.Layers {
		if slices.Contains([]string{"flatten", "identity", "dropout"}, layer.Kind) {
			continue
		}
		operations++
		fixed += bytesOfANumber * float64(layer.Parameters+layer.Statistics) / threadBytes
		read := 1.0
		for _, side := range layer.Input {
			read *= float64(side)
		}
		perPicture += bytesOfANumber*(read+float64(layer.Activations))/threadBytes + flopsOfAProduct*float64(layer.Multiplications)/threadFLOPS
	}
	if perPicture == 0 {
		return 0, nil
	}
	return max(0, int((operations*smallWork-fixed)/perPicture)), nil
}
