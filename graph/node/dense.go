package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(_ ir.Dense, a arguments) (tf.Output, error) {
	return dense(a.scope, a.operands), nil
})

// dense adds MatMul and, where there is a bias, BiasAdd.
func dense(scope *op.Scope, operands []tf.Output) tf.Output {
	y := op.MatMul(scope, operands[0], operands[1])
	if len(operands) == 2 {
		return y
	}
	return op.BiasAdd(scope, y, operands[2])
}
