// Package node adds checked operations to a TensorFlow graph that you build by hand
// with tfgo; package session/graphs runs the graph. Conv2D, MaxPool and AvgPool add one
// operation to your scope:
//
//	root := tfgo.NewRoot()
//	images := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 427, 640, 3)))
//	pooled, err := node.MaxPool(root, images, node.PoolOptions{
//		Size: [4]int{1, 2, 2, 1}, Strides: [4]int{1, 2, 2, 1},
//	})
//
// They check the operation before they add it: after an error the scope is as it was.
// TensorFlow's own wrappers store an error in the scope, or build a graph that ends
// the process when it runs (a VALID window larger than an input whose size is not
// static).
//
// Build adds a whole network, each layer's nodes in a scope of the layer's name:
// conv1/filter, conv1/Conv2D, conv1/bias, conv1/BiasAdd, conv1/relu/Relu. The names
// depend on the network alone.
//
// docs/map.md maps the packages of this module.
package node

import (
	"errors"
	"fmt"
	"math"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// Built is a program in a graph: the placeholder for its input, of shape
// [?,H,W,C], the placeholders of weights that are fed, and the output of each step.
type Built struct {
	Input tf.Output
	Fed   map[string]tf.Output // by the weight's name
	Steps []tf.Output
}

// Options are the options of Build. With the zero value all weights become constants
// and the arithmetic is float32.
type Options struct {
	// Type is the type of the network's arithmetic: tf.Float, tf.Half or tf.Bfloat16.
	// Input, outputs and the weights of batch norms are float32 with each type; other
	// weights have the type.
	Type tf.DataType
	// Constant reports whether a weight of an operation becomes a constant, by the
	// operation's kind and the weight's number of elements. Other weights become
	// placeholders, which each run feeds: TensorFlow's optimizer copies a graph with all
	// its constants several times before the first run. Nil: all become constants.
	Constant func(kind string, numbers int) bool
	// OneDNN reports that the nodes will run on a CPU with oneDNN's kernels. The nodes
	// of some operations, and the nodes excluded from fusion, depend on it.
	OneDNN bool
}

// Build adds a lowered network to a scope. The input's placeholder is called
// "input".
func Build(scope *op.Scope, lowered graph.Lowered, weights graph.Weights, o Options) (_ Built, err error) {
	defer recovered(&err)
	program := lowered.Program
	if err := lowered.CheckWeights(weights); err != nil {
		return Built{}, err
	}
	if o.Type == 0 {
		o.Type = tf.Float
	}
	b := builder{
		Options: o, scope: scope, scopes: map[string]*op.Scope{}, weights: weights, copied: fusedWhenFetched(program),
		built: Built{
			Input: placeholder(scope, graph.InputName, tf.Float, program.InputShape(-1)),
			Fed:   map[string]tf.Output{},
		},
	}
	b.input = b.cast(scope, graph.InputName, b.built.Input, o.Type)
	for i, step := range program.Steps {
		if err := b.step(program, i); err != nil {
			return Built{}, fmt.Errorf("node: %s %s: %w", step.Op.Kind(), quote.Name(step.Name), err)
		}
	}
	return b.built, nil
}

// builder is the state of Build.
type builder struct {
	Options
	scope   *op.Scope
	scopes  map[string]*op.Scope // by layer
	weights graph.Weights
	input   tf.Output // of the arithmetic's type, as are the steps
	steps   []tf.Output
	copied  map[int]bool // steps that need a node of their own to be fetched
	built   Built
}

// step adds the nodes of a step.
func (b *builder) step(program ir.Program, i int) error {
	step := program.Steps[i]
	layer, part, hasPart := strings.Cut(step.Name, "/")
	if b.scopes[layer] == nil {
		b.scopes[layer] = b.scope.SubScope(layer)
	}
	scope := b.scopes[layer]
	var operands []tf.Output
	for _, from := range step.Inputs {
		if from == ir.Input {
			operands = append(operands, b.input)
		} else {
			operands = append(operands, b.steps[from])
		}
	}
	fed := len(b.built.Fed)
	for _, w := range step.Weights {
		value, err := b.weight(scope, step.Op, w)
		if err != nil {
			return err
		}
		operands = append(operands, value)
	}
	if hasPart {
		scope = scope.SubScope(part)
	}
	if b.OneDNN && unfusable(program, i) {
		scope = withoutFusion(scope)
	}
	y, err := add(step.Op, arguments{scope, program.Operands(i, -1), operands, kernels{b.OneDNN, len(b.built.Fed) > fed}})
	if err == nil {
		err = firstLine(b.scope.Err())
	}
	if err != nil {
		return err
	}
	y = b.cast(scope, "computed", y, b.Type) // some operations return float32 for every type
	b.steps = append(b.steps, y)
	if b.OneDNN && b.copied[i] {
		y = op.Identity(scope.SubScope("fetched"), y)
	}
	b.built.Steps = append(b.built.Steps, b.cast(scope, "output", y, tf.Float))
	return firstLine(b.scope.Err())
}

// weight adds a constant or a placeholder for a weight.
func (b *builder) weight(scope *op.Scope, o ir.Op, w ir.Weight) (tf.Output, error) {
	_, name, _ := strings.Cut(w.Name, "/")
	dtype := b.Type
	if o.Traits().Float32Weights {
		dtype = tf.Float
	}
	if b.Constant != nil && !b.Constant(o.Kind(), len(b.weights[w.Name].Data)) {
		b.built.Fed[w.Name] = placeholder(scope, name, dtype, w.Shape)
		return b.built.Fed[w.Name], nil
	}
	value, err := constant(scope, name, b.weights[w.Name])
	if err != nil {
		return tf.Output{}, err
	}
	// The optimizer makes a constant of the Cast.
	return b.cast(scope.SubScope(name), "rounded", value, dtype), nil
}

// cast adds a Cast where x has another type.
func (b *builder) cast(scope *op.Scope, name string, x tf.Output, dtype tf.DataType) tf.Output {
	if scope.Err() != nil || x.DataType() == dtype {
		return x
	}
	return op.Cast(scope.SubScope(name), x, dtype)
}

// buildOperation adds a single operation, with a placeholder for each of its operands,
// named "0", "1", …. oneDNN is as in Options. Where Build chooses the faster of two
// nodes for the operation, buildOperation adds both and returns two outputs, Build's
// choice first.
func buildOperation(scope *op.Scope, o ir.Op, oneDNN bool, shapes ...[]int) (inputs, outputs []tf.Output, err error) {
	defer recovered(&err)
	if _, err := o.Shape(shapes...); err != nil {
		return nil, nil, fmt.Errorf("node: %s: %w", o.Kind(), err)
	}
	for i, shape := range shapes {
		inputs = append(inputs, placeholder(scope, fmt.Sprint(i), tf.Float, shape))
	}
	if pool, is := o.(ir.MaxPool); is {
		outputs, err = bothMaxPools(scope, pool, shapes[0], inputs[0])
	} else {
		outputs = make([]tf.Output, 1)
		outputs[0], err = add(o, arguments{scope, shapes, inputs, kernels{oneDNN: oneDNN}})
	}
	if err == nil {
		err = firstLine(scope.Err())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("node: %s: %w", o.Kind(), err)
	}
	return inputs, outputs, nil
}

// kernels describes the kernels that an operation's nodes will get.
type kernels struct {
	oneDNN bool // of oneDNN, on a CPU
	fed    bool // with weights that each run feeds
}

// arguments are the arguments for building the nodes of one operation. The operation's
// Shape has accepted the shapes.
type arguments struct {
	scope    *op.Scope
	shapes   [][]int
	operands []tf.Output
	kernels
}

// builders has the function that adds an operation's nodes, by the operation's
// kind; each stands in the operation's file.
var builders = map[string]func(ir.Op, arguments) (tf.Output, error){}

// register registers the builder of an operation. It returns a value so that a package
// variable's declaration can call it.
func register[O ir.Op](build func(O, arguments) (tf.Output, error)) struct{} {
	var o O
	builders[o.Kind()] = func(o ir.Op, a arguments) (tf.Output, error) { return build(o.(O), a) }
	return struct{}{}
}

// add adds the nodes of one operation.
func add(o ir.Op, a arguments) (tf.Output, error) {
	build, known := builders[o.Kind()]
	if !known {
		return tf.Output{}, fmt.Errorf("no TensorFlow nodes for %s", o.Kind())
	}
	return build(o, a)
}

func placeholder(scope *op.Scope, name string, dtype tf.DataType, shape []int) tf.Output {
	sizes := make([]int64, len(shape))
	for i, size := range shape {
		sizes[i] = int64(size)
	}
	return output(scope, tf.OpSpec{
		Type: "Placeholder", Name: name,
		Attrs: map[string]any{"dtype": dtype, "shape": tf.MakeShape(sizes...)},
	})
}

// constant adds a constant with a name; the nodes of op.Const are all named Const.
// TensorFlow copies the numbers.
func constant(scope *op.Scope, name string, t tensor.Tensor) (tf.Output, error) {
	const most = math.MaxInt32 / 4 // a graph is a message of at most 2 GiB
	if len(t.Data) > most {
		return tf.Output{}, fmt.Errorf("%s has %d numbers, a constant of a TensorFlow graph at most %d", name, len(t.Data), most)
	}
	value, err := capi.NewTensor(t)
	if err != nil {
		return tf.Output{}, err
	}
	defer capi.FreeTensor(value)
	return output(scope, tf.OpSpec{
		Type: "Const", Name: name,
		Attrs: map[string]any{"dtype": tf.Float, "value": value},
	}), nil
}

// output adds a node and returns its first output, or the zero Output after an error,
// which the scope keeps.
func output(scope *op.Scope, spec tf.OpSpec) tf.Output {
	operation := scope.AddOperation(spec)
	if operation == nil {
		return tf.Output{}
	}
	return operation.Output(0)
}

// recovered turns a panic of the bindings, as for a scope that was not made by
// NewRoot, into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("node: panic in the bindings: %v", p)
	}
}

// firstLine returns an error without the stack trace that the bindings put into its
// text.
func firstLine(err error) error {
	if err == nil {
		return nil
	}
	text, _, _ := strings.Cut(err.Error(), " (Stacktrace:")
	text, _, _ = strings.Cut(text, "\n")
	return errors.New(text)
}

// four returns TensorFlow's four numbers for a pair of height and width.
func four(pair [2]int) []int64 { return []int64{1, int64(pair[0]), int64(pair[1]), 1} }

// sides returns explicit padding as TensorFlow lists it: before and after, for each of
// the four axes.
func sides(p ir.Padding) []int64 {
	return []int64{0, 0, int64(p.Top), int64(p.Bottom), int64(p.Left), int64(p.Right), 0, 0}
}
