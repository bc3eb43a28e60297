package ref_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/ref"
)

// Every operation has a rule for the levels of operands within bounds: where those are off
// by less than the alarm, so is the output; and levels follow the operands' levels, not
// their bounds.
func TestEveryOperationExtendsLevels(t *testing.T) {
	random := rand.New(rand.NewPCG(51, 52))
	for _, op := range ir.Operations() {
		kind := op.Kind()
		sharp, judged := 0, 0
		for i, cases := 0, 0; cases < 40; i++ {
			c := draw.Draw(13, i, []string{kind})
			if c.Error != "" || len(c.Operands[0].Data) == 0 || len(c.Operands[0].Data) > 5000 {
				continue
			}
			cases++
			// Sums of products add up their operands' levels as standard deviations.
			most := 0.99 * ref.AlarmLevel
			if c.Op.Traits().MultiplyAccumulate {
				most = math.Sqrt(3)
			}
			within := 1
			if c.Op.Traits().Operands == ir.ManyInputs {
				within = len(c.Operands)
			}
			for k, x := range c.Operands {
				c.Operands[k] = gaussian(random, x.Shape...)
				if c.Op.Traits().Operands == ir.ChannelNumbers && k == 4 {
					for j, v := range c.Operands[k].Data { // a variance
						c.Operands[k].Data[j] = 0.5 + v*v
					}
				}
			}
			var operands []ref.Operand
			off := make([]tensor.Tensor, len(c.Operands))
			copy(off, c.Operands)
			for k, x := range c.Operands[:within] {
				r := ref.Result{Shape: x.Shape, State: make([]ref.State, len(x.Data))}
				off[k] = x.Clone()
				for j, v := range x.Data {
					level := 1e-4 * random.Float64()
					r.Value, r.Level, r.Bound = append(r.Value, float64(v)), append(r.Level, level), append(r.Bound, 1000*level)
					off[k].Data[j] += float32(most * level * (2*random.Float64() - 1))
				}
				operands = append(operands, ref.Within(r))
			}
			want, err := ref.ExtendLevels(t.Context(), ref.Arithmetic{}, ref.JudgeLevels, c.Op, operands, c.Operands[within:]...)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if !want.Judged || len(want.Level) != len(want.Value) {
				t.Fatalf("%s: judged %v, %d levels for %d numbers", kind, want.Judged, len(want.Level), len(want.Value))
			}
			got := apply(t, c.Op, off...)
			for j, level := range want.Level {
				if want.State[j] == ref.Unspecified || want.State[j] == ref.NoBound {
					continue
				}
				slack := 1e-6*math.Abs(want.Value[j]) + 1e-6 // what off was rounded by
				if moved := math.Abs(got.Value[j] - want.Value[j]); moved > ref.AlarmLevel*level+slack {
					t.Fatalf("%s: number %d moves by %.4g with operands below the alarm, its level is %.4g", kind, j, moved, level)
				}
				if want.Bound[j] > 0.001 && level > 0 {
					judged++
					if level < want.Bound[j]/50 {
						sharp++
					}
				}
			}
		}
		if judged == 0 || sharp < judged*2/3 {
			t.Errorf("%s: of %d levels only %d are far below their bounds", kind, judged, sharp)
		}
	}
}

// device computes a program in float32, one step behind the other. Sums of products are
// those of a 1×1 convolution or a dense layer, of factors cut by so many bits; all else is
// the reference, rounded.
func device(t *testing.T, program ir.Program, weights graph.Weights, input tensor.Tensor, drop int) []tensor.Tensor {
	t.Helper()
	outputs := make([]tensor.Tensor, len(program.Steps))
	for i, step := range program.Steps {
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
		outputs[i] = values(apply(t, step.Op, operands...))
		if !step.Op.Traits().MultiplyAccumulate {
			continue
		}
		x, w := round(operands[0].Data, drop), round(operands[1].Data, drop)
		filters := outputs[i].Shape[len(outputs[i].Shape)-1]
		channels := len(w) / filters
		column := make([]float32, channels)
		for f := range filters {
			for c := range column {
				column[c] = w[c*filters+f]
			}
			for at := range len(x) / channels {
				outputs[i].Data[at*filters+f] = forward(x[at*channels:][:channels], column)
				if len(operands) > 2 {
					outputs[i].Data[at*filters+f] += operands[2].Data[f]
				}
			}
		}
	}
	return outputs
}

