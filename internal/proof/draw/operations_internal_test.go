package draw

import (
	"testing"

	"tfcnn/internal/ir"
)

// Every operation can be drawn.
func TestEveryOperationIsDrawn(t *testing.T) {
	kinds := map[string]bool{}
	for _, op := range ir.Operations() {
		kinds[op.Kind()] = true
		if _, found := drawing(op.Kind()); !found {
			t.Errorf("%s cannot be drawn", op.Kind())
		}
	}
	for kind := range draws {
		if !kinds[kind] {
			t.Errorf("%s is drawn and is no operation", kind)
		}
	}
}
