package proof

import (
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// A case's output may have mostOutput numbers, and not one more. The operand's shape
// alone says so.
func TestMostOutput(t *testing.T) {
	for n, refused := range map[int]bool{mostOutput: false, mostOutput + 1: true} {
		c := Case{Name: "n", Op: ir.ReLU{}, Operands: []tensor.Tensor{{Shape: []int{n}}}}
		if err := c.checkOutput(); (err != nil) != refused {
			t.Errorf("%d numbers: %v", n, err)
		}
	}
}
