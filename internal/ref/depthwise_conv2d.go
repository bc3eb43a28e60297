package ref

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

var _ = register(depthwiseConv2D)

// depthwiseConv2D is the convolution with a group a channel: the filter's
// numbers lie in that order already. Depthwise kernels use no Fourier transform, but
// cuDNN may run the operation as a grouped convolution, which may use one.
func depthwiseConv2D(ctx context.Context, r *Result, a Arithmetic, op ir.DepthwiseConv2D, operands []tensor.Tensor) error {
	grouped, shape := op.Grouped(operands[1].Shape)
	list := append([]tensor.Tensor{operands[0], {Shape: shape, Data: operands[1].Data}}, operands[2:]...)
	return conv2D(ctx, r, a, grouped, list)
}
