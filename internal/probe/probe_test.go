package probe_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/probe"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// everyKind has one of each layer type, sums and joins of sources of other shapes among
// them.
var everyKind = graph.Network{
	Input: graph.Input{Height: 12, Width: 10, Channels: 3},
	Layers: []graph.Layer{
		graph.SwapRGB{},
		graph.ScaleShift{Scale: []float32{0.5}, Shift: []float32{-1, 0, 1}},
		graph.ZeroPad{Top: 1, Right: 2},
		graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3), Activation: graph.LeakyReLUActivation},
		graph.LRN{DepthRadius: 2, Beta: 0.75, Alpha: 0.01},
		graph.DepthwiseConv2D{Name: "d", Multiplier: 2, Size: graph.Square(3), Dilations: graph.Square(2), Activation: graph.ELUActivation},
		graph.BatchNorm{Name: "norm", Activation: graph.ReLU6Activation},
		graph.SeparableConv2D{Name: "s", Filters: 6, Size: graph.Square(2), Strides: graph.Square(2), Padding: graph.Same, Activation: graph.SELUActivation},
		graph.MaxPool{Size: graph.Square(2), Strides: graph.Square(1), Padding: graph.Same},
		graph.Conv2DTranspose{Name: "t", Filters: 4, Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same, Groups: 2, Activation: graph.SigmoidActivation},
		graph.Conv2D{Name: "wide", From: "norm", Filters: 5, Size: graph.Square(1), NoBias: true},
		graph.Conv2D{Name: "narrow", From: "norm", Filters: 5, Size: graph.Square(1), NoBias: true},
		graph.Add{Name: "branches", From: []string{"wide", "narrow"}, Activation: graph.ReLUActivation},
		graph.MaxPool{Name: "half", From: "norm", Size: graph.Square(2)},
		graph.UpSample{Name: "back", Size: graph.Square(2), Method: graph.Nearest},
		graph.Resize{Name: "r", From: "t", Size: graph.Size{Height: 9, Width: 7}},
		graph.AvgPool{Size: graph.Square(2), Padding: graph.Explicit(1, 0, 0, 1)},
		graph.ReLU{},
		graph.HardSwish{},
		graph.Swish{},
		graph.Tanh{Name: "tanh"},
		graph.Add{Name: "sum", From: []string{"tanh", "swish1", "tanh"}, Activation: graph.TanhActivation},
		graph.Concat{Name: "joined", From: []string{"sum", "tanh"}},
		graph.GlobalMaxPool{Name: "largest"},
		graph.GlobalAvgPool{Name: "mean", From: "joined"},
		graph.Concat{Name: "both", From: []string{"largest", "mean"}},
		graph.Dropout{Rate: 0.5},
		graph.Dense{Name: "fc", Units: 5},
		graph.Softmax{},
		graph.Flatten{Name: "flat", From: "r"},
		graph.Dense{Name: "left", Units: 7, NoBias: true},
		graph.Dense{Name: "right", From: "both", Units: 7},
		graph.Add{Name: "rows", From: []string{"left", "right"}},
	},
	Outputs: []string{"softmax1", "rows", "r", "back"},
}

func parts(t *testing.T, net graph.Network) (graph.Lowered, []probe.Part) {
	t.Helper()
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	n := proof.Network{Lowered: lowered}
	ends, _ := n.ChainSteps()
	return lowered, probe.Parts(net, lowered, ends)
}

// device computes a probe's network as float32 kernels that round the sums alone.
func device(t *testing.T, p *probe.Probe, weights graph.Weights, images tensor.Tensor) tensor.Tensor {
	t.Helper()
	lowered, err := graph.Lower(p.Network)
	if err != nil {
		t.Fatal(err)
	}
	r := ref.Propagation{Program: lowered.Program, Weights: weights}
	results, err := r.Results(t.Context(), images, nil, []int{len(lowered.Program.Steps) - 1})
	if err != nil {
		t.Fatal(err)
	}
	out := tensor.MustNew(results[0].Shape...)
	for i, v := range results[0].Value {
		out.Data[i] = float32(v)
	}
	return out
}

func all(p *probe.Probe) []int {
	order := make([]int, p.Images.Shape[0])
	for i := range order {
		order[i] = i
	}
	return order
}

