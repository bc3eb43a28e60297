// Package graph describes a convolutional network as a value: plain Go data. Write
// the network once, then plan its shapes, costs and memory (package plan), draw fresh
// weights (InitialWeights), or open it in TensorFlow (package session). Package graph
// needs no libtensorflow.
//
//	net := graph.Network{
//		Input: graph.Input{Height: 427, Width: 640, Channels: 3},
//		Layers: []graph.Layer{
//			graph.Conv2D{Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same},
//			graph.MaxPool{Size: graph.Square(2)},
//		},
//	}
//	planned, err := plan.Of(net)
//
// A layer reads the layer before it, unless From names another one: any earlier
// layer, or "input". So networks branch; Add and Concat join branches. A layer
// without a name is named after its kind and its number among the layers of that
// kind: conv1, conv2, max_pool1, dense1, relu1.
//
// ReadNetwork and WriteNetwork read and write a network as JSON, Schema describes
// it; package graph/nets has well-known networks.
//
// Images are [height, width, channels]; after Flatten, a global pool or
// Dense they are rows of [features].
//
// The zero value of a field means its default, stated at the field. A network that
// TensorFlow would refuse, would compute wrongly or would end the process for is
// refused here, with an *Error that names the layer.
//
// docs/map.md maps the packages of this module.
package graph

import (
	"errors"
	"fmt"
	"regexp"

	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// InputName is the name of the network's input in From. No layer may have that name.
const InputName = "input"

// Network is the architecture of a network. Its weights are another value (Weights).
// Many goroutines may read a Network at once.
type Network struct {
	Input  Input   `net:",required"`
	Layers []Layer `net:",required"`
	// Outputs names the layers whose outputs a run returns. Empty: the last layer.
	Outputs []string
	// Initializer is the distribution of fresh filters in layers without one of their
	// own. The zero value is Glorot's uniform distribution.
	Initializer Initializer
}

// Input is the size of the images. The number of images is free. Where height and
// width are both 0 (left out in JSON), they are free too: such a network has no plan
// and runs by package session/sizes alone, until At gives it a size.
type Input struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `net:",required" json:"channels"`
}

// Layer is one of this package's layer types: Conv2D, DepthwiseConv2D,
// SeparableConv2D, Conv2DTranspose, Dense, Flatten; MaxPool, AvgPool,
// GlobalMaxPool, GlobalAvgPool; BatchNorm, LRN, Dropout; ReLU, ReLU6,
// LeakyReLU, ELU, SELU, Swish, HardSwish, Sigmoid, Tanh, Softmax; ZeroPad, UpSample, Resize,
// ScaleShift, SwapRGB; Add, Concat.
type Layer interface {
	// nameAndInputs returns the layer's name and the layers that it reads; both may be
	// empty.
	nameAndInputs() (name string, from []string)
	// kind returns the layer's kind in errors and reports, prefix the beginning of the
	// names of unnamed layers.
	kind() string
	prefix() string
	// lower appends the layer's operations.
	lower(*lowering) error
}

// Error is the reason why a network, or a layer of it, is refused.
type Error struct {
	Kind   string // as "conv2d"; empty where the fault lies in no layer
	Layer  string
	Reason error
}

// Error returns one line: graph: conv2d "c1": input has 3 channels, filter wants 1.
func (e *Error) Error() string { return "graph: " + e.text() }

// text returns the error without the package's name.
func (e *Error) text() string {
	if e.Kind == "" {
		return e.Reason.Error()
	}
	return fmt.Sprintf("%s %s: %v", e.Kind, quote.Name(e.Layer), e.Reason)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Lowered is a network after lowering: its program, and the steps of each layer.
type Lowered struct {
	Program ir.Program
	Layers  []LoweredLayer
	Outputs []int // indices into Layers

	fresh map[string]fresh // the distribution of each weight
	index map[string]int   // of each layer, by name
}

// LoweredLayer is a layer with its steps in the program.
type LoweredLayer struct {
	Name, Kind  string
	From        []string // the layers that it reads, or InputName
	First, Last int      // steps; the last one's output is the layer's
}

// Layer returns the index of a layer by name. The error of an unknown name lists the
// known ones.
func (l Lowered) Layer(name string) (int, error) {
	i, found := l.index[name]
	if !found {
		return -1, &Error{Reason: fmt.Errorf("no layer is named %s%s", quote.Name(name), knownLayers(l.Layers))}
	}
	return i, nil
}

func knownLayers(layers []LoweredLayer) string {
	if len(layers) == 0 {
		return ""
	}
	names := make([]string, len(layers))
	for i, layer := range layers {
		names[i] = layer.Name
	}
	return ", want one of " + quote.Names(names)
}

var validName = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9_.-]*$`)

// ValidName reports whether TensorFlow takes the name for a scope. A name with a slash
// is not valid, as it would put one layer's scope into another's.
func ValidName(name string) bool { return validName.MatchString(name) }

// FreeSize reports whether the network's height and width are free.
func (n Network) FreeSize() bool { return n.Input.Height == 0 && n.Input.Width == 0 }

// At returns the network for images of one size. It returns the network itself where
// that has the size already, and an *Error where it has another size. The layers are
// shared.
func (n Network) At(height, width int) (Network, error) {
	in := n.Input
	if !n.FreeSize() && (in.Height != height || in.Width != width) {
		return Network{}, &Error{Reason: fmt.Errorf("input is %dx%d, want free height and width, or %dx%d", in.Height, in.Width, height, width)}
	}
	n.Input.Height, n.Input.Width = height, width
	return n, nil
}

// Lower checks the whole network and resolves it to a program. Every error is
// an *Error.
func Lower(n Network) (Lowered, error) {
	if n.FreeSize() && n.Input.Channels > 0 {
		return Lowered{}, &Error{Reason: errors.New("input's height and width are free: give the network a size (Network.At)")}
	}
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
	if err := n.Initializer.check(); err != nil {
		return Lowered{}, &Error{Reason: err}
	}
	b := &lowering{network: n, fresh: map[string]fresh{}}
	b.program.Input = []int{n.Input.Height, n.Input.Width, n.Input.Channels}
	if err := ir.CheckElements("input", b.program.Input); err != nil {
		return Lowered{}, &Error{Reason: err}
	}
	if err := b.nameLayers(); err != nil {
		return Lowered{}, &Error{Reason: err}
	}
	for i, layer := range n.Layers {
		if err := b.add(i, layer); err != nil {
			return Lowered{}, &Error{Kind: layer.kind(), Layer: b.name, Reason: err}
		}
	}
	lowered := Lowered{Program: b.program, Layers: b.layers, fresh: b.fresh, index: b.index}
	named := map[string]bool{}
	for _, name := range n.Outputs {
		at, err := lowered.Layer(name)
		if err != nil {
			return Lowered{}, err
		}
		if named[name] {
			return Lowered{}, &Error{Reason: fmt.Errorf("output %s is named twice", quote.Name(name))}
		}
		named[name] = true
		lowered.Outputs = append(lowered.Outputs, at)
	}
	if len(n.Outputs) == 0 {
		lowered.Outputs = []int{len(b.layers) - 1}
	}
	return lowered, nil
}
