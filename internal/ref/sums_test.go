package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
)

// A kernel may put the number that is added to a convolution into its accumulator, and
// add each product to it; so do oneDNN's grouped convolutions on AVX2. The bound covers
// it, behind layers that hand the sum on too, and is not larger than that of one sum of
// all these terms. Whole numbers are exact.
func TestSumsThatBeginWithTheAddend(t *testing.T) {
	const channels, pixels = 40, 16
	random := rand.New(rand.NewPCG(41, 42))
	for name, between := range map[string][]graph.Layer{
		"add":               {graph.Add{Name: "sum", From: []string{"c", "o"}}},
		"dropout, then add": {graph.Dropout{Name: "d", From: "c", Rate: 0.5}, graph.Add{Name: "sum", From: []string{"o", "d"}}},
		"shift":             {graph.ScaleShift{Name: "sum", From: "c", Shift: []float32{3}}},
	} {
		net := graph.Network{
			Input: graph.Input{Height: pixels, Width: pixels, Channels: channels},
			Layers: append([]graph.Layer{
				graph.Conv2D{Name: "o", Filters: 1, Size: graph.Square(1), NoBias: true},
				graph.Conv2D{Name: "c", From: graph.InputName, Filters: 1, Size: graph.Square(1)},
			}, between...),
		}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatal(err)
		}
		last := len(lowered.Program.Steps) - 1
		for _, whole := range []bool{false, true} {
			number := func() float32 {
				if whole {
					return float32(random.IntN(9) - 4)
				}
				return float32(random.NormFloat64() / 10)
			}
			draw := func(shape ...int) tensor.Tensor {
				x := tensor.MustNew(shape...)
				for i := range x.Data {
					x.Data[i] = number()
				}
				return x
			}
			input, filter, bias := draw(1, pixels, pixels, channels), draw(1, 1, channels, 1), draw(1)
			other := tensor.MustNew(1, pixels, pixels, 1)
			for i := range other.Data {
				other.Data[i] = 3 // is large beside the products
				if !whole && name != "shift" {
					other.Data[i] += number()
				}
			}
			p := ref.Propagation{Program: lowered.Program, Weights: graph.Weights{"o/filter": filter, "c/filter": filter, "c/bias": bias}}
			results, err := p.Results(t.Context(), input, map[int]tensor.Tensor{0: other}, []int{last})
			if err != nil {
				t.Fatal(err)
			}
			r := results[0]
			widest := 0.0
			for i := range r.Value {
				sum, absolute := other.Data[i], math.Abs(float64(other.Data[i]))+math.Abs(float64(bias.Data[0]))
				for k, x := range input.Data[i*channels:][:channels] {
					product := x * filter.Data[k]
					sum += product
					absolute += math.Abs(float64(product))
				}
				sum += bias.Data[0]
				if off := math.Abs(float64(sum) - r.Value[i]); off > r.Bound[i] {
					t.Fatalf("%s, whole numbers %v: %v is off by %v, bound %v", name, whole, sum, off, r.Bound[i])
				}
				const roundings, unit = channels + 2, 0x1p-24
				widest = max(widest, r.Bound[i]/(roundings*unit/(1-roundings*unit)*absolute))
			}
			if whole && widest > 0 || !whole && !(widest > 0.9 && widest < 1.001) {
				t.Errorf("%s, whole numbers %v: %v times the bound of one sum", name, whole, widest)
			}
		}
	}
}
