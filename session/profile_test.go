package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/session"
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
	s, err := session.Open(net, session.DrawnWeights(net, 1), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const runs, pictures = 3, 2
	batch := batchOf(net, pictures, 1)
	last := 0
	p, err := s.Profile(t.Context(), batch, session.ProfileOptions{Runs: runs, Progress: func(done, total int) {
		if done != last+1 || total < runs {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Runs != runs || len(p.Records) != runs || p.Pictures != pictures || p.Device != "/device:CPU:0" || p.TensorFlow != session.Version() {
		t.Errorf("%d runs, %d records, %d pictures on %s by %s", p.Runs, len(p.Records), p.Pictures, p.Device, p.TensorFlow)
	}
	multiplications := int64(0)
	for i, l := range p.Layers {
		if l.Layer != plan.Layers[i].Name || l.Kind != plan.Layers[i].Kind {
			t.Errorf("layer %d is %s %s", i, l.Kind, l.Layer)
		}
		multiplications += l.Multiplications
		row := l
		if l.In != "" {
			at := slices.IndexFunc(p.Layers, func(o session.LayerProfile) bool { return o.Layer == l.In })
			if row = p.Layers[at]; !slices.Contains(row.With, l.Layer) {
				t.Errorf("%s is in %s, which is with %v", l.Layer, l.In, row.With)
			}
		}
		if len(row.Kernels) == 0 || row.Time.Least <= 0 || row.Time.Least > row.Time.Median || row.Time.Median > row.Time.Most {
			t.Errorf("%s: kernels %v, time %+v", l.Layer, row.Kernels, row.Time)
		}
	}
	if want := pictures * plan.Multiplications; multiplications != want {
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
	for _, r := range p.Records {
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

func TestProfileRefuses(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}}}
	s, _ := open(t, net)
	batch := batchOf(net, 1, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	closed, _ := open(t, net)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		s     *session.Session
		ctx   context.Context
		batch tensor.Tensor
		runs  int
		want  string
		is    error
	}{
		{"runs", s, t.Context(), batch, -1, "session: profile: got -1 runs, want 1 to 100000", nil},
		{"shape", s, t.Context(), tensor.Tensor{Shape: []int{1, 4, 4, 2}, Data: make([]float32, 32)}, 1, "session: profile: batch is [1,4,4,2], want [N,4,4,1]", nil},
		{"no pictures", s, t.Context(), tensor.Tensor{Shape: []int{0, 4, 4, 1}}, 1, "session: profile: batch has no pictures", nil},
		{"interrupted", s, done, batch, 1, "", context.Canceled},
		{"closed", closed, t.Context(), batch, 1, "", session.ErrClosed},
		{"not opened", nil, t.Context(), batch, 1, "", session.ErrClosed},
	} {
		_, err := tt.s.Profile(tt.ctx, tt.batch, session.ProfileOptions{Runs: tt.runs})
		if err == nil || tt.want != "" && err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// The machine's limits are of the order that any machine has, and end with ctx.
func TestMachineLimits(t *testing.T) {
	l, err := session.MachineLimits(t.Context(), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	if l.GFLOPS < 1 || l.GFLOPS > 1e5 || l.GBs < 0.1 || l.GBs > 1e4 {
		t.Errorf("%+v", l)
	}
	if better := l.Better(session.Limits{GFLOPS: 1e6, GBs: 0.01}); better != (session.Limits{GFLOPS: 1e6, GBs: l.GBs}) {
		t.Errorf("%+v", better)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := session.MachineLimits(ctx, session.Options{Device: "cpu"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
