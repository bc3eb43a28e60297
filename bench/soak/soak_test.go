package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Every step off by as much as its own bound allows, up or down: the outputs
// stay within the bound that was handed through.
func TestThroughHolds(t *testing.T) {
	list, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range list {
		p, err := newPool(t.Context(), n, spoilt+3, 1, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		lowered, err := graph.Lower(n.Network)
		if err != nil {
			t.Fatal(err)
		}
		last := lowered.Layers[lowered.Outputs[0]].Last
		for trial := range 6 {
			got := perturbed(t, lowered, n.weights, p.single(trial%3), random)[last]
			want := p.wants[trial%3][0]
			for i, v := range got.Data {
				if off := math.Abs(float64(v) - want.Value[i]); off > want.Bound[i] {
					t.Fatalf("%s: number %d is off by %g, its bound is %g", n.name, i, off, want.Bound[i])
				}
			}
		}
	}
}

// perturbed computes a network step by step in float32, each number moved to an
// end of the range that its step alone allows.
func perturbed(t *testing.T, lowered graph.Lowered, weights graph.Weights, batch tensor.Tensor, random *rand.Rand) []tensor.Tensor {
	t.Helper()
	var outputs []tensor.Tensor
	for _, step := range lowered.Program.Steps {
		var operands []tensor.Tensor
		for _, from := range step.Inputs {
			if from == ir.Input {
				operands = append(operands, batch)
			} else {
				operands = append(operands, outputs[from])
			}
		}
		for _, w := range step.Weights {
			operands = append(operands, weights[w.Name])
		}
		r, err := ref.Apply(t.Context(), step.Op, operands...)
		if err != nil {
			t.Fatal(err)
		}
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

// 1 2 3 4 under the filter 1 (and under −2), then the mean, by hand: no error.
func TestThroughIsExact(t *testing.T) {
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
	weights := graph.Weights{"c/filter": {Shape: []int{1, 1, 1, 2}, Data: []float32{1, -2}}}
	steps, err := through(t.Context(), lowered, weights, tensor.Tensor{Shape: []int{1, 2, 2, 1}, Data: []float32{1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	r := steps[len(steps)-1]
	if r.Value[0] != 5 || r.Value[1] != -10 || r.Bound[0] != 0 || r.Bound[1] != 0 {
		t.Errorf("got %v ± %v, want 5 and -10", r.Value, r.Bound)
	}
}

// The answer to another picture, or to the same ones in another order, is
// noticed, and said whose it is; so is one other bit.
func TestHold(t *testing.T) {
	list, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPool(t.Context(), list[1], spoilt+6, 1, []int{2})
	if err != nil {
		t.Fatal(err)
	}
	b := &p.batches[0]
	b.pictures = []int{0, 1}
	answer := func(pictures ...int) tensor.Tensor {
		classes := len(p.wants[0][0].Value)
		x := tensor.Tensor{Shape: []int{len(pictures), classes}}
		for _, i := range pictures {
			for _, v := range p.wants[i][0].Value {
				x.Data = append(x.Data, float32(v))
			}
		}
		return x
	}
	right := answer(0, 1)
	if err := p.hold(b, 0, right); err != nil {
		t.Errorf("the right answer: %v", err)
	}
	for _, tt := range []struct {
		answer tensor.Tensor
		want   string
	}{
		{answer(1, 0), "it is the answer to picture 1"},
		{answer(0, 3), "it is the answer to picture 3"},
		{answer(0), "2 pictures gave [1,10]"},
		{tensor.Tensor{Shape: []int{2, 10}}, "got 0 numbers"},
		{tensor.Tensor{Shape: right.Shape, Data: make([]float32, 20)}, "fail"},
	} {
		if err := p.hold(b, 0, tt.answer); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
	b.first = []tensor.Tensor{right, right}
	other := right.Clone()
	other.Data[3] = math.Nextafter32(other.Data[3], 1)
	if err := p.hold(b, 0, other); err == nil || !strings.Contains(err.Error(), "other bits") {
		t.Errorf("one other bit: %v", err)
	}
}

func TestReportFails(t *testing.T) {
	sample := func(resident int64) Sample { return Sample{Resident: resident} }
	r := Report{Growth: 0.05}
	for range samples - 1 {
		r.Samples = append(r.Samples, sample(1000))
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "9 of 10") {
		t.Errorf("a sample is missing: %v", err)
	}
	r.Samples = append(r.Samples, sample(1050))
	if err := r.Err(); err != nil {
		t.Errorf("5 %% more: %v", err)
	}
	r.Samples[samples-1] = sample(1051)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "grew by 5.1 %") {
		t.Errorf("5.1 %% more: %v", err)
	}
	r.Samples[samples-1] = sample(900)
	if err := r.Err(); err != nil {
		t.Errorf("less: %v", err)
	}
	r.Failures = []string{"call 7: wrong"}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "call 7: wrong") {
		t.Errorf("a failure: %v", err)
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	h.add(0)
	q := h.quantiles()
	for _, x := range []struct{ got, want float64 }{{q.Median, 500}, {q.P99, 990}, {q.Most, 1000}} {
		if x.got < x.want/bucketWidth || x.got > x.want*bucketWidth {
			t.Errorf("got %g ms, want %g", x.got, x.want)
		}
	}
	if q := (&histogram{}).quantiles(); q != (Quantiles{}) {
		t.Errorf("of nothing: %v", q)
	}
}

// What is written to shows in the figures.
func TestLook(t *testing.T) {
	before, err := look()
	if err != nil {
		t.Skip(err)
	}
	const size = 64 << 20
	memory := make([]byte, size)
	for i := 0; i < size; i += 512 {
		memory[i] = 1
	}
	after, err := look()
	if err != nil {
		t.Fatal(err)
	}
	if after.Anonymous-before.Anonymous < size/2 || after.Resident-before.Resident < size/2 || after.GoHeap < size || memory[512] != 1 {
		t.Errorf("%v, after 64 MiB were written %v", before, after)
	}
}
