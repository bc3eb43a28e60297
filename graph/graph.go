// Package graph describes a convolutional network as a value: plain Go data,
// written once. From it come the shapes and costs of every layer (Plan), the
// TensorFlow graph (packages graph/node and session) and the reference that
// TensorFlow is held to. Nothing here needs libtensorflow.
//
//	net := graph.Network{
//		Input: graph.Input{Height: 427, Width: 640, Channels: 3},
//		Layers: []graph.Layer{
//			graph.Conv2D{Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same},
//			graph.MaxPool{Size: graph.Square(2)},
//		},
//	}
//	plan, err := net.Plan()
//
// A layer reads the one before it unless From names another: any earlier
// layer, or "input". A layer without a name is called after its kind and its
// place among those of its kind: conv1, conv2, max_pool1, avg_pool1, relu1.
//
// The zero value of a field means its default, stated at the field. Whatever
// TensorFlow would refuse, compute wrongly or die of is refused here, as an
// *Error that names the layer.
package graph

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// InputName is what From calls the network's input. No layer may have it.
const InputName = "input"

// Network is the architecture. Its weights are another value (Weights). A
// Network may be read from many goroutines while none writes it.
type Network struct {
	Input  Input
	Layers []Layer
	// Outputs names the layers that a run gives when it is not asked for
	// others. Empty: the last layer.
	Outputs []string
}

// Input is the size of the pictures. The number of pictures is free.
type Input struct {
	Height, Width, Channels int
}

// Layer is one of this package's layer types: Conv2D, MaxPool, AvgPool, ReLU.
type Layer interface {
	// head gives the layer's name and what it reads; both may be empty.
	head() (name, from string)
	// kind is the layer's name in errors and reports, prefix what unnamed
	// layers are called after.
	kind() string
	prefix() string
	// lower appends the layer's operations.
	lower(*lowering) error
}

// Error says which layer of a network is refused, and why.
type Error struct {
	Kind   string // as "conv2d"; empty where the fault lies in no layer
	Layer  string
	Reason error
}

