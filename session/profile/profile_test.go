package profile

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/process"
)

// The profile of a real run: every layer is there, kernels are found for all
// that compute, the figures of the plan are its own, and nothing of a step is
// counted twice or left out.
func TestProfile(t *testing.T) {
	net, err := nets.Load("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	net.Input.Height, net.Input.Width = 64, 64
	plan, err := net.Plan()
	if err != nil {
		t.Fatal(err)
	}
	const runs, images = 3, 2
	weights, batch := RandomWeights(net, 1), batchOf(t, net, images)
	last := 0
	p, err := Run(t.Context(), net, weights, batch, Options{Options: session.Options{Device: "cpu"}, Runs: runs, Progress: func(done, total int) {
		if done != last+1 || total < runs {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Runs != runs || len(p.records) != runs || p.Images != images || p.Device != "/device:CPU:0" || p.TensorFlow != process.Version() {
		t.Errorf("%d runs, %d records, %d images on %s by %s", p.Runs, len(p.records), p.Images, p.Device, p.TensorFlow)
	}
	multiplications := int64(0)
	for i, l := range p.Layers {
		if l.Layer != plan.Layers[i].Name || l.Kind != plan.Layers[i].Kind {
			t.Errorf("layer %d is %s %s", i, l.Kind, l.Layer)
		}
		multiplications += l.Multiplications
		row := l
		if l.In != "" {
			at := slices.IndexFunc(p.Layers, func(o Layer) bool { return o.Layer == l.In })
			if row = p.Layers[at]; !slices.Contains(row.With, l.Layer) {
				t.Errorf("%s is in %s, which is with %v", l.Layer, l.In, row.With)
			}
		}
		if len(row.Kernels) == 0 || row.Time.Least <= 0 || row.Time.Least > row.Time.Median || row.Time.Median > row.Time.Most {
			t.Errorf("%s: kernels %v, time %+v", l.Layer, row.Kernels, row.Time)
		}
	}
	if want := images * plan.Multiplications; multiplications != want {
		t.Errorf("%d multiplications, the plan has %d", multiplications, want)
	}
	if len(p.Other) > 0 {
		t.Errorf("kernels of no layer: %v", p.Other)
	}
	// TensorFlow puts a batch norm and its activation into the convolution's
	// kernel, whether oneDNN's or its own.
	if conv := p.Layers[0]; !slices.Equal(conv.With, []string{"bn1"}) || len(conv.Kernels) != 1 || !strings.Contains(conv.Kernels[0].Op, "FusedConv2D") {
		t.Errorf("conv1 is with %v in %v", conv.With, conv.Kernels)
	}
	if p.SideBySide != 0 {
		t.Errorf("a session that runs operations in turn ran some side by side for %g s", p.SideBySide)
	}
	for _, r := range p.records {
		for _, n := range r.Nodes {
			if n.Ready > n.Start || n.Start > n.KernelStart || n.KernelStart > n.KernelEnd || n.KernelEnd > n.End {
				t.Fatalf("%+v", n)
			}
		}
	}
	// A step lies within its call, and its kernels within the step.
	if p.Call.Least <= 0 || p.Traced.Least < p.Step.Least || p.Step.Least < p.Covered.Least || p.Traced.Most < p.Step.Most || p.Step.Most < p.Covered.Most {
		t.Errorf("call %+v, traced %+v, step %+v, covered %+v", p.Call, p.Traced, p.Step, p.Covered)
	}
}

// What TensorFlow computes in one kernel is found in the graph that ran. With and
// without oneDNN other layers are joined; see session's TestJoinedLayers.
func TestFused(t *testing.T) {
	conv := graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3), NoBias: true}
	grouped := conv
	grouped.Groups = 2
	norm := graph.BatchNorm{Name: "n"}
	for _, tt := range []struct {
		name    string
		layers  []graph.Layer
		off, on string // each layer without kernels, and the one that it is computed in
	}{
		{"one kernel", []graph.Layer{conv, norm, graph.ReLU{Name: "a"}}, "n:c a:c", "n:c a:c"},
		{"a dropout between", []graph.Layer{conv, norm, graph.Dropout{Name: "d", Rate: 0.5}, graph.ReLU{Name: "a"}}, "n:c d:", "n:c d:"},
		{"two", []graph.Layer{conv, norm, graph.Tanh{Name: "a"}}, "n:c", "n:c"},
		{"in groups", []graph.Layer{grouped, norm, graph.ReLU{Name: "a"}}, "n:c", "n:c a:c"},
		{"a sum of two", []graph.Layer{conv, graph.Conv2D{Name: "s", From: graph.InputName, Filters: 8, Size: graph.Square(3), NoBias: true}, graph.Add{Name: "a", From: []string{"c", "s"}}}, "", ""},
	} {
		net := graph.Network{Input: graph.Input{Height: 9, Width: 9, Channels: 8}, Layers: tt.layers}
		p, err := Run(t.Context(), net, RandomWeights(net, 1), batchOf(t, net, 2), Options{Options: session.Options{Device: "cpu"}, Runs: 1})
		if err != nil {
			t.Fatal(err)
		}
		var joined []string
		for _, l := range p.Layers {
			if len(l.Kernels) == 0 {
				joined = append(joined, l.Layer+":"+l.In)
			}
		}
		want := tt.off
		if on, _ := tensorflow.OneDNNInUse(); on {
			want = tt.on
		}
		if got := strings.Join(joined, " "); got != want {
			t.Errorf("%s: joined %q, want %q", tt.name, got, want)
		}
	}
}

// Run computes all outputs of a network, and not the first alone.
func TestSeveralOutputs(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 8, Width: 8, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "first", Filters: 4, Size: graph.Square(3)},
			graph.MaxPool{Name: "second", From: graph.InputName, Size: graph.Square(2)},
			graph.AvgPool{Name: "unused", From: graph.InputName, Size: graph.Square(2)},
		},
		Outputs: []string{"first", "second"},
	}
	p, err := Run(t.Context(), net, RandomWeights(net, 1), batchOf(t, net, 2), Options{Options: session.Options{Device: "cpu"}, Runs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, computed := range []bool{true, true, false} {
		if l := p.Layers[i]; len(l.Kernels) > 0 != computed || l.Time.Median > 0 != computed {
			t.Errorf("%s: kernels %v in %v s, want some: %v", l.Layer, l.Kernels, l.Time.Median, computed)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}}}
	batch := batchOf(t, net, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	var none context.Context
	for _, tt := range []struct {
		name  string
		net   graph.Network
		ctx   context.Context
		batch tensor.Tensor
		runs  int
		want  string
		is    error
	}{
		{"runs", net, t.Context(), batch, -1, "profile: got -1 runs, want 1 to 100000", nil},
		{"many runs", net, t.Context(), batch, math.MaxInt, "profile: got 9223372036854775807 runs, want 1 to 100000", nil},
		{"shape", net, t.Context(), tensor.Tensor{Shape: []int{1, 4, 4, 2}, Data: make([]float32, 32)}, 1, "session: run: batch is [1,4,4,2], want [N,4,4,1]", nil},
		{"no batch", net, t.Context(), tensor.Tensor{}, 1, "session: run: batch is [], want [N,4,4,1]", nil},
		{"no images", net, t.Context(), tensor.Tensor{Shape: []int{0, 4, 4, 1}}, 1, "profile: batch has no images", nil},
		{"interrupted", net, done, batch, 1, "", context.Canceled},
		{"no ctx", net, none, batch, 1, "session: run: ctx is nil, want one, as context.Background()", nil},
		{"network", graph.Network{}, t.Context(), batch, 1, "", nil},
	} {
		_, err := Run(tt.ctx, tt.net, nil, tt.batch, Options{Options: session.Options{Device: "cpu"}, Runs: tt.runs})
		if err == nil || tt.want != "" && err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if _, err := MachineLimits(none, session.Options{Device: "cpu"}); err == nil {
		t.Error("limits without a ctx: no error")
	}
	if _, err := Measure(none, net, 1); err == nil {
		t.Error("memory without a ctx: no error")
	}
	for _, n := range []int{-1, math.MinInt, math.MaxInt, 1 << 62, 1 << 40} {
		if _, err := Measure(t.Context(), net, n); err == nil {
			t.Errorf("memory of %d images: no error", n)
		}
	}
}

// batchOf is n images of random numbers.
func batchOf(t *testing.T, net graph.Network, n int) tensor.Tensor {
	t.Helper()
	x, err := tensor.New(n, net.Input.Height, net.Input.Width, net.Input.Channels)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range x.Data {
		x.Data[i] = float32(random.NormFloat64())
	}
	return x
}

// The machine's limits are of the order that any machine has, and end with ctx.
func TestMachineLimits(t *testing.T) {
	l, err := MachineLimits(t.Context(), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	if l.GFLOPS < 1 || l.GFLOPS > 1e5 || l.GBs < 0.1 || l.GBs > 1e4 {
		t.Errorf("%+v", l)
	}
	if better := l.Better(Limits{GFLOPS: 1e6, GBs: 0.01}); better != (Limits{GFLOPS: 1e6, GBs: l.GBs}) {
		t.Errorf("%+v", better)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MachineLimits(ctx, session.Options{Device: "cpu"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