// Each layer of a network is in a part or in one that is alike: of resnet18's 17 chains
// with convolutions, 15 differ.
func TestParts(t *testing.T) {
	for name, want := range map[string]int{"alexnet": 10, "resnet18": 17, "mobilenet": 21, "vgg16": 15} {
		net, err := nets.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		lowered, list := parts(t, net)
		times := make([]int, len(lowered.Layers))
		for _, part := range list {
			for _, layers := range append([][]int{part.Layers}, part.Alike...) {
				for _, layer := range layers {
					times[layer]++
				}
			}
		}
		if least := slices.Min(times); least < 1 {
			t.Errorf("%s: layer %s is in no part", name, lowered.Layers[slices.Index(times, least)].Name)
		}
		if len(list) != want {
			for _, p := range list {
				t.Log(p.Names(), p.Alike)
			}
			t.Errorf("%s: %d parts, want %d", name, len(list), want)
		}
	}
}

// A part that a pool ends has the output before the pool as well: the pool hides most
// sums.
func TestOutputBeforePool(t *testing.T) {
	_, list := parts(t, graph.Network{
		Input: graph.Input{Height: 6, Width: 6, Channels: 2},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(3), Padding: graph.Same},
			graph.MaxPool{Name: "p", Size: graph.Square(1)},
			graph.Conv2D{Name: "c2", Filters: 2, Size: graph.Square(3), Padding: graph.Same},
			graph.MaxPool{Name: "p2", Size: graph.Square(1)},
		},
	})
	if len(list) != 1 {
		t.Fatalf("%d parts, want 1", len(list))
	}
	p, err := list[0].Exact(t.Context(), ref.Arithmetic{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range p.Outputs {
		got = append(got, strings.Join(o.Layers, " ")+" as "+strings.Join(o.Alike[0], " ")+": "+o.Name())
	}
	if want := []string{"c p as c2 p2: p", "c as c2: c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	output := device(t, &p, p.Weights, p.Images)
	output.Data[5]++
	for _, o := range p.Outputs { // the pool has windows of one number
		if v := o.Compare(all(&p), output); v.Status != proof.Fail || v.Outside != 1 {
			t.Errorf("%s: %v", o.Name(), v)
		}
	}
}

// The operands of exact probes are whole numbers of units without zeros, and the absolute
// values of the terms of each sum add up to at most 2²⁴ units.
func TestExactOperands(t *testing.T) {
	_, list := parts(t, everyKind)
	found := map[string]bool{}
	for _, part := range list {
		p, err := part.Exact(t.Context(), ref.Arithmetic{}, 1, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		for name, w := range p.Weights {
			if !strings.HasPrefix(name, "probe.") && slices.Contains(w.Data, 0) {
				t.Errorf("%v: %s has a zero", part.Names(), name)
			}
		}
		if slices.Contains(p.Images.Data, 0) {
			t.Errorf("%v: an image has a zero", part.Names())
		}
		lowered, err := graph.Lower(p.Network)
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, lowered.Program, &p)
		if v := p.Outputs[0].Compare(all(&p), device(t, &p, p.Weights, p.Images)); v.Status != proof.Pass || len(p.Rounding) == 0 && v.Exact != v.Elements {
			t.Errorf("%v: %v", part.Names(), v)
		}
		for _, step := range lowered.Program.Steps {
			found[step.Op.Kind()] = true
		}
	}
	for _, op := range ir.Operations() {
		if !found[op.Kind()] && op.Kind() != "relu6" {
			t.Errorf("%s is in no part", op.Kind())
		}
	}
}

// checkSums computes the sums of absolute values of each step whose operands are the
// images and weights.
func checkSums(t *testing.T, program ir.Program, p *probe.Probe) {
	t.Helper()
	absolute := func(x tensor.Tensor) tensor.Tensor {
		x = x.Clone()
		for i, v := range x.Data {
			x.Data[i] = max(v, -v)
		}
		return x
	}
	unit := math.Inf(1)
	for _, v := range p.Images.Data {
		_, exponent := math.Frexp(float64(v))
		for bit := exponent - 24; ; bit++ {
			if q := math.Ldexp(1, bit); math.Mod(float64(v), 2*q) != 0 {
				unit = min(unit, q)
				break
			}
		}
	}
	for _, step := range program.Steps {
		if !step.Op.Traits().MultiplyAccumulate || step.Inputs[0] != ir.Input || strings.HasPrefix(step.Name, "probe.") {
			continue
		}
		operands := []tensor.Tensor{absolute(p.Images)}
		for _, w := range step.Weights {
			operands = append(operands, absolute(p.Weights[w.Name]))
		}
		r, err := ref.Apply(t.Context(), step.Op, operands...)
		if err != nil {
			t.Fatal(err)
		}
		if most := slices.Max(r.Value); most > 0x1p24*unit {
			t.Errorf("%s: Σ|x·w| is %g units of %g", step.Name, most/unit, unit)
		}
	}
}

// An image comes with its negative, and no two places of an image with few pixels have the
// same numbers in all images.
func TestImages(t *testing.T) {
	_, list := parts(t, longSums[1].net)
	p, err := list[len(list)-1].Exact(t.Context(), ref.Arithmetic{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := len(p.Images.Data) / 4
	pairs := map[[2]float32]int{}
	for i := range n {
		if p.Images.Data[i] != -p.Images.Data[n+i] || p.Images.Data[2*n+i] != -p.Images.Data[3*n+i] {
			t.Fatalf("number %d of the second image is not the negative of the first", i)
		}
		pairs[[2]float32{p.Images.Data[i], p.Images.Data[2*n+i]}]++
	}
	if same := n - len(pairs); same > n/1000 {
		t.Errorf("of %d places %d have the numbers of another one", n, same)
	}
}

// Batches have all images, the neighbours of which differ.
func TestOrders(t *testing.T) {
	_, list := parts(t, longSums[1].net)
	p, err := list[len(list)-1].Exact(t.Context(), ref.Arithmetic{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for images, batches := range map[int]int{1: 4, 2: 2, 3: 2, 4: 1, 50: 1} {
		orders := p.Orders(images, 1)
		found := map[int]bool{}
		for _, order := range orders {
			if len(order) != images {
				t.Errorf("a batch of %d images has %d", images, len(order))
			}
			for i, k := range order {
				found[k] = true
				if i > 0 && order[i-1] == k {
					t.Errorf("batch of %d: image %d twice in a row", images, k)
				}
			}
		}
		if len(orders) != batches || len(found) != 4 {
			t.Errorf("batches of %d: %d with %d of the images, want %d with 4", images, len(orders), len(found), batches)
		}
	}
	order := p.Orders(50, 1)[0]
	if batch := p.Batch(order); !slices.Equal(batch.Shape, []int{50, 1, 1, 25088}) || batch.Data[49*25088] != p.Images.Data[order[49]*25088] {
		t.Errorf("batch is %v", batch.Shape)
	}
	output := device(t, &p, p.Weights, p.Batch(order))
	if v := p.Outputs[0].Compare(order, output); v.Status != proof.Pass || v.Elements != 200 {
		t.Errorf("a batch of 50: %v", v)
	}
	output.Data[197]++
	if v := p.Outputs[0].Compare(order, output); v.Status != proof.Fail || !slices.Equal(v.Worst, []int{49, 1}) {
		t.Errorf("a number of the last image: %v at %v", v, v.Worst)
	}
	if v := p.Outputs[0].Compare(order[:49], output); v.Status != proof.Fail {
		t.Errorf("an output of another shape: %v", v)
	}
}

// Random signs have one image and no zeros, and kernels stay within the bounds.
func TestRandomSigns(t *testing.T) {
	_, list := parts(t, everyKind)
	sums := 0
	for _, part := range list {
		if !part.Sums() {
			continue
		}
		sums++
		p, err := part.RandomSigns(t.Context(), ref.Arithmetic{}, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		negative := 0
		for _, x := range p.Images.Data {
			if x < 0 {
				negative++
			}
		}
		if n := len(p.Images.Data); p.Images.Shape[0] != 1 || n > 100 && (negative < n/3 || negative > 2*n/3) {
			t.Errorf("%v: %d images, of %d numbers %d below 0", part.Names(), p.Images.Shape[0], n, negative)
		}
		if v := p.Outputs[0].Compare([]int{0}, device(t, &p, p.Weights, p.Images)); v.Status != proof.Pass {
			t.Errorf("%v: %v", part.Names(), v)
		}
	}
	if sums < 6 {
		t.Errorf("%d parts have sums", sums)
	}
}

// A ctx that has ended ends the drawing.
func TestCanceled(t *testing.T) {
	_, list := parts(t, longSums[0].net)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := list[0].Exact(ctx, ref.Arithmetic{}, 1, 1); err == nil {
		t.Error("no error")
	}
	if _, err := list[0].RandomSigns(ctx, ref.Arithmetic{}, 1, 1); err == nil {
		t.Error("no error")
	}
}
