package node

import (
	"testing"

	"tfcnn/internal/ir"
)

// Every operation has nodes.
func TestEveryOperationHasNodes(t *testing.T) {
	for _, op := range ir.Operations() {
		if builders[op.Kind()] == nil {
			t.Errorf("%s has no nodes", op.Kind())
		}
	}
	if n := len(ir.Operations()); len(builders) != n {
		t.Errorf("%d builders for %d operations", len(builders), n)
	}
}
