package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

var _ = register(func(o ir.BatchNorm, a arguments) (tf.Output, error) {
	return batchNorm(a.scope, o, a.shapes[0], a.operands)
})

// batchNorm adds FusedBatchNormV3, which takes four axes; an input of another rank is
// reshaped to four axes before and back after.
func batchNorm(scope *op.Scope, o ir.BatchNorm, shape []int, operands []tf.Output) (tf.Output, error) {
	x := operands[0]
	if len(shape) != 4 {
		var err error
		if x, err = reshape(scope, "images", x, -1, 1, 1, shape[len(shape)-1]); err != nil {
			return tf.Output{}, err
		}
	}
	y, _, _, _, _, _ := op.FusedBatchNormV3(scope, x, operands[1], operands[2], operands[3], operands[4],
		op.FusedBatchNormV3Epsilon(o.Epsilon), op.FusedBatchNormV3IsTraining(false))
	if len(shape) != 4 {
		return reshape(scope, "rows", y, append([]int{-1}, shape[1:]...)...)
	}
	return y, nil
}
