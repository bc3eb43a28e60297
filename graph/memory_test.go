package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tfcnn/graph"
	"tfcnn/internal/ir"
)

func memory(t *testing.T, n graph.Network, w graph.Workload) graph.Memory {
	t.Helper()
	m, err := n.Memory(w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parts(r graph.Requirement) string {
	var list []string
	for _, p := range r.Parts {
		list = append(list, fmt.Sprintf("%s %d", p.Name, p.Bytes))
	}
	return strings.Join(list, ", ")
}

// 4×4×1 in. a makes 4×4×2 = 32 numbers, b and c read it: b 4×4×2 = 32, c
// 2×2×2 = 8, up again 32. The sum is written over b. d makes 16.
//
//	a          32                    a
//	b          32 + 32               a b
//	b's ReLU   over b
//	c          32 + 32 + 8           a b c
//	up         32 + 8 + 32           b c up; a went with c
//	sum        over b; c went with up
//	d          32 + 16               sum d; up went with sum
func branchy() graph.Network {
	return graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "a", Filters: 2, Size: graph.Square(1)},
			graph.Conv2D{Name: "b", Filters: 2, Size: graph.Square(1), Activation: graph.ReLUActivation},
			graph.MaxPool{Name: "c", From: "a", Size: graph.Square(2)},
			graph.UpSample{Name: "up", Size: graph.Square(2)},
			graph.Add{Name: "sum", From: []string{"b", "up"}},
			graph.Conv2D{Name: "d", Filters: 1, Size: graph.Square(1), NoBias: true},
		},
	}
}

func TestMemoryByHand(t *testing.T) {
	m := memory(t, branchy(), graph.Workload{Batch: 3, DType: graph.BFloat16, Training: true, Optimizer: graph.Adam})
	// Parameters: a 2 + 2, b 4 + 2, d 2: 12, two bytes each.
	if got, want := parts(m.Inference), fmt.Sprintf("weights 24, input %d, activations %d", 3*16*2, 3*72*2); got != want || m.Busiest != "c" && m.Busiest != "up" {
		t.Errorf("got %s at %s, want %s", got, m.Busiest, want)
	}
	// Kept: a's output (b and c read it back) 32, b's ReLU 32, the pool's
	// output 8, the sum, which d reads, 32: not over the ReLU's.
	// Gradients at once, from the end: d 16 → with the sum's 48; sum's 32 is
	// b's, with up's 64; up 32, c 8, b 32 → 72; c 8, a 32, b 32 → 72; b's ReLU
	// in place; b and a: 32 that is there, and 32 more to be added, b's 32: 96.
	if got, want := parts(*m.Training), fmt.Sprintf("weights 24, input %d, kept for the backward pass %d, gradients of weights 24, gradients of activations %d, optimizer's state 48", 3*16*2, 3*104*2, 3*96*2); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if m.Required().Bytes != 24+3*16*2+3*104*2+24+3*96*2+48 {
		t.Error(m.Required().Bytes)
	}
	for layer, want := range map[string]string{
		"a": "[a] 192", "b": "[a] 192, [b] 192", "c": "[a] 192, [b] 192, [c] 48", "up": "[b] 192, [c] 48, [up] 192",
		"sum": "[a] 192, [b sum] 192", "d": "[b sum] 192, [d] 96", "none": "",
	} {
		var list []string
		for _, l := range m.Live(layer) {
			list = append(list, fmt.Sprint(l.Layers, " ", l.Bytes))
		}
		if got := strings.Join(list, ", "); got != want {
			t.Errorf("live at %s: %s, want %s", layer, got, want)
		}
	}
}

