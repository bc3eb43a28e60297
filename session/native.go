package session

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/internal/capi"
)

// native is what TensorFlow holds for a session.
type native struct {
	session *tf.Session
	graph   *tf.Graph
	c       *capi.Session
	input   capi.Port
	steps   []capi.Port
	weights []capi.Feed // those that are no constants of the graph
	bound   *capi.Bound // a run for the first output

	mu     sync.Mutex
	second *tf.Session // on the same graph, for traces
	traced *capi.Session
}

// open builds the graph and starts a session on it. What it has made when it
// fails is freed by close.
func (n *native) open(lowered graph.Lowered, weights graph.Weights, device string, o Options) error {
	root := tfgo.NewRoot().WithDevice(device)
	built, err := node.Build(root, lowered.Program, weights, node.Options{
		Type:     dataType(o.Compute),
		Constant: func(kind string, numbers int) bool { return o.constant(device, kind, numbers) },
	})
	if err != nil {
		// The graph behind a scope that failed can only be left to the
		// bindings' finalizer.
		return err
	}
	if n.graph, err = root.Finalize(); err != nil {
		return fmt.Errorf("session: open: %w", oneLine(err))
	}
	if n.session, n.c, err = start(n.graph, device, o.Executor); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	if n.input, err = n.c.PortOf(built.Input); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(built.Fed)) {
		port, err := n.c.PortOf(built.Fed[name])
		if err != nil {
			return fmt.Errorf("session: open: weight %q: %w", name, err)
		}
		held, err := capi.HoldAs(weights[name], built.Fed[name].DataType())
		if err != nil {
			return fmt.Errorf("session: open: weight %q: %w", name, err)
		}
		n.weights = append(n.weights, capi.Feed{Port: port, Held: held})
	}
	for i, step := range lowered.Program.Steps {
		port, err := n.c.PortOf(built.Steps[i])
		if err != nil {
			return fmt.Errorf("session: open: %s %q: %w", step.Op.Kind(), step.Name, err)
		}
		n.steps = append(n.steps, port)
	}
	if n.bound, err = n.c.Bind(n.input, n.weights, n.steps[lowered.Layers[lowered.Outputs[0]].Last]); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	return nil
}

// start opens a session on a graph.
func start(graph *tf.Graph, device string, e Executor) (*tf.Session, *capi.Session, error) {
	options, err := configuration(device != cpuDevice, e)
	if err != nil {
		return nil, nil, err
	}
	session, err := tf.NewSession(graph, options)
	if err != nil {
		return nil, nil, oneLine(err)
	}
	c, err := capi.Wrap(session, graph)
	if err != nil {
		session.Close()
		return nil, nil, err
	}
	return session, c, nil
}

// inTurn is TensorFlow's usual executor, kept to the thread that calls.
const inTurn Executor = "in turn"

// tracing is a session that TensorFlow records the nodes of, which its
// single-threaded executor does not: where that one runs the network, another
// session on the same graph, from the first time that it is wanted. It too runs
// one operation after the other on the thread that calls.
func (n *native) tracing(device string, e Executor) (_ *capi.Session, err error) {
	if e != Single {
		return n.c, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.traced == nil {
		n.second, n.traced, err = start(n.graph, device, inTurn)
	}
	return n.traced, err
}

// close frees what open has made, as far as it came.
func (n *native) close() error {
	if n.bound != nil {
		n.bound.Free()
	}
	var err error
	for _, session := range []*tf.Session{n.session, n.second} {
		if session == nil {
			continue
		}
		if failed := session.Close(); failed != nil && err == nil {
			err = fmt.Errorf("session: close: %w", oneLine(failed))
		}
	}
	if n.graph != nil {
		// TensorFlow keeps the graph itself while a session refers to it.
		capi.FreeGraph(n.graph)
	}
	for _, w := range n.weights {
		w.Held.Free()
	}
	n.session, n.second, n.graph, n.bound, n.weights = nil, nil, nil, nil, nil
	return err
}
