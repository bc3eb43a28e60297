package graphs

import (
	"errors"
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
	"tfcnn/session"
)

// endpoint is a feed or a fetch.
type endpoint struct {
	name string
	node string // the node's name
	// operation is the node's, as "Placeholder".
	operation string
	at        int // which of the node's outputs
	kind      tf.DataType
	// shape has −1 for an unknown size; it is nil where the rank is unknown.
	shape []int
}

// endpoint finds an output of the caller's graph in the copy. The mutex is held.
func (c *core) endpoint(what, name string, output tf.Output) (endpoint, capi.Output, error) {
	fail := func(err error) (endpoint, capi.Output, error) {
		return endpoint{}, capi.Output{}, fmt.Errorf("%s %s %w", what, quote.Name(name), err)
	}
	if name == "" {
		return endpoint{}, capi.Output{}, fmt.Errorf("a %s has no name", what)
	}
	node, err := c.node(output.Op)
	if err != nil {
		return fail(fmt.Errorf("is an output of %w", err))
	}
	if n := node.NumOutputs(); output.Index < 0 || output.Index >= n {
		return fail(fmt.Errorf("is output %d of node %s, which has %d", output.Index, quote.Name(node.Name()), n))
	}
	found := node.Output(output.Index)
	p := endpoint{name: name, node: node.Name(), at: output.Index, operation: node.Type(), kind: found.DataType(), shape: known(found.Shape())}
	if _, taken := names[p.kind]; !taken {
		return fail(fmt.Errorf("is of %s, want one of graphs.Value", typeName(p.kind)))
	}
	if p.kind == tf.String && len(p.shape) > 0 {
		return fail(fmt.Errorf("has strings of shape %s, want one string", formatShape(p.shape)))
	}
	tfOutput, err := c.session.OutputOf(found)
	if err != nil {
		return fail(err)
	}
	return p, tfOutput, nil
}

// node finds a node of the caller's graph in the copy.
func (c *core) node(node *tf.Operation) (*tf.Operation, error) {
	if node == nil {
		return nil, errors.New("no node")
	}
	owner, err := capi.OwnerOf(node)
	if err != nil {
		return nil, fmt.Errorf("no node: %w", err)
	}
	if owner != c.source.Value() {
		return nil, errors.New("a node of another graph than the session's")
	}
	found := c.graph.Operation(node.Name())
	if found == nil {
		return nil, fmt.Errorf("node %s, which was added after the session was opened", quote.Name(node.Name()))
	}
	return found, nil
}

// target finds a target in the copy.
func (c *core) target(node *tf.Operation) (capi.Operation, error) {
	found, err := c.node(node)
	if err != nil {
		return capi.Operation{}, fmt.Errorf("is %w", err)
	}
	return c.session.Operation(found.Name())
}

// known is a shape as far as it is known.
func known(s tf.Shape) []int {
	n := s.NumDimensions()
	if n < 0 {
		return nil
	}
	shape := make([]int, n)
	for i := range shape {
		shape[i] = int(s.Size(i))
	}
	return shape
}

// mostAxes is the most that TensorFlow's shapes have; it ends a process that makes
// more.
const mostAxes = 254

// takes refuses a value that is not of the endpoint's type and shape.
func (p endpoint) takes(v Value) error {
	if v.Type != p.kind {
		return fmt.Errorf("is of type %s, want %s", typeName(v.Type), typeName(p.kind))
	}
	if err := v.check(); err != nil {
		return fmt.Errorf("is no tensor: %w", err)
	}
	if len(v.Shape) > mostAxes {
		return fmt.Errorf("has %d axes, want at most %d", len(v.Shape), mostAxes)
	}
	// TensorFlow multiplies the sizes of an empty tensor, too.
	if _, err := tensor.Elements(slices.DeleteFunc(slices.Clone(v.Shape), func(n int) bool { return n == 0 })); err != nil {
		return fmt.Errorf("is no tensor: %w", err)
	}
	if !matches(v.Shape, p.shape) {
		return fmt.Errorf("has shape %s, want %s", tensor.FormatShape(v.Shape), formatShape(p.shape))
	}
	return nil
}

// matches reports whether a shape is one of those that want stands for.
func matches(shape, want []int) bool {
	if want == nil {
		return true
	}
	return slices.EqualFunc(shape, want, func(a, b int) bool { return a == b || b < 0 })
}

// fits refuses a result of another shape than TensorFlow has inferred. The shape of
// a result without elements is set right: some kernels return their input's.
func fits(p endpoint, want []int, result *capi.Value) error {
	if matches(result.Shape, want) {
		return nil
	}
	if n, err := tensor.Elements(want); err == nil && n == 0 && len(result.Data) == 0 {
		result.Shape = slices.Clone(want)
		return nil
	}
	return fmt.Errorf("result of fetch %s has shape %s, TensorFlow inferred %s", quote.Name(p.name), tensor.FormatShape(result.Shape), formatShape(want))
}

// Error is an error of TensorFlow's own; errors.As finds it in that of a run.
type Error struct {
	Code    int    // TensorFlow's TF_Code, as 3 for INVALID_ARGUMENT
	Message string // in one line

	cause error
}

// Error returns the message and the code.
func (e *Error) Error() string { return e.cause.Error() }

// Unwrap returns the same error as other packages of this module know it.
func (e *Error) Unwrap() error { return e.cause }

// codeCanceled is the TF_Code of a run that was ended.
const codeCanceled = 1

// explain gives TensorFlow's error a type that is public.
func (c *core) explain(err error) error {
	var failed *capi.Error
	if !errors.As(err, &failed) {
		return err
	}
	public := &Error{Code: failed.Code, Message: failed.Message, cause: err}
	if failed.Code == codeCanceled && c.canceled.Load() {
		return fmt.Errorf("%w: %w", session.ErrClosed, public)
	}
	return public
}
