package ref

import (
	"testing"

	"tfcnn/internal/ir"
)

// Every operation has a kernel, and an extension if it is fusable.
func TestEveryOperationHasAKernel(t *testing.T) {
	for _, op := range ir.Operations() {
		if kernels[op.Kind()] == nil {
			t.Errorf("%s has no reference kernel", op.Kind())
		}
		if has := extensions[op.Kind()] != nil; has != op.Traits().Fusable {
			t.Errorf("%s has an extension: %v, its traits say fusable: %v", op.Kind(), has, op.Traits().Fusable)
		}
	}
	if n := len(ir.Operations()); len(kernels) != n {
		t.Errorf("%d kernels for %d operations", len(kernels), n)
	}
}
