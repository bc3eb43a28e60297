package graph

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Weights are the tensors of a network by name, as "conv1/filter".
type Weights map[string]tensor.Tensor

// InitialWeights draws fresh weights: filters from Glorot's uniform
// distribution (Glorot and Bengio 2010, equation 16; Keras's default), biases
// zero. The same seed gives the same bits on every machine, and a weight
// depends on its own name and shape alone, not on the layers around it. A
// network that Plan refuses has no weights: nil.
func (n Network) InitialWeights(seed uint64) Weights {
	lowered, err := Lower(n)
	if err != nil {
		return nil
	}
	weights := Weights{}
	for _, step := range lowered.Program.Steps {
		for _, w := range step.Weights {
			weights[w.Name] = initial(w, lowered.fresh[w.Name], seed)
		}
	}
	return weights
}

func initial(w ir.Weight, f fresh, seed uint64) tensor.Tensor {
	t := tensor.Tensor{Shape: slices.Clone(w.Shape), Data: make([]float32, elements(w.Shape))}
	if f.constant {
		for i := range t.Data {
			t.Data[i] = f.value
		}
		return t
	}
	name := fnv.New64a()
	name.Write([]byte(w.Name))
	random := rand.New(rand.NewPCG(seed, name.Sum64()))
	limit := math.Sqrt(6 / float64(f.fanIn+f.fanOut))
	for i := range t.Data {
		t.Data[i] = float32((2*random.Float64() - 1) * limit)
	}
	return t
}

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
