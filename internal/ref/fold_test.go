package ref_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
)

// propagated returns the reference of a network's last step, with a tight bound where
// nothing between is given.
func propagated(t *testing.T, layers []graph.Layer, weights graph.Weights, input tensor.Tensor, given map[int]tensor.Tensor) ref.Result {
	t.Helper()
	lowered, err := graph.Lower(graph.Network{Input: graph.Input{Height: input.Shape[1], Width: input.Shape[2], Channels: input.Shape[3]}, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	p := ref.Propagation{Program: lowered.Program, Weights: weights, Levels: ref.MeasureLevels}
	results, err := p.Results(t.Context(), input, given, []int{len(lowered.Program.Steps) - 1})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func numbersOf(shape []int, data ...float32) tensor.Tensor {
	return tensor.Tensor{Shape: shape, Data: data}
}

// holds fails where a number lies outside the bound of an element, or where the bound is
// more than most times larger than it must be.
func holds(t *testing.T, what string, r ref.Result, i int, number float32, atMost float64) {
	t.Helper()
	if off := math.Abs(float64(number) - r.Value[i]); r.State[i] != ref.Plain || !(off <= r.Bound[i]) || r.Bound[i] > atMost {
		t.Errorf("%s: %v is off by %v from %v, bound %v, want at most %v; state %v", what, number, off, r.Value[i], r.Bound[i], atMost, r.State[i])
	}
}

const half32 = 0x1p-24 // the unit roundoff of float32

// A kernel may multiply the filter by the constants behind a convolution. Each product
// then rounds once more, though the sum may be far smaller than its products, or exact.
func TestConstantsInFilters(t *testing.T) {
	const channels = 12
	random := rand.New(rand.NewPCG(51, 52))
	norm := graph.Weights{
		"n/scale": numbersOf([]int{1}, 0.7), "n/offset": numbersOf([]int{1}, 0.25),
		"n/mean": numbersOf([]int{1}, 0.3), "n/variance": numbersOf([]int{1}, 1.9),
	}
	const epsilon = 1e-3
	factor := float32(0.7 / math.Sqrt(float64(float32(1.9))+float64(float32(epsilon))))
	for name, tt := range map[string]struct {
		behind           []graph.Layer
		factor, constant float32
		atLeast, atMost  float64 // roundings of a term, beside those of the sum
	}{
		"scale":      {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.7}}}, 0.7, 0, 1, 1},
		"two scales": {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.7}}, graph.ScaleShift{Scale: []float32{1.3}}}, float32(0.7) * float32(1.3), 0, 2, 2},
		"scale, flatten, shift": {
			[]graph.Layer{graph.ScaleShift{Scale: []float32{0.7}}, graph.Dropout{Rate: 0.5}, graph.ScaleShift{Shift: []float32{0.25}}}, 0.7, 0.25, 2, 2,
		},
		"batch norm": {[]graph.Layer{graph.BatchNorm{Name: "n", Epsilon: epsilon}}, factor, 0.25 - 0.3*factor, 3, 10},
	} {
		for _, whole := range []bool{false, true} {
			input, filter := tensor.MustNew(1, 16, 16, channels), tensor.MustNew(1, 1, channels, 1)
			for i := range input.Data {
				input.Data[i] = float32(random.IntN(256))
				if !whole {
					input.Data[i] += random.Float32()
				}
			}
			for i := range filter.Data {
				filter.Data[i] = float32(random.IntN(15) - 7)
				if !whole {
					filter.Data[i] *= 0.37
				}
			}
			// The products cancel each other.
			for i := 0; i < len(input.Data); i += 2 {
				input.Data[i+1] = input.Data[i]
				filter.Data[(i+1)%channels] = -filter.Data[i%channels]
			}
			weights := graph.Weights{"c/filter": filter}
			for name, w := range norm {
				weights[name] = w
			}
			layers := append([]graph.Layer{graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(1), NoBias: true}}, tt.behind...)
			r := propagated(t, layers, weights, input, nil)
			for i := range r.Value {
				sum, absolute := float32(0), math.Abs(float64(tt.constant))
				for _, odd := range []int{0, 1} { // those of one sign first
					for k := odd; k < channels; k += 2 {
						product := input.Data[i*channels+k] * (filter.Data[k] * tt.factor)
						sum += product
						absolute += math.Abs(float64(product))
					}
				}
				sum += tt.constant
				if off := math.Abs(float64(sum) - r.Value[i]); off > ref.AlarmLevel*r.Level[i] || r.Level[i] > r.Bound[i] {
					t.Errorf("%s, whole numbers %v: %v is off by %v, level %v, bound %v", name, whole, sum, off, r.Level[i], r.Bound[i])
				}
				holds(t, name, r, i, sum, 1.01*(channels+tt.atMost)*half32*(absolute+0.5))
				if least := 0.99 * (channels + tt.atLeast) * half32 * absolute; r.Bound[i] < least {
					t.Errorf("%s, whole numbers %v: bound %v, want %v for all roundings", name, whole, r.Bound[i], least)
				}
			}
		}
	}
}

