// Package session runs networks in TensorFlow.
//
//	s, err := session.Open(net, net.InitialWeights(1), session.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//	maps, err := s.Run(ctx, pictures) // [N,H,W,C] in, the last layer's [N,H',W',C'] out
//
// What a run allocates outside Go's heap is freed when the run ends, and a
// session's graph and weights when it is closed: the garbage collector has no
// part in it.
package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// ErrClosed is wrapped by the error of a run on a session that was closed.
var ErrClosed = errors.New("session is closed")

// Options says where a session runs. The zero value works.
type Options struct {
	// Device is "auto" (a GPU where TensorFlow has one, else the CPU), "cpu",
	// "gpu" (the first) or "gpu:N". Empty: "auto". A GPU that is asked for and
	// not there is an error that wraps ErrNoDevice.
	Device string
}

// Session is a network with its weights in TensorFlow. Its methods may be
// called from many goroutines at once.
type Session struct {
	lowered graph.Lowered
	device  string
	input   []int // [height, width, channels]

	native  native
	running tracker
}

// native is what TensorFlow holds for a session.
type native struct {
	session *tf.Session
	graph   *tf.Graph
	c       *capi.Session
	input   capi.Port
	steps   []capi.Port
	weights []capi.Feed // those that are no constants of the graph
}

// constantNumbers is the size up to which a weight is a constant of the graph.
// Larger ones are held beside it and fed: with all of alexnet's in the graph
// the first run takes 25 seconds, most of them for copies that TensorFlow's
// optimizer makes.
const constantNumbers = 1 << 14

// Open checks the network and its weights, builds the graph and starts a
// session. The network and the weights are copied; Close frees the session.
// Refusals of the network or the weights are *graph.Error.
func Open(net graph.Network, weights graph.Weights, o Options) (*Session, error) {
	lowered, err := graph.Lower(net)
	if err != nil {
		return nil, err
	}
	if err := weights.CheckProgram(lowered.Program); err != nil {
		return nil, err
	}
	device, err := choose(o.Device)
	if err != nil {
		return nil, err
	}
	s := &Session{
		lowered: lowered, device: device,
		input: slices.Clone(lowered.Program.Input),
	}
	if err := s.native.open(lowered, weights, device); err != nil {
		s.native.close()
		return nil, err
	}
	return s, nil
}

