package ref_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// layersBehind are layers of every kind, each of which reads a convolution "c"
// or, where it reads two, "d" beside it.
var layersBehind = []graph.Layer{
	graph.Conv2D{Filters: 3, Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same},
	graph.Conv2D{Filters: 4, Size: graph.Square(2), Groups: 2, NoBias: true},
	graph.DepthwiseConv2D{Multiplier: 2, Size: graph.Square(3), Padding: graph.Explicit(1, 0, 0, 2)},
	graph.Conv2DTranspose{Filters: 4, Size: graph.Square(3), Strides: graph.Square(2), Groups: 2},
	graph.SeparableConv2D{Filters: 5, Size: graph.Square(2)},
	graph.MaxPool{Size: graph.Square(2)},
	graph.AvgPool{Size: graph.Square(3), Strides: graph.Square(1), Padding: graph.Same},
	graph.GlobalAvgPool{},
	graph.BatchNorm{},
	graph.LRN{DepthRadius: 1, Bias: 1, Alpha: 0.5, Beta: 0.75},
	graph.LRN{DepthRadius: 2, Bias: 2, Alpha: 1, Beta: 0.5},
	graph.ReLU{},
	graph.ReLU6{},
	graph.LeakyReLU{},
	graph.ELU{},
	graph.SELU{},
	graph.Sigmoid{},
	graph.Tanh{},
	graph.Softmax{},
	graph.Swish{},
	graph.HardSwish{},
	graph.Resize{Size: graph.Size{Height: 9, Width: 4}},
	graph.Resize{Size: graph.Size{Height: 4, Width: 11}, Method: graph.Bilinear},
	graph.UpSample{Size: graph.Square(3), Method: graph.Bilinear},
	graph.ZeroPad{Top: 1, Right: 2},
	graph.ScaleShift{Scale: []float32{0.3}, Shift: []float32{-1, 0, 1, 0.1}},
	graph.ScaleShift{Shift: []float32{0.7}},
	graph.SwapRGB{},
	graph.Dropout{Rate: 0.5},
	graph.Flatten{},
	graph.Add{From: []string{"c", "d", "c"}},
	graph.Add{From: []string{"d", graph.InputName}},
	graph.Concat{From: []string{"d", graph.InputName, "c"}},
	graph.Concat{From: []string{"c", "d"}},
}

// Every step off by as much as its own bound allows, up or down: each output
// stays within the bound that was propagated to it, and every operation is among
// those that read a bounded result.
func TestPropagateBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	kinds := map[string]bool{}
	for n, layer := range layersBehind {
		channels := 4
		if _, swaps := layer.(graph.SwapRGB); swaps {
			channels = 3
		}
		net := graph.Network{
			Input: graph.Input{Height: 8, Width: 7, Channels: channels},
			Layers: []graph.Layer{
				graph.Conv2D{Name: "d", Filters: channels, Size: graph.Square(1), Activation: graph.TanhActivation},
				graph.Conv2D{Name: "c", From: graph.InputName, Filters: channels, Size: graph.Square(3), Padding: graph.Same},
				layer,
				graph.Flatten{Name: "flat"},
				graph.Dense{Name: "end", Units: 4},
			},
		}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatalf("layer %d: %v", n, err)
		}
		program := lowered.Program
		for _, step := range program.Steps {
			if !slices.Contains(step.Inputs, ir.Input) {
				kinds[step.Op.Kind()] = true
			}
		}
		p := ref.Propagation{Program: program, Weights: net.InitialWeights(uint64(n) + 1)}
		var all []int
		for i := range program.Steps {
			all = append(all, i)
		}
		for _, scale := range []float32{1, 0x1p-125, 0x1p-60, 0x1p40} {
			input := gaussian(random, 1, 8, 7, channels)
			for i := range input.Data {
				input.Data[i] *= scale
			}
			want, err := p.Results(t.Context(), input, nil, all)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range want {
				if plain := !slices.ContainsFunc(r.State, func(s ref.State) bool { return s != ref.Plain }); !plain && scale <= 1 {
					t.Errorf("layer %d, numbers of %g: %s gives %v", n, scale, program.Steps[i].Op.Kind(), r.State)
				}
			}
			for range 8 {
				for i, got := range perturbed(t, program, p.Weights, input, random) {
					expectWithin(t, fmt.Sprintf("layer %d, numbers of %g: %s", n, scale, program.Steps[i].Op.Kind()), want[i], got)
				}
			}
		}
	}
	for _, op := range proof.Operations() {
		if !kinds[op] {
			t.Errorf("no layer here has %s read a result", op)
		}
	}
}

func expectWithin(t *testing.T, what string, want ref.Result, got tensor.Tensor) {
	t.Helper()
	for i, v := range got.Data {
		if off := math.Abs(float64(v) - want.Value[i]); want.State[i] == ref.Plain && !(off <= want.Bound[i]) {
			t.Fatalf("%s: number %d is %v, want %v ± %g", what, i, v, want.Value[i], want.Bound[i])
		}
	}
}