// Where all terms are multiples of one power of two, constants in filters round nothing.
func TestWholeConstantsStayExact(t *testing.T) {
	input, filter, bias := numbersOf([]int{1, 1, 1, 2}, 200, 17), numbersOf([]int{1, 1, 2, 1}, 3, -5), numbersOf([]int{1}, 7)
	weights := graph.Weights{"c/filter": filter, "c/bias": bias}
	conv := graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(1)}
	for name, tt := range map[string]struct {
		behind []graph.Layer
		exact  bool
	}{
		"scale by ½":           {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.5}}}, true},
		"scale by 3":           {[]graph.Layer{graph.ScaleShift{Scale: []float32{3}}}, true},
		"scale by 0.1":         {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.1}}}, false},
		"scale by 2⁻³, shift":  {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.125}, Shift: []float32{3}}}, true},
		"shift by 2⁻¹²":        {[]graph.Layer{graph.ScaleShift{Shift: []float32{0x1p-12}}}, true},
		"shift by 2⁻¹⁵":        {[]graph.Layer{graph.ScaleShift{Shift: []float32{0x1p-15}}}, false},
		"two scales":           {[]graph.Layer{graph.ScaleShift{Scale: []float32{0.5}}, graph.ScaleShift{Scale: []float32{-2}}}, true},
		"a sum, scale":         {[]graph.Layer{graph.Conv2D{Name: "d", From: graph.InputName, Filters: 1, Size: graph.Square(1)}, graph.Add{From: []string{"c", "d"}}, graph.ScaleShift{Scale: []float32{0.5}}}, true},
		"a sum, scale by 0.1":  {[]graph.Layer{graph.Conv2D{Name: "d", From: graph.InputName, Filters: 1, Size: graph.Square(1)}, graph.Add{From: []string{"c", "d"}}, graph.ScaleShift{Scale: []float32{0.1}}}, false},
		"scale by 2⁻¹²⁰, 2⁻¹⁰": {[]graph.Layer{graph.ScaleShift{Scale: []float32{0x1p-120}}, graph.ScaleShift{Scale: []float32{0x1p-10}}}, false},
	} {
		weights["d/filter"], weights["d/bias"] = filter, bias
		if r := propagated(t, append([]graph.Layer{conv}, tt.behind...), weights, input, nil); (r.Bound[0] == 0) != tt.exact || r.State[0] != ref.Plain {
			t.Errorf("%s: %v ± %v, state %v, want exact %v", name, r.Value[0], r.Bound[0], r.State[0], tt.exact)
		}
	}
}

// A product of constants may be flushed to zero, or overflow, where the numbers that it
// multiplies are large, or zero.
func TestConstantsBeyondFloat32(t *testing.T) {
	scale := func(c ...float32) (list []graph.Layer) {
		for _, c := range c {
			list = append(list, graph.ScaleShift{Scale: []float32{c}})
		}
		return list
	}
	conv := graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(1), NoBias: true}
	inf := float32(math.Inf(1))
	for name, tt := range map[string]struct {
		layers []graph.Layer
		x, w   float32
		number float32 // of a kernel that multiplies the constants first
		atMost float64 // of the bound
		state  ref.State
	}{
		"two":                  {scale(1e-30, 1e-30), 1e35, 1, 0, 0x1p-126 * 1.01e35, ref.Plain},
		"two of usual size":    {scale(1e-10, 1e-20), 1e35, 1, 1e5, 0.02, ref.Plain},
		"three":                {scale(1e-20, 1e-20, 1e10), 1e35, 1, 0, 0x1p-126 * 1.02e45, ref.Plain},
		"a filter":             {append([]graph.Layer{conv}, scale(1e-30)...), 1e35, 1e-30, 0, 0x1p-126 * 1.01e35, ref.Plain},
		"too large":            {scale(1e30, 1e30), 1e-30, 1, 1e30, 1e30, ref.OverflowPossible},
		"a filter, too large":  {append([]graph.Layer{conv}, scale(1e30)...), 1e-30, 1e30, 1e30, 1e30, ref.OverflowPossible},
		"zero times infinity":  {scale(1e-30, 1e-30), inf, 1, 0, 0, ref.Unspecified},
		"infinity":             {scale(1e-10, 1e-20), inf, 1, inf, 0, ref.Plain},
		"behind swish":         {append([]graph.Layer{graph.Swish{}}, scale(1e-10)...), -85, 1, 0, 1e-35, ref.Plain},
		"behind hard swish":    {append([]graph.Layer{graph.HardSwish{}}, scale(1e-38)...), 1e37, 1, 1e-1, 1, ref.Plain},
		"a constant and swish": {append([]graph.Layer{graph.Swish{}}, scale(0.5)...), 2, 1, 0.880797, 2e-6, ref.Plain},
	} {
		r := propagated(t, tt.layers, graph.Weights{"c/filter": numbersOf([]int{1, 1, 1, 1}, tt.w)}, numbersOf([]int{1, 1, 1, 1}, tt.x), nil)
		off := math.Abs(float64(tt.number) - r.Value[0])
		if r.State[0] != tt.state || tt.state == ref.Plain && (!(off <= r.Bound[0]) && float64(tt.number) != r.Value[0] || r.Bound[0] > tt.atMost) {
			t.Errorf("%s: %v ± %v, state %v, want state %v, at most %v, and %v within it", name, r.Value[0], r.Bound[0], r.State[0], tt.state, tt.atMost, tt.number)
		}
	}
}