func (n *native) open(lowered graph.Lowered, weights graph.Weights, device string) error {
	root := tfgo.NewRoot().WithDevice(device)
	built, err := node.Build(root, lowered.Program, weights, constantNumbers)
	if err != nil {
		// The graph behind a scope that failed can only be left to the
		// bindings' finalizer.
		return err
	}
	if n.graph, err = root.Finalize(); err != nil {
		return fmt.Errorf("session: open: %w", oneLine(err))
	}
	if err := n.start(device); err != nil {
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
		held, err := capi.Hold(weights[name])
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
	return nil
}

// close frees what open has made, as far as it came.
func (n *native) close() error {
	var err error
	if n.session != nil {
		if failed := n.session.Close(); failed != nil {
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
	*n = native{}
	return err
}

// Device is where the session's nodes are placed, as "/device:CPU:0".
func (s *Session) Device() string { return s.device }

// Run computes the network's first output (the last layer, or the first of
// Network.Outputs) for a batch of pictures [N,H,W,C]; N may be 0.
//
// A ctx that is done before the run starts prevents it. One that ends while
// TensorFlow computes makes Run return its error at once, but TensorFlow
// cannot be interrupted: the computation goes on in the background, keeps its
// core and its memory until it is through, and its result is thrown away.
// Close waits for it.
func (s *Session) Run(ctx context.Context, batch tensor.Tensor) (tensor.Tensor, error) {
	outputs, _, err := s.run(ctx, batch, s.last(s.lowered.Outputs[:min(1, len(s.lowered.Outputs))]), false)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return outputs[0], nil
}

// RunOutputs is Run for any layers by name, in the order of the names; without
// names, for all of the network's outputs.
func (s *Session) RunOutputs(ctx context.Context, batch tensor.Tensor, names ...string) ([]tensor.Tensor, error) {
	steps, err := s.choose(names)
	if err != nil {
		return nil, err
	}
	outputs, _, err := s.run(ctx, batch, steps, false)
	return outputs, err
}

// RunTraced is RunOutputs, with what TensorFlow recorded of each layer that it
// ran: where, and for how long.
func (s *Session) RunTraced(ctx context.Context, batch tensor.Tensor, names ...string) ([]tensor.Tensor, []LayerRun, error) {
	steps, err := s.choose(names)
	if err != nil {
		return nil, nil, err
	}
	outputs, nodes, err := s.run(ctx, batch, steps, true)
	if err != nil {
		return nil, nil, err
	}
	return outputs, s.layerRuns(nodes), nil
}

// last gives the steps whose outputs are the layers'.
func (s *Session) last(layers []int) []int {
	steps := make([]int, len(layers))
	for i, layer := range layers {
		steps[i] = s.lowered.Layers[layer].Last
	}
	return steps
}

// choose finds the last steps of layers by name.
func (s *Session) choose(names []string) ([]int, error) {
	if len(names) == 0 {
		return s.last(s.lowered.Outputs), nil
	}
	layers := make([]int, len(names))
	for i, name := range names {
		at, err := s.lowered.Layer(name)
		if err != nil {
			return nil, fmt.Errorf("session: run: %w", errors.Unwrap(err))
		}
		layers[i] = at
	}
	return s.last(layers), nil
}

// run fetches the outputs of steps.
func (s *Session) run(ctx context.Context, batch tensor.Tensor, steps []int, traced bool) ([]tensor.Tensor, []capi.Node, error) {
	if len(steps) == 0 { // the zero value, which Open has not made
		return nil, nil, fmt.Errorf("session: run: %w", ErrClosed)
	}
	if err := s.check(batch); err != nil {
		return nil, nil, fmt.Errorf("session: run: %w", err)
	}
	fetches := make([]capi.Port, len(steps))
	if !s.running.begin() {
		return nil, nil, fmt.Errorf("session: run: %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		s.running.end()
		return nil, nil, fmt.Errorf("session: run: %w", err)
	}
	if batch.Shape[0] == 0 {
		s.running.end()
		return s.empty(steps), nil, nil
	}
	for i, step := range steps {
		fetches[i] = s.native.steps[step]
	}
	// The feed is copied before the call can outlive this function.
	feeds := append([]capi.Feed{{Port: s.native.input, Value: batch}}, s.native.weights...)
	call, err := s.native.c.Prepare(feeds, fetches)
	if err != nil {
		s.running.end()
		return nil, nil, fmt.Errorf("session: run: %w", err)
	}
	results, nodes, err := s.running.do(ctx, call, traced)
	if err != nil {
		return nil, nil, fmt.Errorf("session: run: %w", err)
	}
	outputs := make([]tensor.Tensor, len(results))
	for i, r := range results {
		outputs[i] = r.Tensor()
	}
	return outputs, nodes, nil
}

// empty is what steps make of no pictures. TensorFlow is not asked: with
// oneDNN it gives the shape of a convolution's input for that of its output.
func (s *Session) empty(steps []int) []tensor.Tensor {
	outputs := make([]tensor.Tensor, len(steps))
	for i, step := range steps {
		shape := slices.Clone(s.lowered.Program.Steps[step].Shape)
		shape[0] = 0
		outputs[i] = tensor.Tensor{Shape: shape, Data: []float32{}}
	}
	return outputs
}

// check refuses a batch before TensorFlow sees it.
func (s *Session) check(batch tensor.Tensor) error {
	want := "[N," + tensor.FormatShape(s.input)[1:]
	if len(batch.Shape) != 4 || !slices.Equal(batch.Shape[1:], s.input) {
		return fmt.Errorf("batch is %s, want %s", tensor.FormatShape(batch.Shape), want)
	}
	if err := batch.Check(); err != nil {
		return err
	}
	program := s.lowered.Program
	for i, step := range program.Steps {
		if _, err := step.Op.Shape(program.Operands(i, batch.Shape[0])...); err != nil {
			return fmt.Errorf("batch of %d pictures: %s %q: %w", batch.Shape[0], step.Op.Kind(), step.Name, err)
		}
	}
	return nil
}

// Close waits for the runs that are under way, also for those whose ctx has
// ended, and frees the session. Runs that come later fail with ErrClosed. A
// second Close does nothing.
func (s *Session) Close() error {
	if !s.running.close() {
		return nil
	}
	return s.native.close()
}
