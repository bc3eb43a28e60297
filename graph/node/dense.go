package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// dense adds MatMul and, where there is a bias, BiasAdd.
func dense(scope *op.Scope, operands []tf.Output) tf.Output {
	y := op.MatMul(scope, operands[0], operands[1])
	if len(operands) == 2 {
		return y
	}
	return op.BiasAdd(scope, y, operands[2])
}
