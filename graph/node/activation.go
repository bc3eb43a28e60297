package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// The operations without weights and geometry, most of one node.
var (
	_ = single[ir.ReLU](op.Relu)
	_ = single[ir.ReLU6](op.Relu6)
	_ = register(func(o ir.LeakyReLU, a arguments) (tf.Output, error) {
		return op.LeakyRelu(a.scope, a.operands[0], op.LeakyReluAlpha(o.Alpha)), nil
	})
	_ = single[ir.ELU](op.Elu)
	_ = single[ir.SELU](op.Selu)
	_ = single[ir.Sigmoid](op.Sigmoid)
	_ = single[ir.Tanh](op.Tanh)
	_ = single[ir.Identity](op.Identity)
	_ = register(func(_ ir.Softmax, a arguments) (tf.Output, error) {
		return softmax(a.scope, a.shapes[0], a.operands[0])
	})
	_ = register(func(o ir.LRN, a arguments) (tf.Output, error) {
		return op.LRN(a.scope, a.operands[0], op.LRNDepthRadius(int64(o.DepthRadius)), op.LRNBias(o.Bias), op.LRNAlpha(o.Alpha), op.LRNBeta(o.Beta)), nil
	})
)

// single registers an operation that is one node.
func single[O ir.Op](node func(*op.Scope, tf.Output) tf.Output) struct{} {
	return register(func(_ O, a arguments) (tf.Output, error) { return node(a.scope, a.operands[0]), nil })
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
