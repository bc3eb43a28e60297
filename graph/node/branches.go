package node

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var (
	_ = register(func(_ ir.Add, a arguments) (tf.Output, error) { return sum(a.scope, a.operands), nil })
	_ = register(func(_ ir.Concat, a arguments) (tf.Output, error) { return concat(a.scope, a.shapes[0], a.operands) })
)

// sum adds from left to right.
func sum(scope *op.Scope, operands []tf.Output) tf.Output {
	y := op.AddV2(scope, operands[0], operands[1])
	for i, x := range operands[2:] {
		y = op.AddV2(scope.SubScope(fmt.Sprint("input", i+3)), y, x)
	}
	return y
}

// concat joins along the last axis.
func concat(scope *op.Scope, shape []int, operands []tf.Output) (tf.Output, error) {
	// ConcatV2's axis is a scalar.
	last, err := integerConstant(scope, "axis", int32(len(shape)-1))
	if err != nil {
		return tf.Output{}, err
	}
	return op.ConcatV2(scope, operands, last), nil
}
