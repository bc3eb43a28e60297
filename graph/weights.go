package graph

import (
	"fmt"
	"maps"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
)

// Weights are the tensors of a network by name, as "conv1/filter".
type Weights map[string]tensor.Tensor

// Check returns an error unless the weights are those that the network needs. The
// error lists the first weights that are missing, left over or of the wrong shape, and
// the number of the others.
func (w Weights) Check(n Network) error {
	lowered, err := Lower(n)
	if err != nil {
		return err
	}
	return lowered.CheckWeights(w)
}

// CheckWeights is Weights.Check for a network that is lowered already.
func (l Lowered) CheckWeights(w Weights) error {
	var faults []string
	left := maps.Clone(w)
	for _, step := range l.Program.Steps {
		for _, want := range step.Weights {
			got, found := w[want.Name]
			delete(left, want.Name)
			switch err := got.Check(); {
			case !found:
				faults = append(faults, fmt.Sprintf("%s is missing, want %s", quote.Name(want.Name), tensor.FormatShape(want.Shape)))
			case !slices.Equal(got.Shape, want.Shape):
				faults = append(faults, fmt.Sprintf("%s is %s, want %s", quote.Name(want.Name), tensor.FormatShape(got.Shape), tensor.FormatShape(want.Shape)))
			case err != nil:
				faults = append(faults, fmt.Sprintf("%s: %v", quote.Name(want.Name), err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		faults = append(faults, fmt.Sprintf("%s belongs to no layer", quote.Name(name)))
	}
	if len(faults) == 0 {
		return nil
	}
	return &Error{Reason: fmt.Errorf("weights do not fit: %s", quote.List(faults, "; "))}
}
