package ref

import (
	"testing"

	"tfcnn/internal/ir"
)

// Every operation has a kernel, and an extension unless it is linear.
func TestEveryOperationHasAKernel(t *testing.T) {
	for _, op := range ir.Operations() {
		if kernels[op.Kind()] == nil {
			t.Errorf("%s has no reference kernel", op.Kind())
		}
		if extensions[op.Kind()] == nil && !op.Traits().Linear {
			t.Errorf("%s has no extension and is not linear", op.Kind())
		}
	}
	if n := len(ir.Operations()); len(kernels) != n {
		t.Errorf("%d kernels for %d operations", len(kernels), n)
	}
}