// A kernel may multiply a sixth, the factor of hard_swish, by the constant behind it. Above
// 3 hard_swish alone is exact.
func TestConstantsBehindHardSwish(t *testing.T) {
	const c = float32(1.7)
	beyond := 0 // of one rounding
	for x := float32(-2.9); x < 9; x += 0.0137 {
		r := propagated(t, []graph.Layer{graph.HardSwish{}, graph.ScaleShift{Scale: []float32{c}}}, nil, numbersOf([]int{1, 1, 1, 1}, x), nil)
		sixth := float32(1.) / 6
		folded := x * (min(max(x+3, 0), 6) * (c * sixth))
		holds(t, "hard_swish", r, 0, folded, 8*half32*(math.Abs(r.Value[0])+2))
		if math.Abs(float64(folded)-r.Value[0]) > half32*math.Abs(r.Value[0]) {
			beyond++
		}
	}
	if beyond == 0 {
		t.Error("no number is off by more than one rounding")
	}
}

// An optimizer moves the constant of a sum to another of its terms: a + b + c is
// a + (b + c), of which b + c rounds as b does, though a + b is small.
func TestConstantsOfSums(t *testing.T) {
	a, b, c := float32(1<<24), -float32(1<<24), float32(0.3)
	input := numbersOf([]int{1, 1, 1, 1}, a)
	layers := []graph.Layer{
		graph.ScaleShift{Name: "negated", Scale: []float32{-1}},
		graph.Add{Name: "sum", From: []string{graph.InputName, "negated"}},
		graph.ScaleShift{Shift: []float32{c}},
	}
	r := propagated(t, layers, nil, input, nil)
	holds(t, "a sum", r, 0, a+(b+c), 1.01*3*half32*(2*float64(a)+0.3))
	r = propagated(t, layers, nil, input, map[int]tensor.Tensor{1: numbersOf([]int{1, 1, 1, 1}, 0)})
	holds(t, "a sum that is given", r, 0, c, 1e-7)
	// Of constants alone.
	r = propagated(t, []graph.Layer{graph.ScaleShift{Shift: []float32{b}}, graph.ScaleShift{Shift: []float32{c}}}, nil, input, nil)
	holds(t, "constants", r, 0, a+(b+c), 1.01*2*half32*(2*float64(a)+0.3))
}