// Error is one line: graph: conv2d "c1": input has 3 channels, filter wants 1.
func (e *Error) Error() string {
	if e.Kind == "" {
		return "graph: " + e.Reason.Error()
	}
	return fmt.Sprintf("graph: %s %q: %v", e.Kind, e.Layer, e.Reason)
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Lowered is a network as the packages of this module read it.
type Lowered struct {
	Program ir.Program
	Layers  []LoweredLayer
	Outputs []int // indices into Layers
}

// LoweredLayer tells which steps of the program a layer became.
type LoweredLayer struct {
	Name, Kind, From string
	First, Last      int // steps; the last one's output is the layer's
}

// Layer gives the index of a layer by name, or an error that names the known
// ones.
func (l Lowered) Layer(name string) (int, error) {
	i := slices.IndexFunc(l.Layers, func(layer LoweredLayer) bool { return layer.Name == name })
	if i < 0 {
		return -1, &Error{Reason: fmt.Errorf("no layer is named %q%s", name, knownLayers(l.Layers))}
	}
	return i, nil
}

func knownLayers(layers []LoweredLayer) string {
	const most = 12
	text := ""
	for i, layer := range layers {
		if i == most {
			return text + ", …"
		}
		text += fmt.Sprintf("%s%q", map[bool]string{true: ", want one of ", false: ", "}[i == 0], layer.Name)
	}
	return text
}

var validName = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9_.-]*$`)

// ValidName says whether TensorFlow takes the name for a scope; a slash, which
// would put one layer's scope into another's, is left out.
func ValidName(name string) bool { return validName.MatchString(name) }

// Lower checks the whole network and resolves it to a program. Every error is
// an *Error.
func Lower(n Network) (Lowered, error) {
	for _, side := range []struct {
		name string
		size int
	}{{"height", n.Input.Height}, {"width", n.Input.Width}, {"channels", n.Input.Channels}} {
		if side.size < 1 {
			return Lowered{}, &Error{Reason: fmt.Errorf("input's %s is %d, want 1 or more", side.name, side.size)}
		}
	}
	if len(n.Layers) == 0 {
		return Lowered{}, &Error{Reason: errors.New("network has no layers")}
	}
	b := &lowering{counts: map[string]int{}}
	b.program.Input = []int{n.Input.Height, n.Input.Width, n.Input.Channels}
	if err := ir.CheckElements("input", b.program.Input); err != nil {
		return Lowered{}, &Error{Reason: err}
	}
	for i, layer := range n.Layers {
		if v := reflect.ValueOf(layer); !v.IsValid() || v.Kind() == reflect.Pointer {
			return Lowered{}, &Error{Reason: fmt.Errorf("layer %d is %T, want a layer value", i, layer)}
		}
		if err := b.add(layer); err != nil {
			return Lowered{}, &Error{Kind: layer.kind(), Layer: b.name, Reason: err}
		}
	}
	lowered := Lowered{Program: b.program, Layers: b.layers}
	for i, name := range n.Outputs {
		at, err := lowered.Layer(name)
		if err != nil {
			return Lowered{}, err
		}
		if slices.Contains(n.Outputs[:i], name) {
			return Lowered{}, &Error{Reason: fmt.Errorf("output %q is named twice", name)}
		}
		lowered.Outputs = append(lowered.Outputs, at)
	}
	if len(n.Outputs) == 0 {
		lowered.Outputs = []int{len(b.layers) - 1}
	}
	return lowered, nil
}

// lowering is a network on its way to a program.
type lowering struct {
	program ir.Program
	layers  []LoweredLayer
	counts  map[string]int // of layers by prefix

	// Of the layer at hand: its name, and the step that it reads next.
	name string
	from int
}

func (b *lowering) add(layer Layer) error {
	name, from := layer.head()
	b.counts[layer.prefix()]++
	if name == "" {
		name = fmt.Sprint(layer.prefix(), b.counts[layer.prefix()])
	}
	b.name = name
	if !ValidName(name) {
		return errors.New("name has a character that TensorFlow does not take, want letters, digits, '_', '-' and '.'")
	}
	if name == InputName {
		return fmt.Errorf("name %q is taken by the network's input", name)
	}
	for _, other := range b.layers {
		if other.Name == name {
			return fmt.Errorf("name is taken by an earlier %s layer", other.Kind)
		}
	}
	switch {
	case from == InputName || from == "" && len(b.layers) == 0:
		b.from, from = ir.Input, InputName
	case from == "":
		last := b.layers[len(b.layers)-1]
		b.from, from = last.Last, last.Name
	default:
		i, err := (Lowered{Layers: b.layers}).Layer(from)
		if err != nil {
			return fmt.Errorf("reads %q, which is no earlier layer%s", from, knownLayers(b.layers))
		}
		b.from = b.layers[i].Last
	}
	first := len(b.program.Steps)
	if err := layer.lower(b); err != nil {
		return err
	}
	b.layers = append(b.layers, LoweredLayer{
		Name: name, Kind: layer.kind(), From: from, First: first, Last: len(b.program.Steps) - 1,
	})
	return nil
}

// input is the shape of what the layer at hand reads next, batch −1 first.
func (b *lowering) input() []int {
	if b.from == ir.Input {
		return b.program.InputShape(-1)
	}
	return b.program.Steps[b.from].Shape
}

// step appends an operation that reads what the layer at hand reads next, and
// makes its output the next to be read. part names a second operation of one
// layer.
func (b *lowering) step(part string, op ir.Op, weights ...ir.Weight) error {
	operands := [][]int{b.input()}
	for _, w := range weights {
		operands = append(operands, w.Shape)
	}
	shape, err := op.Shape(operands...)
	if err != nil {
		return err
	}
	name := b.name
	if part != "" {
		name += "/" + part
	}
	b.program.Steps = append(b.program.Steps, ir.Step{
		Name: name, Op: op, Inputs: []int{b.from}, Weights: weights, Shape: shape,
	})
	b.from = len(b.program.Steps) - 1
	return nil
}

// activate appends the layer's activation.
func (b *lowering) activate(a Activation) error {
	switch a {
	case Linear:
		return nil
	case ReLUActivation:
		return b.step("relu", ir.ReLU{})
	}
	return fmt.Errorf("activation %q is not known, want %q or none", string(a), string(ReLUActivation))
}

// shape3 is a shape without its batch.
func shape3(shape []int) []int { return slices.Clone(shape[1:]) }

// elements is the product of a shape that has been checked.
func elements(shape []int) int64 {
	n, _ := tensor.Elements(shape)
	return int64(n)
}