// A level stands behind every operation that follows a sum, and behind further sums: a
// device of float32 stays below the alarm, and one of TF32 does not.
func TestLevelsBehindChains(t *testing.T) {
	const channels, pixels = 4096, 4
	behind := map[string][]graph.Layer{
		"nothing":            {graph.Dropout{Rate: 0.5}},
		"relu":               {graph.ReLU{}},
		"relu6":              {graph.ReLU6{}},
		"leaky relu":         {graph.LeakyReLU{}},
		"elu":                {graph.ELU{}},
		"selu":               {graph.SELU{}},
		"swish":              {graph.Swish{}},
		"hard swish":         {graph.HardSwish{}},
		"sigmoid":            {graph.Sigmoid{}},
		"tanh":               {graph.Tanh{}},
		"softmax":            {graph.Softmax{}},
		"lrn":                {graph.LRN{}},
		"batch norm, relu":   {graph.BatchNorm{}, graph.ReLU{}},
		"max pool":           {graph.MaxPool{Size: graph.Square(2)}},
		"avg pool":           {graph.AvgPool{Size: graph.Square(2)}},
		"pad":                {graph.ZeroPad{Top: 1, Left: 2}},
		"resize":             {graph.Resize{Size: graph.Size{Height: 9, Width: 7}}},
		"scale and shift":    {graph.ScaleShift{Scale: []float32{3}, Shift: []float32{1}}},
		"shift":              {graph.ScaleShift{Shift: []float32{3}}},
		"add, relu":          {graph.Add{From: []string{"c", "o"}}, graph.ReLU{}},
		"concat":             {graph.Concat{From: []string{"c", "o"}}},
		"a second sum, relu": {graph.ReLU{}, graph.Conv2D{Filters: 64, Size: graph.Square(1)}, graph.ReLU{}},
		"four sums": {
			graph.ReLU{},
			graph.Conv2D{Filters: 48, Size: graph.Square(1)},
			graph.ReLU{},
			graph.Conv2D{Filters: 48, Size: graph.Square(1)},
			graph.Tanh{},
			graph.MaxPool{Size: graph.Square(2)},
			graph.Flatten{},
			graph.Dense{Units: 40},
		},
	}
	for name, layers := range behind {
		net := graph.Network{
			Input: graph.Input{Height: pixels, Width: pixels, Channels: channels},
			Layers: append([]graph.Layer{
				graph.Conv2D{Name: "o", Filters: 16, Size: graph.Square(1)},
				graph.Conv2D{Name: "c", From: graph.InputName, Filters: 16, Size: graph.Square(1)},
			}, layers...),
		}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		random := rand.New(rand.NewPCG(61, uint64(len(name))))
		weights := net.InitialWeights(3)
		for _, w := range weights {
			if len(w.Shape) > 1 {
				normal(random, w.Data)
				for i := range w.Data {
					w.Data[i] *= float32(1 / math.Sqrt(float64(len(w.Data)/w.Shape[len(w.Shape)-1])))
				}
			}
		}
		input := gaussian(random, 1, pixels, pixels, channels)
		last := len(lowered.Program.Steps) - 1
		for drop, is := range map[int]proof.Status{0: proof.Pass, 13: proof.Precision} {
			got := device(t, lowered.Program, weights, input, drop)[last]
			for _, levels := range []ref.Levels{ref.JudgeLevels, ref.MeasureLevels, ref.NoLevels} {
				p := ref.Propagation{Program: lowered.Program, Weights: weights, Levels: levels}
				want, err := p.Results(t.Context(), input, nil, []int{last})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if levels != ref.JudgeLevels {
					is = proof.Pass
				}
				v := proof.Compare(want[0], got)
				if v.Status != is || v.Unspecified > 0 || (v.Level > 0) != (levels != ref.NoLevels) {
					t.Errorf("%s, %d bits dropped, levels %v: %v, level %.3g; want %s", name, drop, levels, v, v.Level, is)
				}
				t.Logf("%s, %d bits dropped, levels %v: level %.3g, share of bound %.3g", name, drop, levels, v.Level, v.Share)
				if name != "relu" {
					break // one network shows that nothing else judges
				}
			}
		}
	}
}