// A step writes over its input only where no other step needs the input.
func TestMemoryInPlace(t *testing.T) {
	conv := graph.Conv2D{Name: "a", Filters: 1, Size: graph.Square(1), NoBias: true} // 16 numbers
	for _, tt := range []struct {
		name    string
		layers  []graph.Layer
		outputs []string
		numbers int64
	}{
		{"the input belongs to the caller", []graph.Layer{graph.ReLU{}}, nil, 16},
		{"returned unchanged", []graph.Layer{graph.Flatten{}, graph.Dropout{Rate: 0.5}}, nil, 0},
		{"chain", []graph.Layer{conv, graph.BatchNorm{}, graph.ReLU{}, graph.ScaleShift{Shift: []float32{1}}, graph.Flatten{}, graph.Softmax{}}, nil, 16},
		{"handed out", []graph.Layer{conv, graph.ReLU{Name: "b"}}, []string{"a", "b"}, 32},
		{"read again", []graph.Layer{conv, graph.ReLU{Name: "b"}, graph.Add{From: []string{"a", "b"}}}, nil, 32},
		{"twice the same", []graph.Layer{conv, graph.Add{From: []string{"a", "a"}}}, nil, 32},
		{"read again under another name", []graph.Layer{conv, graph.Dropout{Name: "b", Rate: 0.5}, graph.ReLU{Name: "c", From: "a"}, graph.Add{From: []string{"b", "c"}}}, nil, 32},
		{"lrn and pad are not in place", []graph.Layer{conv, graph.LRN{}, graph.ZeroPad{}}, nil, 32},
		{"what no output needs is not run", []graph.Layer{conv, graph.UpSample{Size: graph.Square(9)}}, []string{"a"}, 16},
		{"concat", []graph.Layer{conv, graph.ReLU{Name: "b"}, graph.Concat{From: []string{"b", "input"}}}, nil, 48},
	} {
		n := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: tt.layers, Outputs: tt.outputs}
		if got := memory(t, n, graph.Workload{}).Inference.Parts[2].Bytes / 4; got != tt.numbers {
			t.Errorf("%s: %d numbers, want %d", tt.name, got, tt.numbers)
		}
	}
}

// The tensors that TensorFlow's gradients read again, layer by layer, after a
// convolution of 16 numbers that has parameters.
func TestMemoryKept(t *testing.T) {
	for _, tt := range []struct {
		layer graph.Layer
		kept  int64
	}{
		{graph.ReLU{}, 16},
		{graph.Tanh{}, 16},
		{graph.Sigmoid{}, 16},
		{graph.ELU{}, 16},
		{graph.SELU{}, 16},
		{graph.ReLU6{}, 16},
		{graph.Softmax{}, 16},
		{graph.Swish{}, 32},
		{graph.HardSwish{}, 48},
		{graph.LeakyReLU{}, 16},
		{graph.BatchNorm{}, 16},
		{graph.LRN{}, 32},
		{graph.MaxPool{Size: graph.Square(2)}, 20},
		{graph.AvgPool{Size: graph.Square(2)}, 0},
		{graph.Flatten{}, 0},
		{graph.Dropout{Rate: 0.5}, 16},
		{graph.UpSample{Size: graph.Square(2)}, 0},
		{graph.Conv2D{Filters: 3, Size: graph.Square(1)}, 16},
		{graph.ZeroPad{Top: 1}, 0},
	} {
		n := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{graph.Conv2D{Filters: 1, Size: graph.Square(1)}, tt.layer}}
		if got := memory(t, n, graph.Workload{Training: true}).Training.Parts[2].Bytes / 4; got != tt.kept {
			t.Errorf("%T keeps %d numbers, want %d", tt.layer, got, tt.kept)
		}
	}
}

// x + x: the gradient of the sum is the gradient of each x, and adding the two needs a
// second buffer.
func TestGradientsAddUp(t *testing.T) {
	n := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{
		graph.Conv2D{Name: "x", Filters: 1, Size: graph.Square(1)}, graph.Add{From: []string{"x", "x"}},
	}}
	if got := memory(t, n, graph.Workload{Training: true}).Training.Parts[4].Bytes; got != 2*16*4 {
		t.Errorf("%d bytes, want %d", got, 2*16*4)
	}
}

// Published: ResNet-18 has 11,689,512 parameters, and 9,600 means and
// variances beside them, for which there is no gradient.
func TestStatisticsAreWeights(t *testing.T) {
	r := memory(t, load(t, "resnet18"), graph.Workload{Training: true}).Training
	if r.Parts[0].Bytes != 4*(11_689_512+9_600) || r.Parts[3].Bytes != 4*11_689_512 {
		t.Error(parts(*r))
	}
}

