package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// activation adds the one node of an operation that has no weights and no
// geometry; known is false where o is no such operation.
func activation(scope *op.Scope, o ir.Op, x tf.Output) (y tf.Output, known bool) {
	switch o := o.(type) {
	case ir.ReLU:
		return op.Relu(scope, x), true
	case ir.ReLU6:
		return op.Relu6(scope, x), true
	case ir.LeakyReLU:
		return op.LeakyRelu(scope, x, op.LeakyReluAlpha(o.Alpha)), true
	case ir.ELU:
		return op.Elu(scope, x), true
	case ir.SELU:
		return op.Selu(scope, x), true
	case ir.Sigmoid:
		return op.Sigmoid(scope, x), true
	case ir.Tanh:
		return op.Tanh(scope, x), true
	case ir.Identity:
		return op.Identity(scope, x), true
	}
	return tf.Output{}, false
}

// softmax adds Softmax. oneDNN's kernel takes at most five axes: more become a
// matrix before it, and themselves again behind it.
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