// perturbed computes a program step by step in float32, each number moved to an
// end of the range that its step alone allows.
func perturbed(t *testing.T, program ir.Program, weights graph.Weights, input tensor.Tensor, random *rand.Rand) []tensor.Tensor {
	t.Helper()
	var outputs []tensor.Tensor
	for _, step := range program.Steps {
		var operands []tensor.Tensor
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, input)
			} else {
				operands = append(operands, outputs[from])
			}
		}
		for _, w := range step.Weights {
			operands = append(operands, weights[w.Name])
		}
		r := apply(t, step.Op, operands...)
		out := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Value))}
		for i, v := range r.Value {
			toward := float64(random.IntN(2)*2 - 1)
			out.Data[i] = float32(v + toward*r.Bound[i])
			if math.Abs(float64(out.Data[i])-v) > r.Bound[i] { // rounded out of the range
				out.Data[i] = math.Nextafter32(out.Data[i], float32(v))
			}
		}
		outputs = append(outputs, out)
	}
	return outputs
}

// 1 2 3 4 under the filter 1 (and under −2), twice, then the mean, by hand: no error.
// Where a device's outputs are given, the next step reads those.
func TestPropagateIsExact(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 2, Width: 2, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(1), NoBias: true},
			graph.Add{Name: "twice", From: []string{"c", "c"}},
			graph.GlobalAvgPool{},
		},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	p := ref.Propagation{Program: lowered.Program, Weights: graph.Weights{"c/filter": {Shape: []int{1, 1, 1, 2}, Data: []float32{1, -2}}}}
	last := len(lowered.Program.Steps) - 1
	input := tensor.Tensor{Shape: []int{1, 2, 2, 1}, Data: []float32{1, 2, 3, 4}}
	for given, want := range map[string][2]float64{"": {5, -10}, "c": {2, 4}} {
		numbers := map[int]tensor.Tensor{}
		if given != "" {
			numbers[0] = tensor.Tensor{Shape: []int{1, 2, 2, 2}, Data: []float32{1, 2, 1, 2, 1, 2, 1, 2}}
		}
		steps := 0
		err := p.Each(t.Context(), input, numbers, []int{last}, func(step int, r ref.Result) error {
			if steps++; step == last && (r.Value[0] != want[0] || r.Value[1] != want[1] || r.Bound[0] != 0 || r.Bound[1] != 0) {
				t.Errorf("given %q: %v ± %v, want %v", given, r.Value, r.Bound, want)
			}
			return nil
		})
		if err != nil || steps != len(lowered.Program.Steps)-len(numbers) {
			t.Errorf("given %q: %d steps, %v", given, steps, err)
		}
	}
}

// Sums of whole numbers round where one of the numbers need not be whole.
func TestExtendLinearIsNotExact(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	const n = 100
	ones := tensor.Tensor{Shape: []int{n, 1}, Data: make([]float32, n)}
	value, bound := make([]float64, n), make([]float64, n)
	for i := range value {
		value[i], ones.Data[i] = 1000, 1
	}
	value[0], bound[0] = 1, 0.007 // the spacing of float32 at the sum is 0.0078, before it 0.0039
	e := extend(t, within([]int{1, n}, value, bound), ir.Dense{}, ones)
	for range 2000 {
		sum := float32(1 + (2*random.Float64()-1)*bound[0])
		for _, v := range value[1:] {
			sum += float32(v)
		}
		expectWithin(t, "dense", e, tensor.Tensor{Data: []float32{sum}})
	}
}

// An element that reads a number which may be infinite is Unspecified, and no other
// element is; after Fourier transforms the whole image is.
func TestExtendLinearStates(t *testing.T) {
	r := within([]int{2, 1, 4, 1}, make([]float64, 8), make([]float64, 8))
	r.State[1] = ref.OverflowPossible
	filter := filled(1, 2, 1, 1)
	op := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	for fft, want := range map[bool][]ref.State{
		false: {ref.Unspecified, ref.Unspecified, ref.Plain, ref.Plain, ref.Plain, ref.Plain},
		true:  {ref.Unspecified, ref.Unspecified, ref.Unspecified, ref.Plain, ref.Plain, ref.Plain},
	} {
		e, err := ref.Extend(t.Context(), ref.Arithmetic{FFT: fft}, op, []ref.Operand{ref.Within(r)}, filter)
		if err != nil || !slices.Equal(e.State, want) {
			t.Errorf("FFT %v: %v, %v, want %v", fft, e.State, err, want)
		}
	}
}

// square is an operation without a rule.
type square struct{ ir.ReLU }

func (square) Kind() string { return "square" }

// An operation without a rule has no bounds, nor have the operations after it.
func TestNoBound(t *testing.T) {
	r := within([]int{1, 2}, []float64{1, 2}, []float64{0.1, 0})
	e := extend(t, extend(t, r, square{}), ir.Dense{}, filled(2, 1))
	if e.State[0] != ref.NoBound {
		t.Fatalf("states %v", e.State)
	}
	if v := proof.Compare(e, tensor.Tensor{Shape: []int{1, 1}, Data: []float32{5}}); v.OK() || v.Status != proof.NotHeld {
		t.Errorf("got %v", v)
	}
}
