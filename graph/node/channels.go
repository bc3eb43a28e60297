package node

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(func(o ir.ScaleShift, a arguments) (tf.Output, error) {
	return scaleShift(a.scope, o, a.operands[0])
})

// scaleShift adds Mul and AddV2 with constants, each only where there are
// numbers; without any, Identity.
func scaleShift(scope *op.Scope, o ir.ScaleShift, x tf.Output) (tf.Output, error) {
	y := x
	for _, part := range []struct {
		name    string
		numbers []float32
		apply   func(*op.Scope, tf.Output, tf.Output) tf.Output
	}{{"scale", o.Scale, op.Mul}, {"shift", o.Shift, op.AddV2}} {
		if len(part.numbers) == 0 {
			continue
		}
		c, err := constant(scope, part.name, tensor.Tensor{Shape: []int{len(part.numbers)}, Data: part.numbers})
		if err != nil {
			return tf.Output{}, err
		}
		if dtype := x.DataType(); dtype != tf.Float {
			c = op.Cast(scope.SubScope(part.name), c, dtype)
		}
		y = part.apply(scope, y, c)
	}
	if y == x {
		y = op.Identity(scope, x)
	}
	return y, nil
}
