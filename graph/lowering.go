package graph

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// lowering is a network on its way to a program.
type lowering struct {
	network Network
	program ir.Program
	layers  []LoweredLayer
	names   []string       // of all the network's layers
	index   map[string]int // of the first layer of each name
	fresh   map[string]fresh

	// Of the present layer: its name, and the steps that its next operation reads.
	name string
	from []int
}

// nameLayers returns each layer its name.
func (b *lowering) nameLayers() error {
	counts := map[string]int{}
	b.index = make(map[string]int, len(b.network.Layers))
	for i, layer := range b.network.Layers {
		if v := reflect.ValueOf(layer); !v.IsValid() || v.Kind() == reflect.Pointer {
			return fmt.Errorf("layer %d is %T, want a layer value", i, layer)
		}
		name, _ := layer.nameAndInputs()
		counts[layer.prefix()]++
		if name == "" {
			name = fmt.Sprint(layer.prefix(), counts[layer.prefix()])
		}
		b.names = append(b.names, name)
		if _, taken := b.index[name]; !taken {
			b.index[name] = i
		}
	}
	return nil
}

func (b *lowering) add(i int, layer Layer) error {
	b.name = b.names[i]
	if !ValidName(b.name) {
		return errors.New("name has a character that TensorFlow does not take, want letters, digits, '_', '-' and '.'")
	}
	if b.name == InputName {
		return fmt.Errorf("name %q is taken by the network's input", b.name)
	}
	if at := b.index[b.name]; at < i {
		return fmt.Errorf("name is taken by an earlier %s layer", b.layers[at].Kind)
	}
	from := b.reads(i)
	b.from = nil
	for _, name := range from {
		step, err := b.output(i, name)
		if err != nil {
			return err
		}
		b.from = append(b.from, step)
	}
	first := len(b.program.Steps)
	if err := layer.lower(b); err != nil {
		return b.withSource(err, from)
	}
	b.layers = append(b.layers, LoweredLayer{
		Name: b.name, Kind: layer.kind(), From: from, First: first, Last: len(b.program.Steps) - 1,
	})
	return nil
}

// reads returns the names of the layers that layer i reads.
func (b *lowering) reads(i int) []string {
	_, from := b.network.Layers[i].nameAndInputs()
	from = slices.Clone(from)
	if len(from) == 0 {
		from = []string{""}
	}
	for k, name := range from {
		switch {
		case name != "":
		case i == 0:
			from[k] = InputName
		default:
			from[k] = b.names[i-1]
		}
	}
	return from
}

// output returns the step whose output layer i reads by name.
func (b *lowering) output(i int, name string) (int, error) {
	if name == InputName {
		return ir.Input, nil
	}
	switch at, found := b.index[name]; {
	case !found:
		return 0, fmt.Errorf("reads %s, which is no layer%s", quote.Name(name), knownLayers(b.layers))
	case at == i:
		return 0, errors.New("reads itself, a cycle")
	case at > i:
		if path := b.path(at, i, map[int]bool{}); path != nil {
			path = append(path, b.name)
			slices.Reverse(path)
			for i, name := range path {
				path[i] = quote.Plain(name)
			}
			return 0, fmt.Errorf("reads %s %s, which reads it in turn, a cycle: %s", b.network.Layers[at].kind(), quote.Name(name), quote.List(path, " reads "))
		}
		return 0, fmt.Errorf("reads %s %s, which comes after it, want layers in an order in which each reads only what is before it", b.network.Layers[at].kind(), quote.Name(name))
	default:
		return b.layers[at].Last, nil
	}
}

// path returns the names on a path between two layers, each read by the next one; the
// last is from's. It returns nil where there is no path.
func (b *lowering) path(from, to int, visited map[int]bool) []string {
	if from == to {
		return []string{b.names[to]}
	}
	if visited[from] {
		return nil
	}
	visited[from] = true
	for _, name := range b.reads(from) {
		if at, found := b.index[name]; found {
			if path := b.path(at, to, visited); path != nil {
				return append(path, b.names[from])
			}
		}
	}
	return nil
}

// withSource adds the names of the layers that the layer reads to an ir.InputError.
func (b *lowering) withSource(err error, from []string) error {
	var input *ir.InputError
	if !errors.As(err, &input) {
		return err
	}
	var sources []string
	for _, name := range from {
		if i, found := b.index[name]; name != InputName && found {
			sources = append(sources, fmt.Sprintf("%s %s", b.layers[i].Kind, quote.Name(name)))
		} else {
			sources = append(sources, "the network's input")
		}
	}
	if len(sources) == 1 && from[0] == InputName {
		return err
	}
	return fmt.Errorf("%w; it reads %s", err, quote.List(sources, " and "))
}

// input returns the shape of the first input of the next operation, batch −1 first.
func (b *lowering) input() []int { return b.shape(b.from[0]) }

func (b *lowering) shape(step int) []int {
	if step == ir.Input {
		return b.program.InputShape(-1)
	}
	return b.program.Steps[step].Shape
}

// channels returns the size of the input's last axis.
func (b *lowering) channels() int {
	shape := b.input()
	return shape[len(shape)-1]
}

// step appends an operation on the steps in from, and puts the new step into from.
// part names each operation of a layer but one.
func (b *lowering) step(part string, op ir.Op, weights ...ir.Weight) error {
	var operands [][]int
	for _, from := range b.from {
		operands = append(operands, b.shape(from))
	}
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
		Name: name, Op: op, Inputs: b.from, Weights: weights, Shape: shape,
	})
	b.from = []int{len(b.program.Steps) - 1}
	return nil
}

// filter returns a weight that is drawn from a distribution.
func (b *lowering) filter(name string, i Initializer, shape []int) (ir.Weight, error) {
	if err := i.check(); err != nil {
		return ir.Weight{}, err
	}
	if i.Kind == "" {
		i = b.network.Initializer
	}
	w := ir.Weight{Name: b.name + "/" + name, Shape: shape}
	b.fresh[w.Name] = fresh{initializer: i}
	return w, nil
}

// constant returns a weight whose fresh numbers all have one value.
func (b *lowering) constant(name string, n int, value float32) ir.Weight {
	w := ir.Weight{Name: b.name + "/" + name, Shape: []int{n}}
	b.fresh[w.Name] = fresh{constant: true, value: value}
	return w
}

// elements returns the product of a shape that has been checked.
func elements(shape []int) int64 {
	n, _ := tensor.Elements(shape)
	return int64(n)
}
