package ref

import (
	"context"
	"math"

	"tfcnn/graph/tensor"
)

// relu is max(x, 0), exact but for a subnormal number: a positive one may come
// out as zero, and a negative one as it is, since it compares like zero.
// NaN stays NaN here; which kernels keep it differs, so that it is
// Unspecified.
func relu(ctx context.Context, r *Result, x tensor.Tensor) error {
	return eachChunk(ctx, len(x.Data), func(i int) {
		v := x.Data[i]
		r.Value[i] = math.Max(float64(v), 0)
		if v != v {
			r.State[i] = Unspecified
		}
		if isSubnormal(v) {
			r.Bound[i] = math.Abs(float64(v))
		}
	})
}
