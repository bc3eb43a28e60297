package verify

import (
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// probed has two parts with sums, a pool between, and two layers that are alike.
var probed = graph.Network{
	Input: graph.Input{Height: 8, Width: 8, Channels: 4},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "c1", Filters: 4, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "n1", Activation: graph.ReLUActivation},
		graph.Conv2D{Name: "c2", Filters: 4, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "n2", Activation: graph.ReLUActivation},
		graph.LRN{Name: "lrn"},
		graph.Flatten{Name: "flat"},
		graph.Dense{Name: "out", Units: 3},
	},
}

func verifyProbed(t *testing.T, images int, o Options) Result {
	t.Helper()
	batch := tensor.MustNew(images, 8, 8, 4)
	for i := range batch.Data {
		batch.Data[i] = float32(i%17) - 8.25
	}
	v, err := Network(t.Context(), probed, probed.InitialWeights(1), batch, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Each part is probed once, in batches of one image and of as many as there are, by exact
// numbers; a part with sums by random signs too.
func TestProbes(t *testing.T) {
	parallel := session.Options{Executor: session.Parallel} // with one TensorFlow session
	v := verifyProbed(t, 3, Options{Options: parallel})
	if err := v.Err(); err != nil || v.Status != Pass {
		t.Fatal(v.Status, err)
	}
	var got []string
	for _, p := range v.Probes {
		line := strings.Join(p.Layers, "+") + " " + p.Kind + " " + strings.Repeat("i", p.Images)
		if len(p.Alike) > 0 {
			line += " alike " + strings.Join(p.Alike[0], "+")
		}
		got = append(got, line)
		if p.Session == "" || p.Verdict.Compared() == 0 {
			t.Errorf("%s: session %q, %v", line, p.Session, p.Verdict)
		}
	}
	want := []string{
		"c1+n1 exact i alike c2+n2", "c1+n1 exact iii alike c2+n2", "c1+n1 random signs i alike c2+n2", "c1+n1 random signs iii alike c2+n2",
		"lrn+flat exact i", "lrn+flat exact iii",
		"out exact i", "out exact iii", "out random signs i", "out random signs iii",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if rounding := v.Probes[0].Rounding; len(v.Probes) > 6 && (!slices.Equal(rounding, []string{"batch_norm"}) || v.Probes[6].Rounding != nil) {
		t.Errorf("rounding: %v and %v", rounding, v.Probes[6].Rounding)
	}
	if one := verifyProbed(t, 1, Options{Options: parallel}); len(one.Probes) != 5 {
		t.Errorf("of one image: %d probes, want 5", len(one.Probes))
	}
	for images, o := range map[int]Options{2: {SkipProbes: true}, 0: {}} {
		if skipped := verifyProbed(t, images, o); len(skipped.Probes) > 0 || skipped.Status != Pass {
			t.Errorf("%d images, %+v: %d probes, %s", images, o, len(skipped.Probes), skipped.Status)
		}
	}
}

// Where batch sizes choose between two TensorFlow sessions, both are probed.
func TestProbesOfBothSessions(t *testing.T) {
	sessions := map[string][]int{}
	v := verifyProbed(t, 2, Options{})
	for _, p := range v.Probes {
		if !slices.Contains(sessions[p.Session], p.Images) {
			sessions[p.Session] = append(sessions[p.Session], p.Images)
		}
	}
	called := map[string]bool{}
	for _, run := range v.Runs {
		called[run.Session] = true
		if !slices.Contains(sessions[run.Session], run.Images) {
			t.Errorf("%s of %d images by %s has no probe", run.Call, run.Images, run.Session)
		}
	}
	if len(called) != len(sessions) || v.Err() != nil {
		t.Errorf("runs by %v, probes by %v; %v", called, sessions, v.Err())
	}
}

// A probe that fails is an error that names it, and the layer diverges; in the last image
// of a batch too.
func TestProbeFails(t *testing.T) {
	defer func() { perturb = nil }()
	for _, tt := range []struct {
		layers, kind string
		images       int
		by           float32
	}{
		{"c1 n1", "exact", 1, 1},
		{"c1 n1", "random signs", 3, 0.5},
		{"lrn flat", "exact", 3, 0.125},
		{"out", "exact", 1, 1},
		{"out", "exact", 3, 1},
	} {
		runs := 0
		perturb = func(entry Probe, output []float32) {
			if strings.Join(entry.Layers, " ") == tt.layers && entry.Kind == tt.kind && entry.Images == tt.images {
				output[len(output)-1] += tt.by
				runs++
			}
		}
		v := verifyProbed(t, 3, Options{Options: session.Options{Executor: session.Parallel}})
		err := v.Err()
		if v.Status != Fail || err == nil || !strings.Contains(err.Error(), " by "+tt.kind+" numbers, batches of ") || !strings.HasSuffix(tt.layers, v.Diverges) || v.Diverges == "" {
			t.Errorf("%+v: status %s, diverges at %q, %v", tt, v.Status, v.Diverges, err)
		}
		failed := 0
		for _, p := range v.Probes {
			if p.Verdict.Status == Fail {
				failed++
				if p.Images != tt.images || p.Verdict.Outside != runs {
					t.Errorf("%+v: %d numbers outside in batches of %d, want %d of %d", tt, p.Verdict.Outside, p.Images, runs, tt.images)
				}
			}
		}
		if failed != 1 {
			t.Errorf("%+v: %d probes fail", tt, failed)
		}
	}
}
