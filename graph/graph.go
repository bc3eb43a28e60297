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
// layer, or "input". So networks branch; Add and Concat join branches. A layer
// without a name is called after its kind and its place among those of its
// kind: conv1, conv2, max_pool1, dense1, relu1.
//
// The same value has a JSON form (ReadNetwork, WriteNetwork, Schema); package
// graph/nets holds networks that the field knows by name.
//
// Pictures are [height, width, channels]; after Flatten, a global pool or
// Dense they are rows of [features].
//
// The zero value of a field means its default, stated at the field. Whatever
// TensorFlow would refuse, compute wrongly or die of is refused here, as an
// *Error that names the layer.
package graph

import (
	"errors"
	"fmt"
	"regexp"

	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// InputName is what From calls the network's input. No layer may have it.
const InputName = "input"

// Network is the architecture. Its weights are another value (Weights). A
// Network may be read from many goroutines while none writes it.
type Network struct {
	Input  Input   `net:",required"`
	Layers []Layer `net:",required"`
	// Outputs names the layers that a run gives when it is not asked for
	// others. Empty: the last layer.
	Outputs []string
	// Initializer is how fresh filters are drawn, where a layer does not say.
	// The zero value is Glorot's uniform distribution.
	Initializer Initializer
}

// Input is the size of the pictures. The number of pictures is free. So are
// height and width where both are 0 (left out in JSON): such a network has no
// plan and runs by session.OpenSizes alone, until At gives it a size.
type Input struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `net:",required" json:"channels"`
}

// Layer is one of this package's layer types: Conv2D, DepthwiseConv2D,
// SeparableConv2D, Conv2DTranspose, Dense, Flatten; MaxPool, AvgPool,
// GlobalMaxPool, GlobalAvgPool; BatchNorm, LRN, Dropout; ReLU, ReLU6,
// LeakyReLU, ELU, SELU, Sigmoid, Tanh, Softmax; ZeroPad, UpSample, Resize,
// ScaleShift, SwapRGB; Add, Concat.
type Layer interface {
	// head gives the layer's name and what it reads; both may be empty.
	head() (name string, from []string)
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
func (e *Error) Error() string { return "graph: " + e.text() }

// text is the error without the package's name.
func (e *Error) text() string {
	if e.Kind == "" {
		return e.Reason.Error()
	}
	return fmt.Sprintf("%s %s: %v", e.Kind, quote.Name(e.Layer), e.Reason)
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Lowered is a network as the packages of this module read it.
type Lowered struct {
	Program ir.Program
	Layers  []LoweredLayer
	Outputs []int // indices into Layers

	fresh map[string]fresh // how each weight is drawn
	index map[string]int   // of each layer, by name
}

// LoweredLayer tells which steps of the program a layer became.
type LoweredLayer struct {
	Name, Kind  string
	From        []string // the layers that it reads, or InputName
	First, Last int      // steps; the last one's output is the layer's
}

// Layer gives the index of a layer by name, or an error that names the known
// ones.
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

// ValidName says whether TensorFlow takes the name for a scope; a slash, which
// would put one layer's scope into another's, is left out.
func ValidName(name string) bool { return validName.MatchString(name) }

// Free says whether the network's height and width are free.
func (n Network) Free() bool { return n.Input.Height == 0 && n.Input.Width == 0 }

// At is the network for pictures of one size. It is the network itself where
// it has that size already, and an *Error where it has another. The layers are
// shared with it.
func (n Network) At(height, width int) (Network, error) {
	in := n.Input
	if !n.Free() && (in.Height != height || in.Width != width) {
		return Network{}, &Error{Reason: fmt.Errorf("input is %dx%d, want free height and width, or %dx%d", in.Height, in.Width, height, width)}
	}
	n.Input.Height, n.Input.Width = height, width
	return n, nil
}

// Lower checks the whole network and resolves it to a program. Every error is
// an *Error.
func Lower(n Network) (Lowered, error) {
	if n.Free() && n.Input.Channels > 0 {
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
