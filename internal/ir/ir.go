// Package ir defines the operations that networks are made of. A network's layers are
// lowered to a program of these operations once; the plan, the TensorFlow graph and the
// reference kernels read the program. An operation is resolved: it has no defaults, and
// its attributes are TensorFlow's own.
//
//	conv := ir.Conv2D{Strides: [2]int{2, 2}, Dilations: [2]int{1, 1}, Padding: ir.Padding{Kind: ir.Same}, Groups: 1}
//	shape, err := conv.Shape([]int{-1, 427, 640, 3}, []int{7, 7, 3, 2}) // [-1 214 320 2]
//
// Data is NHWC; the batch size may be −1, not known yet. An error of this package names
// the fault, got and want; the caller adds the operation and the layer.
package ir

import (
	"fmt"
	"math"

	"tfcnn/graph/tensor"
)

// Op is one resolved operation. Its operands are the data it reads, then its
// weights, in the order that the operation's comment states.
type Op interface {
	// Kind is the operation's name in case files and reports, as "conv2d".
	Kind() string
	// Shape checks the attributes and the operands' shapes and returns the shape of the
	// output. TensorFlow computes every operation that Shape accepts.
	Shape(operands ...[]int) ([]int, error)
	// Multiplications is the number of multiplications for one image. The
	// operands' shapes must have passed Shape.
	Multiplications(operands ...[]int) int64
	// Traits returns the facts about the operation that other packages read.
	Traits() Traits
}

// Input is the index that stands for the network's input in Step.Inputs.
const Input = -1

// Program is a lowered network: its steps, each of which reads earlier steps only.
type Program struct {
	Input []int // [height, width, channels]
	Steps []Step
}

// Step is an operation in a program.
type Step struct {
	Name    string // unique; the name of the layer, or layer/part
	Op      Op
	Inputs  []int // indices of earlier steps, or Input
	Weights []Weight
	Shape   []int // of the output, batch −1 first
}

// Weight names a tensor that a step takes from the network's weights.
type Weight struct {
	Name  string
	Shape []int
	// Statistic reports that training does not change it by a gradient: a moving
	// mean or variance.
	Statistic bool
}

// InputShape returns the shape of the program's input, batch first.
func (p Program) InputShape(batch int) []int {
	return append([]int{batch}, p.Input...)
}

// Operands returns the shapes of step i's operands for a batch size.
func (p Program) Operands(i, batch int) [][]int {
	step := p.Steps[i]
	var shapes [][]int
	for _, from := range step.Inputs {
		if from == Input {
			shapes = append(shapes, p.InputShape(batch))
			continue
		}
		shapes = append(shapes, append([]int{batch}, p.Steps[from].Shape[1:]...))
	}
	for _, w := range step.Weights {
		shapes = append(shapes, w.Shape)
	}
	return shapes
}

// maxSize is the largest size, stride or padding, and the largest number of elements of
// a tensor: some of TensorFlow's kernels count with 32 bits, and a product of two such
// numbers fits an int64.
const maxSize = math.MaxInt32

// maxRank is the largest number of axes of a TensorFlow tensor; one more ends the
// process.
const maxRank = 254

// CheckElements refuses a shape with more elements than TensorFlow's kernels
// index. An unknown batch counts as one image.
func CheckElements(what string, shape []int) error {
	if len(shape) > maxRank {
		return fmt.Errorf("%s has %d axes, TensorFlow's tensors have at most %d", what, len(shape), maxRank)
	}
	known := shape
	if len(shape) > 0 && shape[0] == -1 {
		known = shape[1:]
	}
	n, err := tensor.Elements(known)
	if err != nil || n > maxSize {
		return fmt.Errorf("%s %s has more than %d elements, which TensorFlow's kernels do not index", what, tensor.FormatShape(shape), maxSize)
	}
	return nil
}

// checkInput refuses an input that is no batch of images with static sizes.
func checkInput(shape []int) error {
	if len(shape) != 4 {
		return InputErrorf("input %s has %d axes, want 4 (batch, height, width, channels)", tensor.FormatShape(shape), len(shape))
	}
	for axis, name := range []string{"batch", "height", "width", "channels"} {
		switch size := shape[axis]; {
		case size == -1 && axis > 0:
			return InputErrorf("input %s: %s is not known, want a static size", tensor.FormatShape(shape), name)
		case size < -1 || size > maxSize:
			return InputErrorf("input %s: %s %d is not a size", tensor.FormatShape(shape), name, size)
		}
	}
	if shape[3] == 0 {
		return errNoChannels
	}
	return inputElements("input", shape)
}