// Beside the roundings of the terms there are the errors of the numbers that are added,
// and that of a batch norm's factor.
func TestErrorsBesideFoldedTerms(t *testing.T) {
	const at = -0.4010581
	sigmoid := propagated(t, []graph.Layer{graph.Sigmoid{}}, nil, numbersOf([]int{1, 1, 1, 1}, at), nil)
	conv := func(name string) graph.Layer {
		return graph.Conv2D{Name: name, From: graph.InputName, Filters: 1, Size: graph.Square(1), NoBias: true}
	}
	sum := []graph.Layer{
		conv("c"), conv("o"),
		graph.Sigmoid{Name: "s"},
		conv("d"),
		graph.Add{Name: "sum", From: []string{"c", "d", "s"}},
		graph.ScaleShift{Shift: []float32{1e-9}},
	}
	cancel := numbersOf([]int{1, 1, 2, 1}, 0.7, -0.7)
	const terms, roundings = 2*2*1.1*0.7 - at, 2 + 2 + 1 // of two products, two sums, and the constant
	r := propagated(t, sum, graph.Weights{"c/filter": cancel, "d/filter": cancel, "o/filter": cancel}, numbersOf([]int{1, 1, 1, 2}, 1.1, 1.1), map[int]tensor.Tensor{1: numbersOf([]int{1, 1, 1, 1}, at)})
	if r.Bound[0] < sigmoid.Bound[0]+0.999*roundings*half32*terms {
		t.Errorf("a sum: bound %v, want %v of sigmoid and five roundings of each term", r.Bound[0], sigmoid.Bound[0])
	}
	x := numbersOf([]int{1, 1, 1, 1}, 100)
	weights := graph.Weights{
		"c/filter": x, "n/scale": numbersOf([]int{1}, 1), "n/offset": numbersOf([]int{1}, 0),
		"n/mean": numbersOf([]int{1}, 0), "n/variance": numbersOf([]int{1}, 0.5),
	}
	norm := []graph.Layer{graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(1), NoBias: true}, graph.BatchNorm{Name: "n"}}
	given := propagated(t, norm, weights, x, map[int]tensor.Tensor{0: numbersOf([]int{1, 1, 1, 1}, 1e4)})
	if r := propagated(t, norm, weights, x, nil); r.Bound[0] < given.Bound[0]+0.99*4*half32*r.Value[0] {
		t.Errorf("a batch norm: bound %v, want %v of the norm and four roundings", r.Bound[0], given.Bound[0])
	}
	// A constant that may be read as zero.
	shift := func(d float32) float64 {
		const channels = 50
		input, filter := tensor.MustNew(1, 1, 1, channels), tensor.MustNew(1, 1, channels, 1)
		for i := range channels {
			input.Data[i], filter.Data[i] = 1e-18, 1e-18
		}
		return propagated(t, []graph.Layer{conv("c"), graph.ScaleShift{Shift: []float32{d}}}, graph.Weights{"c/filter": filter}, input, nil).Bound[0]
	}
	if more := shift(0x1p-127) - shift(0x1p-126); more < 0.49*0x1p-126 {
		t.Errorf("a subnormal constant adds %v to the bound", more)
	}
}

// A kernel that pads by itself may leave out the taps of its padding, a NaN among them.
func TestPaddingOfConvolutions(t *testing.T) {
	nan := float32(math.NaN())
	input := tensor.MustNew(1, 3, 3, 1)
	for i := range input.Data {
		input.Data[i] = float32(i + 1)
	}
	filter := tensor.MustNew(2, 2, 1, 1)
	for i := range filter.Data {
		filter.Data[i] = 1
	}
	layers := []graph.Layer{graph.ZeroPad{Name: "p", Top: 1}, graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(2), NoBias: true}}
	weights := graph.Weights{"c/filter": filter}
	r := propagated(t, layers, weights, input, nil)
	if slices.Contains(r.State, ref.Unspecified) || slices.Max(r.Bound) > 0 || r.Value[0] != 3 || r.Value[2] != 1+2+4+5 {
		t.Errorf("a finite filter: %v ± %v, %v", r.Value, r.Bound, r.State)
	}
	filter.Data[0] = nan
	r = propagated(t, layers, weights, input, nil)
	for i, state := range r.State {
		want := ref.Plain
		if i < 2 { // the row of windows on the padding
			want = ref.Unspecified
		}
		if state != want || state == ref.Plain && r.Value[i] == r.Value[i] {
			t.Errorf("a NaN: element %d is %v, state %v, want %v", i, r.Value[i], state, want)
		}
	}
	// Without the padding between, all is NaN.
	padded := tensor.MustNew(1, 4, 3, 1)
	copy(padded.Data[3:], input.Data)
	if r = propagated(t, layers, weights, input, map[int]tensor.Tensor{0: padded}); slices.Contains(r.State, ref.Unspecified) {
		t.Errorf("a padded image that is given: %v", r.State)
	}
}

// The sums are recorded of the operations before a sum or constants.
func TestRecordsSums(t *testing.T) {
	lowered, err := graph.Lower(graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 2},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(1)},
			graph.ReLU{Name: "r"},
			graph.Conv2D{Name: "d", Filters: 2, Size: graph.Square(1)},
			graph.Dropout{Name: "o", Rate: 0.5},
			graph.BatchNorm{Name: "n"},
			graph.Add{Name: "a", From: []string{"n", "r"}},
			graph.ReLU{Name: "s"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ref.RecordsSums(lowered.Program), []bool{false, true, true, true, true, false, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
