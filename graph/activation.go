package graph

import (
	"fmt"
	"slices"
	"strings"

	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// Activation is the function that a layer applies to each number of its output;
// Softmax applies to all channels of a position together.
type Activation string

// The activations. Each is the layer of the same name with its defaults.
const (
	Linear              Activation = "" // none, the default
	ReLUActivation      Activation = "relu"
	ReLU6Activation     Activation = "relu6"
	LeakyReLUActivation Activation = "leaky_relu"
	ELUActivation       Activation = "elu"
	SELUActivation      Activation = "selu"
	SigmoidActivation   Activation = "sigmoid"
	TanhActivation      Activation = "tanh"
	SwishActivation     Activation = "swish"
	HardSwishActivation Activation = "hard_swish"
	SoftmaxActivation   Activation = "softmax"
)

// activations has the operation of every Activation but Linear, and the layer of
// the same name.
var activations = []struct {
	name  Activation
	op    ir.Op
	layer Layer
}{
	{ReLUActivation, ir.ReLU{}, ReLU{}},
	{ReLU6Activation, ir.ReLU6{}, ReLU6{}},
	{LeakyReLUActivation, LeakyReLU{}.op(), LeakyReLU{}},
	{ELUActivation, ir.ELU{}, ELU{}},
	{SELUActivation, ir.SELU{}, SELU{}},
	{SigmoidActivation, ir.Sigmoid{}, Sigmoid{}},
	{TanhActivation, ir.Tanh{}, Tanh{}},
	{SwishActivation, ir.Swish{}, Swish{}},
	{HardSwishActivation, ir.HardSwish{}, HardSwish{}},
	{SoftmaxActivation, ir.Softmax{}, Softmax{}},
}

// Activations returns all activations except Linear.
func Activations() []Activation {
	var list []Activation
	for _, a := range activations {
		list = append(list, a.name)
	}
	return list
}

// activationLayers returns the layer of each activation.
func activationLayers() []Layer {
	var list []Layer
	for _, a := range activations {
		list = append(list, a.layer)
	}
	return list
}

func (a Activation) op() (ir.Op, error) {
	for _, known := range activations {
		if a == known.name {
			return known.op, nil
		}
	}
	var known []string
	for _, a := range Activations() {
		known = append(known, fmt.Sprintf("%q", string(a)))
	}
	return nil, fmt.Errorf("activation %s is not known, want one of %s or none", quote.Name(string(a)), strings.Join(slices.Sorted(slices.Values(known)), ", "))
}

// activate appends the layer's activation.
func (b *lowering) activate(a Activation) error {
	if a == Linear {
		return nil
	}
	op, err := a.op()
	if err != nil {
		return err
	}
	return b.step(op.Kind(), op)
}

// ReLU is TensorFlow's Relu: max(x, 0), shape unchanged.
type ReLU struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// ReLU6 is TensorFlow's Relu6: min(max(x, 0), 6), shape unchanged.
type ReLU6 struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// LeakyReLU is TensorFlow's LeakyRelu: x, and Alpha·x below 0; shape unchanged.
type LeakyReLU struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Alpha float32 // at most 1; default 0.2
}

// ELU is TensorFlow's Elu: x, and eˣ − 1 below 0 (Clevert and others 2015);
// shape unchanged.
type ELU struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// SELU is TensorFlow's Selu (Klambauer and others 2017); shape unchanged.
type SELU struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// Sigmoid is TensorFlow's Sigmoid: 1/(1 + e⁻ˣ), shape unchanged.
type Sigmoid struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// Tanh is TensorFlow's Tanh, shape unchanged.
type Tanh struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// Swish is x·sigmoid(x), also called SiLU (Ramachandran, Zoph and Le 2017); shape
// unchanged.
type Swish struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// HardSwish is x·relu6(x + 3)/6 (Howard and others 2019), shape unchanged.
type HardSwish struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

// Softmax is TensorFlow's Softmax: eˣ/Σeˣ over the last axis (the features, or
// the channels at each position), shape unchanged.
type Softmax struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

func (l ReLU) nameAndInputs() (string, []string)      { return l.Name, oneInput(l.From) }
func (l ReLU6) nameAndInputs() (string, []string)     { return l.Name, oneInput(l.From) }
func (l LeakyReLU) nameAndInputs() (string, []string) { return l.Name, oneInput(l.From) }
func (l ELU) nameAndInputs() (string, []string)       { return l.Name, oneInput(l.From) }
func (l SELU) nameAndInputs() (string, []string)      { return l.Name, oneInput(l.From) }
func (l Sigmoid) nameAndInputs() (string, []string)   { return l.Name, oneInput(l.From) }
func (l Tanh) nameAndInputs() (string, []string)      { return l.Name, oneInput(l.From) }
func (l Swish) nameAndInputs() (string, []string)     { return l.Name, oneInput(l.From) }
func (l HardSwish) nameAndInputs() (string, []string) { return l.Name, oneInput(l.From) }
func (l Softmax) nameAndInputs() (string, []string)   { return l.Name, oneInput(l.From) }

func (ReLU) kind() string      { return "relu" }
func (ReLU6) kind() string     { return "relu6" }
func (LeakyReLU) kind() string { return "leaky_relu" }
func (ELU) kind() string       { return "elu" }
func (SELU) kind() string      { return "selu" }
func (Sigmoid) kind() string   { return "sigmoid" }
func (Tanh) kind() string      { return "tanh" }
func (Swish) kind() string     { return "swish" }
func (HardSwish) kind() string { return "hard_swish" }
func (Softmax) kind() string   { return "softmax" }

func (ReLU) prefix() string      { return "relu" }
func (ReLU6) prefix() string     { return "relu6_" }
func (LeakyReLU) prefix() string { return "leaky_relu" }
func (ELU) prefix() string       { return "elu" }
func (SELU) prefix() string      { return "selu" }
func (Sigmoid) prefix() string   { return "sigmoid" }
func (Tanh) prefix() string      { return "tanh" }
func (Swish) prefix() string     { return "swish" }
func (HardSwish) prefix() string { return "hard_swish" }
func (Softmax) prefix() string   { return "softmax" }

func (ReLU) lower(b *lowering) error        { return b.step("", ir.ReLU{}) }
func (ReLU6) lower(b *lowering) error       { return b.step("", ir.ReLU6{}) }
func (l LeakyReLU) lower(b *lowering) error { return b.step("", l.op()) }
func (ELU) lower(b *lowering) error         { return b.step("", ir.ELU{}) }
func (SELU) lower(b *lowering) error        { return b.step("", ir.SELU{}) }
func (Sigmoid) lower(b *lowering) error     { return b.step("", ir.Sigmoid{}) }
func (Tanh) lower(b *lowering) error        { return b.step("", ir.Tanh{}) }
func (Swish) lower(b *lowering) error       { return b.step("", ir.Swish{}) }
func (HardSwish) lower(b *lowering) error   { return b.step("", ir.HardSwish{}) }
func (Softmax) lower(b *lowering) error     { return b.step("", ir.Softmax{}) }

func (l LeakyReLU) op() ir.Op {
	if l.Alpha == 0 {
		l.Alpha = 0.2
	}
	return ir.LeakyReLU{Alpha: l.Alpha}
}

// oneInput returns the inputs of a layer that reads one.
func oneInput(from string) []string { return []string{from} }