func TestWorkloadRefusals(t *testing.T) {
	for want, w := range map[string]graph.Workload{
		`graph: batch is -1, want 1 or more`:                                {Batch: -1},
		`graph: dtype is "float8", want "float32", "float16" or "bfloat16"`: {DType: "float8"},
		`graph: optimizer is "lion", want "sgd", "momentum" or "adam"`:      {Training: true, Optimizer: "lion"},
		`graph: optimizer "adam" is of training, which is not asked for`:    {Optimizer: graph.Adam},
	} {
		if _, err := branchy().Memory(w); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestOptimizerState(t *testing.T) {
	for o, want := range map[graph.Optimizer]int64{graph.SGD: 0, graph.Momentum: 15_200 * 4, graph.Adam: 2 * 15_200 * 4} {
		if got := memory(t, load(t, "tutorial"), graph.Workload{Training: true, Optimizer: o}).Training.Parts[5].Bytes; got != want {
			t.Errorf("%s: %d, want %d", o, got, want)
		}
	}
}

// drawn returns a random network that branches, of layers that keep the image's
// size or make it smaller.
func drawn(t *rapid.T) graph.Network {
	n := graph.Network{Input: graph.Input{Height: rapid.IntRange(1, 6).Draw(t, "height"), Width: rapid.IntRange(1, 6).Draw(t, "width"), Channels: rapid.IntRange(1, 3).Draw(t, "channels")}}
	names := []string{graph.InputName}
	for i := range rapid.IntRange(1, 12).Draw(t, "layers") {
		from := rapid.SampledFrom(names).Draw(t, "from")
		name := fmt.Sprint("l", i)
		filters := rapid.IntRange(1, 4).Draw(t, "filters")
		layer := rapid.SampledFrom([]graph.Layer{
			graph.Conv2D{Name: name, From: from, Filters: filters, Size: graph.Square(3), Padding: graph.Same},
			graph.Conv2D{Name: name, From: from, Filters: filters, Size: graph.Square(1), Strides: graph.Square(2), Padding: graph.Same, Activation: graph.TanhActivation},
			graph.SeparableConv2D{Name: name, From: from, Filters: filters, Size: graph.Square(2), Padding: graph.Same},
			graph.MaxPool{Name: name, From: from, Size: graph.Square(2), Padding: graph.Same},
			graph.BatchNorm{Name: name, From: from, Activation: graph.ReLUActivation},
			graph.ReLU{Name: name, From: from},
			graph.LeakyReLU{Name: name, From: from},
			graph.Softmax{Name: name, From: from},
			graph.Dropout{Name: name, From: from, Rate: 0.5},
			graph.LRN{Name: name, From: from},
			graph.Flatten{Name: name, From: from},
			graph.Add{Name: name, From: []string{from, rapid.SampledFrom(names).Draw(t, "other")}},
			graph.Concat{Name: name, From: []string{from, rapid.SampledFrom(names).Draw(t, "other")}},
		}).Draw(t, "layer")
		with := n
		with.Layers = append(slices.Clone(n.Layers), layer)
		if _, err := with.Plan(); err == nil {
			n = with
			names = append(names, name)
		}
	}
	if len(n.Layers) == 0 {
		n.Layers = []graph.Layer{graph.ReLU{Name: "l"}}
		names = append(names, "l")
	}
	if rapid.Bool().Draw(t, "outputs") {
		n.Outputs = rapid.SliceOfNDistinct(rapid.SampledFrom(names[1:]), 1, min(2, len(names)-1), rapid.ID).Draw(t, "output")
	}
	return n
}

// counted is a slow twin of the forecast: it runs the program as TensorFlow does, and
// counts the steps that still need each buffer.
func counted(l graph.Lowered) int64 {
	type memory struct {
		numbers int64
		needed  int
	}
	steps := l.Program.Steps
	wanted := map[int]bool{}
	var want func(int)
	want = func(i int) {
		if i != ir.Input && !wanted[i] {
			wanted[i] = true
			for _, from := range steps[i].Inputs {
				want(from)
			}
		}
	}
	out := map[int]int{}
	for _, at := range l.Outputs {
		want(l.Layers[at].Last)
		out[l.Layers[at].Last]++
	}
	readers := func(of int) (n int) {
		for i, s := range steps {
			for _, from := range s.Inputs {
				if from == of && wanted[i] {
					n++
				}
			}
		}
		return n + out[of]
	}
	in := map[int]*memory{ir.Input: {needed: 1 << 30}}
	live, most := int64(0), int64(0)
	for i, s := range steps {
		if !wanted[i] {
			continue
		}
		size := int64(1)
		for _, n := range s.Shape[1:] {
			size *= int64(n)
		}
		switch s.Op.Kind() {
		case "flatten", "identity":
			in[i] = in[s.Inputs[0]]
		case "batch_norm", "scale_shift", "add", "softmax", "relu", "leaky_relu", "tanh":
			for _, from := range s.Inputs {
				if in[i] == nil && in[from].needed == 1 {
					in[i] = in[from]
				}
			}
		}
		if in[i] == nil {
			in[i] = &memory{numbers: size}
			live += size
			most = max(most, live)
		}
		in[i].needed += readers(i)
		for _, from := range s.Inputs {
			if in[from].needed--; in[from].needed == 0 {
				live -= in[from].numbers
			}
		}
	}
	return most
}

func TestMemoryProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawn(t)
		w := graph.Workload{Batch: rapid.IntRange(1, 1000).Draw(t, "batch"), Training: rapid.Bool().Draw(t, "training")}
		need := func(n graph.Network, w graph.Workload) graph.Memory {
			m, err := n.Memory(w)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		m := need(n, w)
		lowered, err := graph.Lower(n)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Inference.Parts[2].Bytes, counted(lowered)*4*int64(w.Batch); got != want {
			t.Errorf("activations %d, counted %d", got, want)
		}
		sum := int64(0)
		for _, p := range m.Required().Parts {
			sum += p.Bytes
		}
		if sum != m.Required().Bytes || sum != m.Required().Fixed+int64(w.Batch)*m.Required().PerImage {
			t.Errorf("%+v adds up to %d", m.Required(), sum)
		}
		more, short := w, w
		more.Batch++
		short.DType = graph.Float16
		if after := need(n, more).Required().Bytes; after <= sum {
			t.Errorf("%d for one image more than needs %d", after, sum)
		}
		if after := need(n, short).Required().Bytes; 2*after != sum {
			t.Errorf("16 bits need %d, 32 bits %d", after, sum)
		}
		found, err := n.LargestBatch(w, sum+m.Required().PerImage-1)
		if err != nil || found.Batch != w.Batch || found.Bytes != sum {
			t.Errorf("a batch of %d needs %d, one byte less than for the next: got %+v, %v", w.Batch, sum, found, err)
		}
		if savings, err := n.MemorySavings(w); err != nil || len(savings) != 5 {
			t.Errorf("%+v, %v", savings, err)
		}
	})
}

// In a chain, a layer that does not work in place needs its input and its output at
// once.
func TestMemoryOfChains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := graph.Network{Input: graph.Input{Height: 8, Width: 8, Channels: 1}}
		for range rapid.IntRange(1, 8).Draw(t, "layers") {
			n.Layers = append(n.Layers, rapid.SampledFrom([]graph.Layer{
				graph.Conv2D{Filters: 3, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation}, graph.Conv2D{Filters: 1, Size: graph.Square(1), NoBias: true}, graph.ReLU{}, graph.LRN{}, graph.MaxPool{Size: graph.Square(2), Padding: graph.Same},
			}).Draw(t, "layer"))
		}
		plan, err := n.Plan()
		if err != nil {
			t.Fatal(err)
		}
		most := plan.Layers[0].Activations // the input is counted by itself
		for i, l := range plan.Layers[1:] {
			if !l.InPlace {
				most = max(most, plan.Layers[i].Activations+l.Activations)
			}
		}
		m, err := n.Memory(graph.Workload{})
		if err != nil || m.Inference.Parts[2].Bytes != 4*most {
			t.Errorf("%+v, want %d numbers, %v", m.Inference, most, err)
		}
	})
}
