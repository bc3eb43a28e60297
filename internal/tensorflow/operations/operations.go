// Package operations runs single operations in TensorFlow, each in a graph of its own,
// so that package internal/proof can compare a device with the reference.
//
//	backend, err := operations.NewBackend("cpu")
//	y, err := backend.Apply(ctx, ir.ReLU{}, x)
package operations

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/galeone/tfgo"

	_ "tfcnn/graph/node" // sets nodes.Operation
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
	"tfcnn/internal/nodes"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/internal/trace"
)

// Backend runs single operations on a device. Its methods may be called from many
// goroutines at once.
type Backend struct {
	device string
}

// NewBackend returns a backend on a device, by a name that session.Options.Device takes.
func NewBackend(name string) (*Backend, error) {
	device, err := tensorflow.ChooseDevice(name)
	if err != nil {
		return nil, err
	}
	if err := tensorflow.WithoutWinograd(device); err != nil {
		return nil, err
	}
	return &Backend{device: device}, nil
}

// Arithmetic returns what the device may do to the sums of convolutions.
func (b *Backend) Arithmetic() ref.Arithmetic { return tensorflow.Arithmetic(b.device) }

// Device returns TensorFlow's name of the device, as "/device:CPU:0".
func (b *Backend) Device() string { return b.device }

// Apply computes one operation, unless ctx is done before it starts. Operands that do
// not fit the operation are refused before TensorFlow sees them. Where TensorFlow's
// trace says that another device ran the operation, Apply returns an error. When Apply
// returns, TensorFlow's memory of the operation is freed, except for the graph of an
// operation that TensorFlow itself refuses: the bindings' finalizer frees that one.
func (b *Backend) Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (result tensor.Tensor, err error) {
	if ctx == nil {
		return tensor.Tensor{}, errors.New("operations: apply: ctx is nil, want one, as context.Background()")
	}
	if err := ctx.Err(); err != nil {
		return tensor.Tensor{}, err
	}
	shapes := make([][]int, len(operands))
	for i, x := range operands {
		if err := x.Check(); err != nil {
			return tensor.Tensor{}, fmt.Errorf("operations: %s: operand %d: %w", op.Kind(), i, err)
		}
		shapes[i] = x.Shape
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("operations: %s: %w", op.Kind(), err)
	}
	if n, _ := tensor.Elements(shape); n == 0 {
		// TensorFlow is not asked: with oneDNN it gives an empty output another shape.
		return tensor.New(shape...)
	}
	root := tfgo.NewRoot().WithDevice(b.device)
	inputs, outputs, err := nodes.Operation(root, op, tensorflow.UsesOneDNN(b.device), shapes...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	graph, err := tensorflow.Finalize(root)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("operations: %s: %w", op.Kind(), err)
	}
	defer capi.FreeGraph(graph)
	running, err := tensorflow.Open(graph, tensorflow.Settings{Device: b.device, Executor: tensorflow.Parallel})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("operations: %s: %w", op.Kind(), err)
	}
	defer func() {
		if closing := running.Close(); err == nil && closing != nil {
			err = fmt.Errorf("operations: close: %w", closing)
		}
	}()
	runner, err := running.RunnerOf(inputs, outputs...)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("operations: %s: %w", op.Kind(), err)
	}
	defer runner.Free()
	in, results := make([]capi.Value, len(operands)), make([]capi.Value, len(outputs))
	for i, x := range operands {
		in[i] = capi.Float32s(x)
	}
	record, err := trace.Run(trace.Nodes, trace.Layers{}, func(options []byte) ([]byte, error) {
		return runner.RunWith(options, in, results)
	})
	if err == nil {
		err = checkPlacement(op, record, b.device)
	}
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("operations: %s: %w", op.Kind(), err)
	}
	result = results[0].Tensor()
	for i, other := range results[1:] {
		if same, at := equalButSubnormals(result, other.Tensor()); !same {
			return tensor.Tensor{}, fmt.Errorf("operations: %s: TensorFlow's %s and %s differ at number %d", op.Kind(), outputs[0].Op.Type(), outputs[i+1].Op.Type(), at)
		}
	}
	return result, nil
}

// equalButSubnormals is tensor.Equal, except that all numbers below the smallest normal
// one are equal: oneDNN computes with 0 in their place.
func equalButSubnormals(a, b tensor.Tensor) (bool, int) {
	const smallestNormal = 0x1p-126
	b = b.Clone()
	for i, x := range a.Data {
		if i < len(b.Data) && math.Abs(float64(x)) < smallestNormal && math.Abs(float64(b.Data[i])) < smallestNormal {
			b.Data[i] = x
		}
	}
	return tensor.Equal(a, b)
}

// checkPlacement returns an error unless all of an operation's arithmetic ran on the
// device.
func checkPlacement(op ir.Op, r trace.Record, device string) error {
	if op.Traits().NoArithmetic {
		return nil
	}
	ran := 0
	for _, n := range r.Nodes {
		if !n.Arithmetic() {
			continue
		}
		ran++
		if n.Device != device {
			return fmt.Errorf("TensorFlow ran %s on %s, want %s", n.Op, n.Device, device)
		}
	}
	if ran == 0 {
		return fmt.Errorf("TensorFlow's trace has no operation, want some on %s", device)
	}
	return nil
}
