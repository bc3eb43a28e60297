package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
)

// native is what TensorFlow holds for a session.
type native struct {
	device   string
	executor Executor
	keeps    bool   // threads that run it keep what oneDNN has prepared
	another  func() // is called when there is a second lane
	graph    *tf.Graph
	input    capi.Port
	steps    []capi.Port
	output   capi.Port   // the network's first
	weights  []capi.Feed // those that are no constants of the graph
	lanes    lanes
}

// open builds the graph and starts a session on it. What it has made when it
// fails is freed by close.
func (n *native) open(lowered graph.Lowered, weights graph.Weights, device string, o Options) error {
	n.device, n.executor = device, o.Executor
	n.keeps = usesOneDNN(device) && o.Executor == Single && renews()
	n.lanes.threads = o.Threads
	if o.Threads == 0 && device == cpuDevice && o.Executor == Single && canShare() {
		var err error
		if n.lanes.alone, err = smallBatch(lowered); err != nil {
			return err
		}
	}
	root := tfgo.NewRoot().WithDevice(device)
	built, err := node.Build(root, lowered.Program, weights, node.Options{
		Type:     dataType(o.Compute),
		Constant: func(kind string, numbers int) bool { return o.constant(device, kind, numbers) },
		OneDNN:   usesOneDNN(device),
	})
	if err != nil {
		// The graph behind a scope that failed can only be left to the
		// bindings' finalizer.
		return err
	}
	if n.graph, err = root.Finalize(); err != nil {
		return fmt.Errorf("session: open: %w", oneLine(err))
	}
	ports, err := capi.WrapGraph(n.graph)
	if err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	if n.input, err = ports.PortOf(built.Input); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(built.Fed)) {
		port, err := ports.PortOf(built.Fed[name])
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		held, err := capi.HoldAs(weights[name], built.Fed[name].DataType())
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		n.weights = append(n.weights, capi.Feed{Port: port, Held: held})
	}
	for i, step := range lowered.Program.Steps {
		port, err := ports.PortOf(built.Steps[i])
		if err != nil {
			return fmt.Errorf("session: open: %s %s: %w", step.Op.Kind(), quote.Name(step.Name), err)
		}
		n.steps = append(n.steps, port)
	}
	n.output = n.steps[lowered.Layers[lowered.Outputs[0]].Last]
	// The lane of single pictures is there at once; what fails does so here.
	if _, err := n.find(1); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	return nil
}

// start opens a session on a graph: with so many threads of its own for the
// work of an operation, or with 0 on those of the process.
func start(graph *tf.Graph, device string, e Executor, threads int) (*tf.Session, *capi.Session, error) {
	options, err := configuration(device != cpuDevice, e, threads)
	if err != nil {
		return nil, nil, err
	}
	var session *tf.Session
	err = capi.OpenWithPool(threads > 0, func() (err error) {
		session, err = tf.NewSession(graph, options)
		return err
	})
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

// close frees what open and lane have made, as far as they came.
func (n *native) close() error {
	err := n.lanes.close()
	if n.graph != nil {
		// TensorFlow keeps the graph itself while a session refers to it.
		capi.FreeGraph(n.graph)
	}
	for _, w := range n.weights {
		w.Held.Free()
	}
	n.graph, n.weights = nil, nil
	return err
}
