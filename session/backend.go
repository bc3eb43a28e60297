package session

import (
	"context"
	"fmt"
	"math"

	"github.com/galeone/tfgo"

	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/internal/trace"
)

// Backend runs single operations in TensorFlow, each in a graph of its own,
// to hold a device to the reference (internal/proof). Networks are run by
// Open. It may be used from many goroutines at once.
type Backend struct {
	device string
}

// NewBackend chooses the device as Open does.
func NewBackend(o Options) (*Backend, error) {
	device, err := tensorflow.ChooseDevice(o.Device)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	if err := tensorflow.WithoutWinograd(device); err != nil {
		return nil, fmt.Errorf("session: backend: %w", err)
	}
	return &Backend{device: device}, nil
}

// Arithmetic is that of the backend's device.
func (b *Backend) Arithmetic() ref.Arithmetic { return tensorflow.Arithmetic(b.device) }

// Device is where operations are placed, as "/device:CPU:0".
func (b *Backend) Device() string { return b.device }

// Apply computes one operation, unless ctx is done before it starts. Operands
// that do not fit it are refused before TensorFlow sees them. Where TensorFlow
// says that it ran the operation on another device, that is an error. What is
// native is freed when it returns, but for the graph of an operation
// that TensorFlow itself refuses, which the bindings' finalizer frees.
func (b *Backend) Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (result tensor.Tensor, err error) {
	if ctx == nil {
		return tensor.Tensor{}, fmt.Errorf("session: apply: %w", errNoContext)
	}
	if err := ctx.Err(); err != nil {
		return tensor.Tensor{}, err
	}
	shapes := make([][]int, len(operands))
	for i, x := range operands {
		if err := x.Check(); err != nil {
			return tensor.Tensor{}, fmt.Errorf("session: %s: operand %d: %w", op.Kind(), i, err)
		}
		shapes[i] = x.Shape
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("session: %s: %w", op.Kind(), err)
	}
	if n, _ := tensor.Elements(shape); n == 0 {
		// As in Session.empty.
		return tensor.New(shape...)
	}
	root := tfgo.NewRoot().WithDevice(b.device)
	inputs, outputs, err := node.BuildOperation(root, op, tensorflow.UsesOneDNN(b.device), shapes...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	graph, err := tensorflow.Finalize(root)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("session: %s: %w", op.Kind(), err)
	}
	defer capi.FreeGraph(graph)
	running, err := tensorflow.Open(graph, tensorflow.Settings{Device: b.device, Executor: tensorflow.Parallel})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("session: %s: %w", op.Kind(), err)
	}
	defer func() {
		if closing := running.Close(); err == nil && closing != nil {
			err = fmt.Errorf("session: close: %w", closing)
		}
	}()
	runner, err := running.RunnerOf(inputs, outputs...)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("session: %s: %w", op.Kind(), err)
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
		err = placed(op, record, b.device)
	}
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("session: %s: %w", op.Kind(), err)
	}
	result = results[0].Tensor()
	for i, other := range results[1:] {
		if same, at := equalButSubnormals(result, other.Tensor()); !same {
			return tensor.Tensor{}, fmt.Errorf("session: %s: TensorFlow's %s and %s differ at number %d", op.Kind(), outputs[0].Op.Type(), outputs[i+1].Op.Type(), at)
		}
	}
	return result, nil
}

// equalButSubnormals is tensor.Equal, but for numbers below the normal ones,
// which oneDNN takes for 0.
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
