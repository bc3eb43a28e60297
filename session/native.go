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
	"tfcnn/internal/tensorflow"
)

// native is what TensorFlow holds for a session.
type native struct {
	settings tensorflow.Settings
	keeps    bool   // threads that run it keep what oneDNN has prepared
	another  func() // is called when there is a second lane
	graph    *tf.Graph
	input    capi.Output
	steps    []capi.Output
	output   capi.Output     // the network's first
	weights  []capi.Constant // those that are no constants of the graph
	lanes    lanes
}

// open builds the graph and starts a session on it. What it has made when it
// fails is freed by close.
func (n *native) open(lowered graph.Lowered, weights graph.Weights, settings tensorflow.Settings, o Options) error {
	device := settings.Device
	n.settings = settings
	n.keeps = tensorflow.UsesOneDNN(device) && o.Executor == Single && tensorflow.ThreadsMayEnd()
	if o.Threads == 0 && device == tensorflow.CPU && o.Executor == Single && tensorflow.SharesThreads() {
		var err error
		if n.lanes.alone, err = smallBatch(lowered); err != nil {
			return err
		}
	}
	root := tfgo.NewRoot().WithDevice(device)
	built, err := node.Build(root, lowered.Program, weights, node.Options{
		Type:     dataType(o.Compute),
		Constant: func(kind string, numbers int) bool { return o.constant(device, kind, numbers) },
		OneDNN:   tensorflow.UsesOneDNN(device),
	})
	if err != nil {
		// The graph behind a scope that failed can only be left to the
		// bindings' finalizer.
		return err
	}
	if n.graph, err = tensorflow.Finalize(root); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	ports, err := capi.WrapGraph(n.graph)
	if err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	if n.input, err = ports.OutputOf(built.Input); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(built.Fed)) {
		port, err := ports.OutputOf(built.Fed[name])
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		held, err := capi.NewNativeTensor(weights[name], built.Fed[name].DataType())
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		n.weights = append(n.weights, capi.Constant{Output: port, Tensor: held})
	}
	for i, step := range lowered.Program.Steps {
		port, err := ports.OutputOf(built.Steps[i])
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

// close frees what open and lane have made, as far as they came.
func (n *native) close() error {
	err := n.lanes.close()
	if n.graph != nil {
		// TensorFlow keeps the graph itself while a session refers to it.
		capi.FreeGraph(n.graph)
	}
	for _, w := range n.weights {
		w.Tensor.Free()
	}
	n.graph, n.weights = nil, nil
	return err
}
