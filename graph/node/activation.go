package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// The operations without weights and geometry, most of one node.
var (
	_ = registerUnary[ir.ReLU](op.Relu)
	_ = registerUnary[ir.ReLU6](op.Relu6)
	_ = register(func(o ir.LeakyReLU, a arguments) (tf.Output, error) {
		return op.LeakyRelu(a.scope, a.operands[0], op.LeakyReluAlpha(o.Alpha)), nil
	})
	_ = registerUnary[ir.ELU](op.Elu)
	_ = registerUnary[ir.SELU](op.Selu)
	_ = registerUnary[ir.Sigmoid](op.Sigmoid)
	_ = registerUnary[ir.Tanh](op.Tanh)
	_ = register(func(_ ir.Swish, a arguments) (tf.Output, error) {
		return op.Mul(a.scope, a.operands[0], op.Sigmoid(a.scope, a.operands[0])), nil
	})
	_ = register(func(_ ir.HardSwish, a arguments) (tf.Output, error) { return hardSwish(a.scope, a.operands[0]) })
	_ = registerUnary[ir.Identity](op.Identity)
	_ = register(func(_ ir.Softmax, a arguments) (tf.Output, error) {
		return softmax(a.scope, a.shapes[0], a.operands[0])
	})
	_ = register(func(o ir.LRN, a arguments) (tf.Output, error) {
		x := a.operands[0]
		if half := x.DataType(); half == tf.Half || half == tf.Bfloat16 {
			// TensorFlow has a kernel in bfloat16 for no device, and in float16 for the
			// CPU alone.
			x = op.Cast(a.scope.SubScope("input"), x, tf.Float)
		}
		return op.LRN(a.scope, x, op.LRNDepthRadius(int64(o.DepthRadius)), op.LRNBias(o.Bias), op.LRNAlpha(o.Alpha), op.LRNBeta(o.Beta)), nil
	})
)

// registerUnary registers an operation that is one node.
func registerUnary[O ir.Op](node func(*op.Scope, tf.Output) tf.Output) struct{} {
	return register(func(_ O, a arguments) (tf.Output, error) { return node(a.scope, a.operands[0]), nil })
}

// hardSwish adds x·(relu6(x + 3)·(1/6)): only the last product can overflow.
func hardSwish(scope *op.Scope, x tf.Output) (tf.Output, error) {
	three, err := scalar(scope, "three", 3, x.DataType())
	if err != nil {
		return tf.Output{}, err
	}
	sixth, err := scalar(scope, "sixth", 1./6, x.DataType())
	if err != nil {
		return tf.Output{}, err
	}
	factor := op.Mul(scope.SubScope("factor"), op.Relu6(scope, op.AddV2(scope, x, three)), sixth)
	return op.Mul(scope, x, factor), nil
}

// scalar adds a constant without axes.
func scalar(scope *op.Scope, name string, value float32, dtype tf.DataType) (tf.Output, error) {
	c, err := constant(scope, name, tensor.Tensor{Shape: []int{}, Data: []float32{value}})
	if err != nil || dtype == tf.Float {
		return c, err
	}
	return op.Cast(scope.SubScope(name), c, dtype), nil
}

// softmax adds Softmax. oneDNN's kernel takes at most five axes, so an input of more
// axes is reshaped to a matrix before the kernel and back after it.
func softmax(scope *op.Scope, shape []int, x tf.Output) (tf.Output, error) {
	if len(shape) <= 5 {
		return op.Softmax(scope, x), nil
	}
	rows, err := reshape(scope, "rows", x, -1, shape[len(shape)-1])
	if err != nil {
		return tf.Output{}, err
	}
	return reshape(scope, "axes", op.Softmax(scope, rows), shape...)
}