// A kernel that begins with the number that is added to a sum rounds as many times as
// there are products, each time by as much as the added number's last place. The level
// knows it, behind layers that hand the sum on too.
func TestLevelsOfSumsThatBeginWithTheAddend(t *testing.T) {
	const channels, pixels = 16384, 3
	random := rand.New(rand.NewPCG(71, 72))
	for name, layers := range map[string][]graph.Layer{
		"add":               {graph.Add{Name: "sum", From: []string{"c", "o"}}},
		"dropout, then add": {graph.Dropout{Name: "d", From: "c", Rate: 0.5}, graph.Add{Name: "sum", From: []string{"o", "d"}}},
		"shift":             {graph.ScaleShift{Name: "sum", From: "c", Shift: []float32{3}}},
		"scale and shift":   {graph.ScaleShift{Name: "sum", From: "c", Scale: []float32{1}, Shift: []float32{3}}},
		"two shifts":        {graph.ScaleShift{Name: "d", From: "c", Shift: []float32{1}}, graph.ScaleShift{Name: "sum", Shift: []float32{2}}},
		"batch norm":        {graph.BatchNorm{Name: "sum", From: "c", Epsilon: 0.25}},
	} {
		net := graph.Network{
			Input: graph.Input{Height: pixels, Width: pixels, Channels: channels},
			Layers: append([]graph.Layer{
				graph.Conv2D{Name: "o", Filters: 1, Size: graph.Square(1), NoBias: true},
				graph.Conv2D{Name: "c", From: graph.InputName, Filters: 1, Size: graph.Square(1), NoBias: true},
			}, layers...),
		}
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatal(err)
		}
		filter := gaussian(random, 1, 1, channels, 1)
		for i := range filter.Data {
			filter.Data[i] *= 1e-5 // the added numbers are large beside all products
		}
		input, other := gaussian(random, 1, pixels, pixels, channels), tensor.MustNew(1, pixels, pixels, 1)
		for i := range other.Data {
			other.Data[i] = 3
		}
		p := ref.Propagation{Program: lowered.Program, Weights: graph.Weights{"o/filter": filter, "c/filter": filter}, Levels: ref.JudgeLevels}
		for weight, number := range map[string]float32{"scale": 1, "offset": 3, "mean": 0, "variance": 0.75} {
			p.Weights["sum/"+weight] = tensor.Tensor{Shape: []int{1}, Data: []float32{number}}
		}
		last := len(lowered.Program.Steps) - 1
		results, err := p.Results(t.Context(), input, map[int]tensor.Tensor{0: other}, []int{last})
		if err != nil {
			t.Fatal(err)
		}
		begun, ended := tensor.MustNew(1, pixels, pixels, 1), tensor.MustNew(1, pixels, pixels, 1)
		for i := range begun.Data {
			begun.Data[i] = other.Data[i]
			for k, x := range input.Data[i*channels:][:channels] {
				product := x * filter.Data[k]
				begun.Data[i] += product
				ended.Data[i] += product
			}
			ended.Data[i] += other.Data[i]
		}
		// Without those roundings a level would be that of the added number's last place.
		large, small := proof.Compare(results[0], begun), proof.Compare(results[0], ended)
		if large.Status != proof.Pass || large.Level < 0.3 || large.Level > 3 || small.Level > large.Level/10 {
			t.Errorf("%s: level %.3g, and %.3g of a sum that ends with the number: %v", name, large.Level, small.Level, large)
		}
	}
}

