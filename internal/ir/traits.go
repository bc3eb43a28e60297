package ir

import "slices"

// Traits are the facts about an operation, beside its shape and its costs, that the
// plan, the TensorFlow graph, the reference, the case files and the reports read. No
// named value is the zero value, so that a test finds a fact that was not stated.
type Traits struct {
	Family   Family
	Operands Operands
	Output   Output
	Saved    Saved
	Reads    Reads

	// SavedIntermediates is the number of tensors of the output's size that TensorFlow
	// makes inside the operation and that the backward pass reads.
	SavedIntermediates int
	// SharedGradient reports whether the gradient of the input takes no memory
	// beside that of the output.
	SharedGradient bool
	// MultiplyAccumulate reports whether each multiplication is followed by an
	// addition.
	MultiplyAccumulate bool
	// Linear reports whether each number of the output is a sum of the inputs'
	// numbers times numbers of the filter or, where there is no filter, times
	// constants that are not negative; a bias is added to it.
	Linear bool
	// Selects reports whether each number of the output is one number of the
	// input, which comparing numbers chooses. The reference writes a bound of it
	// for subnormal numbers alone.
	Selects bool
	// Elementwise reports whether each number of the output depends on one
	// number of one input, of any shape.
	Elementwise bool
	// Fusable reports whether TensorFlow may compute the operation in one call
	// with those before it, or as one with them, their constants folded into each other.
	Fusable bool
	// FusableAhead reports whether TensorFlow may compute the operation in one call with
	// a convolution behind it.
	FusableAhead bool
	// FoldsConstants reports whether TensorFlow's optimizer may fold the operation's
	// constants into those of an operation before it that has TakesConstants.
	FoldsConstants, TakesConstants bool
	// AddsNumbers reports whether the operation only adds numbers to its input. A kernel
	// that computes it in one call with a sum of products may begin with those numbers.
	AddsNumbers bool
	// NoArithmetic reports whether the operation does no arithmetic: its numbers are the
	// input's, in the same order.
	NoArithmetic bool
	// Float32Weights reports whether TensorFlow's kernels want the weights in
	// float32 for every type of the input.
	Float32Weights bool
	// UnfusableAfterNorm reports whether oneDNN's kernels refuse the operation in
	// one call with a convolution and its batch norm.
	UnfusableAfterNorm bool
	// FusedWhenFetched is the number of operations before it (a sum with its bias, or a
	// batch norm behind a sum) that TensorFlow's optimizer fuses with the operation even
	// where a run fetches an output between them.
	FusedWhenFetched int
	// Rounds reports whether kernels may round where all operands are small whole numbers.
	Rounds bool
	// Responds is the interval of the input in which another number gives another output;
	// the zero Interval has all numbers.
	Responds Interval
	// ChannelAxis is the filter's axis along the channels of the input, or of one group.
	ChannelAxis int
	// Unspecified describes the inputs for which correct kernels differ, and the answer
	// of package ref; empty where there are no such inputs.
	Unspecified string
}

// Interval is the numbers from Low to High.
type Interval struct{ Low, High float64 }

// Family is a group of operations that reports draw alike.
type Family string

// The families.
const (
	Convolution    Family = "conv"
	FullyConnected Family = "dense"
	Pooling        Family = "pool"
	Normalization  Family = "norm" // changes numbers, not the shape
	Activation     Family = "act"
	Reshaping      Family = "shape"
	Merging        Family = "join"
)

// Operands is the list of an operation's operands.
type Operands int

// The lists of operands.
const (
	OneInput       Operands = iota + 1
	FilterAndBias           // input, filter and, if any, bias
	ChannelNumbers          // input, scale, offset, mean, variance
	ManyInputs              // two or more inputs
)

// Output is the buffer of an operation's output in TensorFlow.
type Output int

// The buffers of an output.
const (
	NewBuffer  Output = iota + 1
	InPlace           // over an input of the same size that nothing else needs
	SameBuffer        // the output is the input, perhaps in another shape
)

// Saved lists the tensors of the forward pass that TensorFlow's gradient reads.
type Saved int

// The tensors that a gradient reads.
const (
	SavesNothing Saved = iota + 1 // shapes alone
	SavesInputs
	SavesOutput
	SavesBoth
)

// Reads is the part of the input that one number of the output depends on.
type Reads int

// The parts of an input.
const (
	SamePosition     Reads = iota + 1 // the same row and column
	SlidingWindow                     // those in a window of the input
	TransposedWindow                  // those whose window of the output it lies in
	LastAxis                          // all numbers along the last axis
	NearestPixel                      // one pixel of an input of another size
	NeighbourPixels                   // the pixels round a position between pixels
)

// Windowed is an operation whose traits say that it reads a SlidingWindow or a
// TransposedWindow.
type Windowed interface {
	Op
	// Window returns the window along the height and along the width. A
	// transposed window is that of the forward convolution: In is the output's
	// size, Out the input's. The operands' shapes have the ranks that Shape asks
	// for.
	Window(operands ...[]int) (h, w Axis, err error)
	// Pads returns the padding as it was asked for, of which Window has the
	// sizes.
	Pads() Padding
}

// Operations returns every operation, without attributes. Package ref's, node's
// and proof's tests ask their tables for each of them.
func Operations() []Op {
	return slices.Concat([]Op{
		Conv2D{},
		DepthwiseConv2D{},
		Conv2DTranspose{},
		Dense{},
		MaxPool{},
		AvgPool{},
		BatchNorm{},
		LRN{},
		Flatten{},
		Pad{},
		Resize{},
		ScaleShift{},
		ReverseChannels{},
		Add{},
		Concat{},
	}, activations)
}
