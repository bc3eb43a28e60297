// Package node turns operations into TensorFlow graph nodes.
//
// Build adds a whole network, each layer's nodes in a scope of the layer's
// name: conv1/filter, conv1/Conv2D, conv1/bias, conv1/BiasAdd,
// conv1/relu/Relu. Names depend on the network alone.
//
// Conv2D, MaxPool and AvgPool are for graphs built by hand with tfgo. They add
// one checked operation to a scope of the caller's own:
//
//	root := tfgo.NewRoot()
//	pictures := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 427, 640, 3)))
//	pooled, err := node.MaxPool(root, pictures, node.PoolOptions{
//		Size: [4]int{1, 2, 2, 1}, Strides: [4]int{1, 2, 2, 1},
//	})
//
// What they refuse is refused before TensorFlow sees it: the error is
// returned and the scope stays as it was. TensorFlow's own wrappers would
// store the error in the scope, or build a graph that ends the process when
// it runs (a VALID window larger than an input whose size is not static).
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
)

// Built is a program in a graph: the placeholder for its input, of shape
// [?,H,W,C], those of the weights that are fed, and the output of each step.
type Built struct {
	Input tf.Output
	Fed   map[string]tf.Output // by the weight's name
	Steps []tf.Output
}

// AllConstant has Build make constants of all weights.
const AllConstant = math.MaxInt

// Build adds a checked program to a scope. Weights of at most constants numbers
// become constants, larger ones placeholders, which each run feeds:
// TensorFlow's optimizer copies a graph with all that is in it some ninety
// times before its first run. The input's placeholder is called "input".
func Build(scope *op.Scope, program ir.Program, weights graph.Weights, constants int) (_ Built, err error) {
	defer recovered(&err)
	if err := weights.CheckProgram(program); err != nil {
		return Built{}, err
	}
	built := Built{
		Input: placeholder(scope, graph.InputName, tf.Float, program.InputShape(-1)),
		Fed:   map[string]tf.Output{},
	}
	scopes := map[string]*op.Scope{}
	for i, step := range program.Steps {
		layer, _, _ := strings.Cut(step.Name, "/")
		if scopes[layer] == nil {
			scopes[layer] = scope.SubScope(layer)
		}
		var operands []tf.Output
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, built.Input)
			} else {
				operands = append(operands, built.Steps[from])
			}
		}
		for _, w := range step.Weights {
			_, name, _ := strings.Cut(w.Name, "/")
			if len(weights[w.Name].Data) > constants {
				built.Fed[w.Name] = placeholder(scopes[layer], name, tf.Float, w.Shape)
				operands = append(operands, built.Fed[w.Name])
				continue
			}
			value, err := constant(scopes[layer], name, weights[w.Name])
			if err != nil {
				return Built{}, fmt.Errorf("node: %s %q: %w", step.Op.Kind(), step.Name, err)
			}
			operands = append(operands, value)
		}
		place := scopes[layer]
		if _, part, found := strings.Cut(step.Name, "/"); found {
			place = place.SubScope(part)
		}
		output, err := add(place, step.Op, program.Operands(i, -1), operands)
		if err == nil {
			err = clean(scope.Err())
		}
		if err != nil {
			return Built{}, fmt.Errorf("node: %s %q: %w", step.Op.Kind(), step.Name, err)
		}
		built.Steps = append(built.Steps, output)
	}
	return built, nil
}

// BuildOperation adds a single operation with a placeholder for each of its
// operands, called "0", "1", …, for those who feed everything.
func BuildOperation(scope *op.Scope, o ir.Op, shapes ...[]int) (inputs []tf.Output, output tf.Output, err error) {
	defer recovered(&err)
	if _, err := o.Shape(shapes...); err != nil {
		return nil, tf.Output{}, fmt.Errorf("node: %s: %w", o.Kind(), err)
	}
	for i, shape := range shapes {
		inputs = append(inputs, placeholder(scope, fmt.Sprint(i), tf.Float, shape))
	}
	output, err = add(scope, o, shapes, inputs)
	if err == nil {
		err = clean(scope.Err())
	}
	if err != nil {
		return nil, tf.Output{}, fmt.Errorf("node: %s: %w", o.Kind(), err)
	}
	return inputs, output, nil
}

// add adds the nodes of one operation. The shapes have passed its Shape.
func add(scope *op.Scope, o ir.Op, shapes [][]int, operands []tf.Output) (tf.Output, error) {
	x := operands[0]
	switch o := o.(type) {
	case ir.Conv2D:
		return conv2D(scope, o, shapes, operands), nil
	case ir.DepthwiseConv2D:
		return depthwiseConv2D(scope, o, shapes, operands)
	case ir.Conv2DTranspose:
		return conv2DTranspose(scope, o, shapes, operands)
	case ir.Dense:
		return dense(scope, operands), nil
	case ir.MaxPool:
		return maxPool(scope, o, shapes[0], x), nil
	case ir.AvgPool:
		return avgPool(scope, o, shapes[0], x)
	case ir.BatchNorm:
		return batchNorm(scope, o, shapes[0], operands)
	case ir.LRN:
		return op.LRN(scope, x, op.LRNDepthRadius(int64(o.DepthRadius)), op.LRNBias(o.Bias), op.LRNAlpha(o.Alpha), op.LRNBeta(o.Beta)), nil
	case ir.Flatten:
		return flatten(scope, shapes[0], x)
	case ir.Pad:
		return pad(scope, x, [][2]int{{}, {o.Top, o.Bottom}, {o.Left, o.Right}, {}})
	case ir.Resize:
		return resize(scope, o, x)
	case ir.ScaleShift:
		return scaleShift(scope, o, x)
	case ir.ReverseChannels:
		return reverseChannels(scope, shapes[0], x)
	case ir.Softmax:
		return softmax(scope, shapes[0], x)
	case ir.Add:
		return sum(scope, operands), nil
	case ir.Concat:
		return concat(scope, shapes[0], operands)
	}
	if y, known := activation(scope, o, x); known {
		return y, nil
	}
	return tf.Output{}, fmt.Errorf("no TensorFlow nodes for %s", o.Kind())
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

// constant adds a constant of a name of its own; op.Const's nodes are all
// called Const. TensorFlow copies the numbers.
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

// output adds a node and gives its first output; after an error, which the
// scope keeps, there is none.
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

// clean cuts the stack trace that the bindings put into an error's text.
func clean(err error) error {
	if err == nil {
		return nil
	}
	text, _, _ := strings.Cut(err.Error(), " (Stacktrace:")
	text, _, _ = strings.Cut(text, "\n")
	return errors.New(text)
}

// four is a pair of numbers for height and width among TensorFlow's four.
func four(pair [2]int) []int64 { return []int64{1, int64(pair[0]), int64(pair[1]), 1} }

// sides is explicit padding as TensorFlow lists it: before and after, for
// each of the four axes.
func sides(p ir.Padding) []int64 {
	return []int64{0, 0, int64(p.Top), int64(p.Bottom), int64(p.Left), int64(p.Right), 0, 0}
}