// The formulas of level.go, for an operation with an error of its own, for one whose rule
// asks nothing of numbers beyond float32's range, for sums of products, and for means.
func TestExtendedLevels(t *testing.T) {
	within := func(shape []int, value, bound, level []float64) ref.Result {
		return ref.Result{Shape: shape, Value: value, Bound: bound, Level: level, State: make([]ref.State, len(value))}
	}
	extend := func(op ir.Op, r ref.Result, weights ...tensor.Tensor) ref.Result {
		t.Helper()
		e, err := ref.ExtendLevels(t.Context(), ref.Arithmetic{}, ref.MeasureLevels, op, []ref.Operand{ref.Within(r)}, weights...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got/want-1) > 1e-4 {
			t.Errorf("%s: level %v, want %v", name, got, want)
		}
	}
	one := []int{1, 1, 1, 1}
	known := func(op ir.Op, x float32) float64 {
		return apply(t, op, tensor.Tensor{Shape: one, Data: []float32{x}}).Bound[0]
	}
	near("tanh of a precise number", extend(ir.Tanh{}, within(one, []float64{0.5}, []float64{1}, []float64{1e-20})).Level[0], known(ir.Tanh{}, 0.5))
	near("tanh", extend(ir.Tanh{}, within(one, []float64{0.5}, []float64{1}, []float64{1e-5})).Level[0],
		known(ir.Tanh{}, 0.5)+(math.Tanh(0.5)-math.Tanh(0.5-ref.AlarmLevel*1e-5))/ref.AlarmLevel)

	lrn := ir.LRN{DepthRadius: 1, Bias: 1, Alpha: 1, Beta: 0.5}
	wide := within(one, []float64{1e14}, []float64{1e13}, []float64{1e19})
	precise := extend(lrn, within(one, []float64{1e14}, []float64{1e13}, []float64{1e-10})).Level[0]
	near("lrn beyond its range", extend(lrn, wide).Level[0], precise*(1-1./ref.AlarmLevel)+extend(lrn, wide).Bound[0]/ref.AlarmLevel)

	x := within([]int{1, 2}, []float64{0.1, 0.7}, []float64{1, 1}, []float64{3e-8, 5e-8}) // as large as its own
	weights := tensor.Tensor{Shape: []int{2, 1}, Data: []float32{2, -1.1}}
	own := levels(t, ir.Dense{}, tensor.Tensor{Shape: []int{1, 2}, Data: []float32{0.1, 0.7}}, weights).Level[0]
	near("dense", extend(ir.Dense{}, x, weights).Level[0], math.Sqrt(own*own+36e-16+1.21*25e-16))
	// Without a level the bound stands for it.
	x.Level = nil
	near("dense without levels", extend(ir.Dense{}, x, weights).Level[0], math.Sqrt(own*own+4+1.21))

	pair := within([]int{1, 1, 2, 1}, []float64{0.1, 0.7}, []float64{1, 1}, []float64{3e-3, 5e-3})
	near("avg_pool", extend(ir.AvgPool{Pool: ir.Pool{Size: [2]int{1, 2}, Strides: [2]int{1, 1}}}, pair).Level[0], 4e-3)
}

// A number without an error adds nothing to the level of a sum, with any weight.
func TestLevelsOfNumbersWithoutErrors(t *testing.T) {
	r := ref.Result{
		Shape: []int{1, 2}, Value: []float64{0, 0}, Bound: []float64{0, 1e-30}, Level: []float64{0, 0},
		State: make([]ref.State, 2),
	}
	weights := tensor.Tensor{Shape: []int{2, 1}, Data: []float32{1e6, 0}}
	got, err := ref.ExtendLevels(t.Context(), ref.Arithmetic{}, ref.MeasureLevels, ir.Dense{}, []ref.Operand{ref.Within(r)}, weights)
	if err != nil {
		t.Fatal(err)
	}
	if most := 4 * 0x1p-126; got.Level[0] > most {
		t.Errorf("level %g, want at most %g: what flushing two terms costs", got.Level[0], most)
	}
}
