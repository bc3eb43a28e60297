package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Weights are the tensors of a network by name, as "conv1/filter".
type Weights map[string]tensor.Tensor

// Check says whether the weights are those that the network needs; the error
// lists every one that is missing, left over or of the wrong shape.
func (w Weights) Check(n Network) error {
	lowered, err := Lower(n)
	if err != nil {
		return err
	}
	return w.CheckProgram(lowered.Program)
}

// CheckProgram is Check for a network that is lowered already.
func (w Weights) CheckProgram(program ir.Program) error {
	var faults []string
	left := maps.Clone(w)
	for _, step := range program.Steps {
		for _, want := range step.Weights {
			got, found := w[want.Name]
			delete(left, want.Name)
			switch err := got.Check(); {
			case !found:
				faults = append(faults, fmt.Sprintf("%q is missing, want %s", want.Name, tensor.FormatShape(want.Shape)))
			case !slices.Equal(got.Shape, want.Shape):
				faults = append(faults, fmt.Sprintf("%q is %s, want %s", want.Name, tensor.FormatShape(got.Shape), tensor.FormatShape(want.Shape)))
			case err != nil:
				faults = append(faults, fmt.Sprintf("%q: %v", want.Name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		faults = append(faults, fmt.Sprintf("%q belongs to no layer", name))
	}
	if len(faults) == 0 {
		return nil
	}
	return &Error{Reason: fmt.Errorf("weights do not fit: %s", strings.Join(faults, "; "))}
}
