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

// tfNetwork is a network in TensorFlow: its graph, the weights that are fed, and the
// sessions on the graph.
type tfNetwork struct {
	settings        tensorflow.Settings
	endsThreads     bool   // idle threads are ended, with what oneDNN keeps in them
	onSecondSession func() // is called when a second TensorFlow session opens
	graph           *tf.Graph
	input           capi.Output
	steps           []capi.Output
	output          capi.Output     // the network's first
	weights         []capi.Constant // weights that are no constants of the graph
	sessions        tfSessions
}

// build builds the graph and opens the session for single images. Where build fails,
// close frees what it has made.
func (n *tfNetwork) build(lowered graph.Lowered, weights graph.Weights, settings tensorflow.Settings, o Options) error {
	device := settings.Device
	n.settings = settings
	n.endsThreads = tensorflow.UsesOneDNN(device) && o.Executor == Single && tensorflow.ThreadsMayEnd()
	if o.Threads == 0 && device == tensorflow.CPU && o.Executor == Single && tensorflow.SharesThreads() {
		var err error
		if n.sessions.smallBatch, err = smallBatch(lowered); err != nil {
			return err
		}
	}
	root := tfgo.NewRoot().WithDevice(device)
	built, err := node.Build(root, lowered, weights, node.Options{
		Type:     dataType(o.Compute),
		Constant: func(kind string, numbers int) bool { return o.constant(device, kind, numbers) },
		OneDNN:   tensorflow.UsesOneDNN(device),
	})
	if err != nil {
		// Only the bindings' finalizer can free the graph of a scope that failed.
		return err
	}
	if n.graph, err = tensorflow.Finalize(root); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	outputs, err := capi.WrapGraph(n.graph)
	if err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	if n.input, err = outputs.OutputOf(built.Input); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(built.Fed)) {
		output, err := outputs.OutputOf(built.Fed[name])
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		tensor, err := capi.NewNativeTensor(weights[name], built.Fed[name].DataType())
		if err != nil {
			return fmt.Errorf("session: open: weight %s: %w", quote.Name(name), err)
		}
		n.weights = append(n.weights, capi.Constant{Output: output, Tensor: tensor})
	}
	for i, step := range lowered.Program.Steps {
		output, err := outputs.OutputOf(built.Steps[i])
		if err != nil {
			return fmt.Errorf("session: open: %s %s: %w", step.Op.Kind(), quote.Name(step.Name), err)
		}
		n.steps = append(n.steps, output)
	}
	n.output = n.steps[lowered.Layers[lowered.Outputs[0]].Last]
	// An error of opening comes here, and not with the first run.
	if _, err := n.open(1); err != nil {
		return fmt.Errorf("session: open: %w", err)
	}
	return nil
}

// close frees what build and open have made.
func (n *tfNetwork) close() error {
	err := n.sessions.close()
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
