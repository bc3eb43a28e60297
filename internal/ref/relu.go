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
	const row = 1 << 14
	return eachRow(ctx, 1, (len(x.Data)+row-1)/row, func(_, k int) {
		for i := k * row; i < min(len(x.Data), (k+1)*row); i++ {
			v := x.Data[i]
			r.Value[i] = math.Max(float64(v), 0)
			if v != v {
				r.State[i] = Unspecified
			}
			if isSubnormal(v) {
				r.Bound[i] = math.Abs(float64(v))
			}
		}
	})
}
