package node

import (
	"slices"
	"testing"

	"github.com/galeone/tfgo"

	"tfcnn/internal/ir"
)

// A max_pool by itself is computed by both of TensorFlow's nodes where there are two, so
// that they can be compared; the network's choice comes first.
func TestBothMaxPools(t *testing.T) {
	pool := ir.MaxPool{Pool: ir.Pool{Size: [2]int{2, 2}, Strides: [2]int{2, 2}}}
	same, padded := pool, pool
	same.Padding.Kind = ir.Same
	padded.Padding = ir.Padding{Kind: ir.Explicit, Top: 1}
	for _, tt := range []struct {
		op    ir.MaxPool
		shape []int
		want  []string
	}{
		{pool, []int{1, 40, 40, 3}, []string{"MaxPool", "MaxPoolV2"}},
		{same, []int{1, 40, 40, 3}, []string{"MaxPool", "MaxPoolV2"}},
		{pool, []int{1, 40, 40, 64}, []string{"MaxPoolV2", "MaxPool"}},
		{pool, []int{1, 16, 16, 3}, []string{"MaxPoolV2", "MaxPool"}},
		{padded, []int{1, 16, 16, 64}, []string{"MaxPool"}},
	} {
		_, outputs, err := buildOperation(tfgo.NewRoot(), tt.op, false, tt.shape)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, o := range outputs {
			kinds = append(kinds, o.Op.Type())
		}
		if !slices.Equal(kinds, tt.want) {
			t.Errorf("%+v of %v: nodes %v, want %v", tt.op, tt.shape, kinds, tt.want)
		}
	}
}
