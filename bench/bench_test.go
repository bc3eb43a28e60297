package main

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tfcnn/bench/worker"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

// Quantiles are those of NumPy: numpy.quantile([7,1,3,5,100], …) and so on.
func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, 0.5, 0},
		{[]float64{4}, 0.99, 4},
		{[]float64{1, 2}, 0.5, 1.5},
		{[]float64{7, 1, 3, 5, 100}, 0.5, 5},
		{[]float64{7, 1, 3, 5, 100}, 0.25, 3},
		{[]float64{7, 1, 3, 5, 100}, 0.99, 96.28},
		{[]float64{10, 20, 30, 40}, 0.75, 32.5},
	} {
		if got := quantile(c.values, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.values, c.q, got, c.want)
		}
	}
	values := []float64{3, 1, 2}
	quantile(values, 0.5)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("quantile has sorted its caller's values: %v", values)
	}
}

// A round of few slow calls weighs as much as one of many fast ones.
func TestSpreadOfRounds(t *testing.T) {
	fast := slices.Repeat([]float64{1}, 1000)
	got := spreadOfRounds([][]float64{fast, {9, 9}, {9, 9, 9}, {}})
	if got.Median != 9 || got.Lower != 1 || got.Upper != 9 || got.N != 1005 {
		t.Errorf("spread %+v, want a median of 9 from 1 to 9, 1005 calls", got)
	}
	if got := spreadOfRounds(nil); got != (spread{}) {
		t.Errorf("spread of nothing is %+v", got)
	}
}

// A machine that slows down for a round slows both: the ratio stays.
func TestRatiosArePaired(t *testing.T) {
	got := spreadOf(ratios([]float64{2, 20, 4, 7}, []float64{1, 10, 2}))
	if got.Median != 2 || got.Lower != 2 || got.Upper != 2 || got.N != 3 {
		t.Errorf("ratio %+v, want 2, three times", got)
	}
}

// sample is a run that never was, with figures by hand.
func sample() results {
	f := func(name string, s side, rounds ...float64) figure {
		return figure{Name: name, Side: s, Rounds: rounds, Seconds: spreadOf(rounds), PeakBytes: 5e8, First: 0.5, About: name + " 1.0"}
	}
	maps := measured{
		Row: "maps200", Title: "maps", How: calls, Work: work{FLOPs: 10e9, Bytes: 1e6},
		Limits: limits{Product: spread{Median: 300e9, N: 3}, Copy: spread{Median: 10e9, N: 3}},
		Contestants: []figure{
			f("tfcnn", ours, 0.040, 0.042, 0.041), f("bindings-best", bindings, 0.04, 0.041, 0.039),
			f("tf-session", python, 0.05, 0.05, 0.05), f("onnxruntime", other, 0.030, 0.031, 0.032),
			{Name: "gorgonia", Side: other, Cannot: "cannot: groups"},
			{Name: "torch", Side: other, Failed: "torch: results differ", Rounds: []float64{0.001}},
			f("tfcnn-no-onednn", aside, 0.001, 0.001, 0.001),
		},
	}
	overhead := measured{
		Row: "overhead", Title: "call", How: calls, Quick: true,
		Contestants: []figure{f("tfcnn", ours, 20e-6, 30e-6), f("tf-session", python, 100e-6, 100e-6)},
	}
	crowded := measured{
		Row: "crowd", Title: "crowd", How: crowd, Callers: 16,
		Contestants: []figure{
			f("tfcnn", ours, 1e-3, 1e-3), f("tfcnn-batching", ours, 1e-4, 1e-4), f("onnxruntime", other, 2e-4, 2e-4),
		},
	}
	r := results{Rows: []measured{maps, overhead, crowded}, Rounds: 3, Revision: "abc"}
	for i := range r.Rows {
		r.Rows[i].compare()
	}
	r.Targets = targetsOf(r.Rows)
	return r
}

func TestTargets(t *testing.T) {
	type verdict struct {
		row, against string
		value        float64
		reached      bool
		open         bool
	}
	want := []verdict{
		{"maps200", "onnxruntime", 4.0 / 3, false, false}, // neither torch, which failed, nor one that is aside
		{"overhead", "tf-session", 0.25, true, false},
		{"crowd", "onnxruntime", 0.5, true, false}, // with images joined
		{"maps200", "bindings-best", 42.0 / 41, true, false},
		{"overhead", "", 0, false, true},
		{"crowd", "", 0, false, true},
		{"maps200", "limits", 10e9 / 0.041 / 300e9, true, false},
		{"overhead", "tf-session", 0.25, true, false},
	}
	got := sample().Targets
	if len(got) != len(want) {
		t.Fatalf("%d targets, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Row != w.row || g.Against != w.against || math.Abs(g.Value-w.value) > 1e-9 || g.reached() != w.reached || (g.Open != "") != w.open {
			t.Errorf("target %d is %+v, reached %v; want %+v", i, g, g.reached(), w)
		}
	}
	slow := sample().Rows[0]
	slow.Contestants[0].Rounds = []float64{0.05, 0.05, 0.05}
	if g := slow.ofProduct("", ofProductRate); g.reached() {
		t.Errorf("two thirds of the product's rate count as 80 %%: %+v", g)
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	if err := writeReport(&b, sample(), tools{}.contestants()); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"| maps200 | no peer is faster | onnxruntime | 1.333 (≤ 1) | no |",
		"| maps200 | at least 80 % of the product's rate | limits | 0.813 (≥ 0.8) | yes |",
		"| overhead | at most 5 % over the bare bindings' best |  |  | open: none of them was measured |",
		"| tfcnn | 41.0 | 40.5–41.5 | 1.00 (1.00–1.00) | 81 % | 0.50 | 500 | 0 |",
		"| onnxruntime | 31.0 | 30.5–31.5 | 0.75 (0.74–0.77) | 108 % |",
		"| gorgonia | cannot: groups |",
		"| torch | failed: torch: results differ |",
		"**Failed:** maps200: torch: results differ",
		"| tfcnn-batching | 10000 | 0.1000 |",
		"| onnxruntime | ONNX Runtime, default threads, all graph optimizations, channels first | onnxruntime 1.0 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("report lacks %q", want)
		}
	}
	// Every row of a table has as many cells as its head, but for those that
	// state a reason.
	cells := 0
	for line := range strings.Lines(text) {
		n := strings.Count(line, "|")
		switch {
		case n == 0:
			cells = 0
		case cells == 0:
			cells = n
		case n != cells && !strings.Contains(line, "cannot") && !strings.Contains(line, "failed"):
			t.Errorf("line has %d bars, its table's head %d: %s", n, cells, line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestDifference(t *testing.T) {
	x := func(data ...float32) []tensor.Tensor { return []tensor.Tensor{{Shape: []int{len(data)}, Data: data}} }
	got, err := difference(x(1, 2.5, 5), x(1, 2, 5))
	if err != nil || got != 0.125 {
		t.Errorf("difference is %v, %v; want 0.125", got, err)
	}
	nan := float32(math.NaN())
	for name, pair := range map[string][2][]tensor.Tensor{
		"all alike":     {x(3, 3), x(3, 3)},
		"another shape": {x(1, 2), x(1, 2, 3)},
		"NaN of theirs": {x(nan, 2), x(1, 2)},
		"NaN of ours":   {x(1, 2), x(nan, 2)},
		"infinite":      {x(1, 2), x(float32(math.Inf(1)), 2)},
		"too few":       {nil, x(1, 2)},
	} {
		if got, err := difference(pair[0], pair[1]); err == nil && got <= agreement {
			t.Errorf("%s: difference %v passes", name, got)
		}
	}
}

func TestChoose(t *testing.T) {
	name := func(r row) string { return r.name }
	got, err := choose(rows(), name, "max_pool,conv2d")
	if err != nil || len(got) != 2 || got[0].name != "conv2d" || got[1].name != "max_pool" {
		t.Errorf("chose %v, %v; want conv2d, max_pool in the results' order", got, err)
	}
	if _, err := choose(rows(), name, "conv3d"); err == nil || !strings.Contains(err.Error(), "conv3d") {
		t.Errorf("an unknown row gives %v", err)
	}
	if got := withOurs("torch"); got != "tfcnn,torch" {
		t.Errorf("with ours: %q", got)
	}
	if code := run(context.Background(), []string{"-rounds", "0"}, io.Discard); code != exitUsage {
		t.Errorf("no rounds: exit %d, want %d", code, exitUsage)
	}
}

// Every row's network and job can be written, and the job says of each step
// what the network does.
func TestJobs(t *testing.T) {
	titled := map[string]bool{}
	for _, r := range rows() {
		r := r.complete()
		if titled[r.name] || r.title == "" {
			t.Errorf("row %q: twice there, or without a title", r.name)
		}
		titled[r.name] = true
		network, err := r.net()
		if err != nil {
			t.Fatalf("row %s: %v", r.name, err)
		}
		lowered, err := graph.Lower(network)
		if err != nil {
			t.Fatalf("row %s: %v", r.name, err)
		}
		all, err := steps(lowered.Program)
		if err != nil {
			t.Fatalf("row %s: %v", r.name, err)
		}
		for i, s := range all {
			if s.Name != lowered.Program.Steps[i].Name || !slices.Equal(s.Output, lowered.Program.Steps[i].Shape[1:]) {
				t.Errorf("row %s: step %d is %+v", r.name, i, s)
			}
		}
	}
	folder := t.TempDir()
	rowOf := rows()[slices.IndexFunc(rows(), func(r row) bool { return r.name == "crowd" })]
	_, w, err := writeJob(folder, rowOf.complete())
	if err != nil {
		t.Fatal(err)
	}
	j, err := worker.ReadJob(folder)
	if err != nil {
		t.Fatal(err)
	}
	first := j.Steps[0]
	if first.Kind != "conv2d" || first.Padding != "EXPLICIT" || first.Pad != [4]int{2, 2, 2, 2} || !slices.Equal(first.Output, []int{28, 28, 6}) {
		t.Errorf("lenet5 on 28×28 begins with %+v", first)
	}
	images, err := j.Images()
	if err != nil || len(images) != crowdSize || !slices.Equal(images[3].Shape, []int{1, 28, 28, 1}) {
		t.Errorf("%d inputs, %v; want 16 of [1,28,28,1]", len(images), err)
	}
	if same, _ := tensor.Equal(images[0], images[2]); same {
		t.Error("two callers send the same image")
	}
	if weights, err := j.Weights(); err != nil || weights["c1/filter"].Data == nil {
		t.Errorf("weights: %v", err)
	}
	// 5·5·1·6·28·28 + 5·5·6·16·10·10 + 400·120 + 120·84 + 84·10 products.
	if want := 2.0 * (117600 + 240000 + 48000 + 10080 + 840); w.FLOPs != want {
		t.Errorf("%v FLOPs, want %v", w.FLOPs, want)
	}
	if want := int64(4 * (28*28 + 10)); w.Bytes != want || j.CopyBytes != want {
		t.Errorf("%d and %d bytes, want %d", w.Bytes, j.CopyBytes, want)
	}
}

func TestTakesPart(t *testing.T) {
	count := map[string]int{}
	for _, r := range rows() {
		for _, c := range (tools{}).contestants() {
			if c.takesPart(r.complete()) {
				count[c.name]++
			}
		}
	}
	for name, want := range map[string]int{ourName: 15, "keras": 15, "tfcnn-batching": 1, "tfcnn-trusted": 1, "tf-no-onednn": 6, "tfcnn-no-onednn": 6, plainName: 15} {
		if count[name] != want {
			t.Errorf("%s takes part in %d rows, want %d", name, count[name], want)
		}
	}
}

// What the steps say, by hand.
func TestSteps(t *testing.T) {
	find := func(name, step string) worker.Step {
		at := slices.IndexFunc(rows(), func(r row) bool { return r.name == name })
		network, err := rows()[at].net()
		if err != nil {
			t.Fatal(err)
		}
		lowered, err := graph.Lower(network)
		if err != nil {
			t.Fatal(err)
		}
		all, err := steps(lowered.Program)
		if err != nil {
			t.Fatal(err)
		}
		return all[slices.IndexFunc(all, func(s worker.Step) bool { return s.Name == step })]
	}
	if s := find("conv2d", "conv2d"); s.Strides != [2]int{2, 2} || s.Size != [2]int{7, 7} || s.Padding != "SAME" || s.Pad != [4]int{3, 3, 2, 3} {
		t.Errorf("the tutorial's conv2d: %+v", s)
	}
	if s := find("alexnet-1", "conv2"); s.Groups != 2 || s.Strides != [2]int{1, 1} || s.Padding != "EXPLICIT" || s.Pad != [4]int{2, 2, 2, 2} {
		t.Errorf("alexnet's conv2: %+v", s)
	}
	if s := find("alexnet-1", "norm1"); s.Radius != 2 || s.Bias != 2 || s.Alpha != 1e-4 || s.Beta != 0.75 {
		t.Errorf("alexnet's norm1: %+v", s)
	}
	if s := find("alexnet-8", "pool1"); s.Size != [2]int{3, 3} || s.Strides != [2]int{2, 2} || s.Padding != "VALID" {
		t.Errorf("alexnet's pool1: %+v", s)
	}
	if s := find("mobilenet-1", "conv_dw_2"); s.Kind != "depthwise_conv2d" || s.Strides != [2]int{2, 2} || s.Pad != [4]int{0, 1, 0, 1} {
		t.Errorf("mobilenet's conv_dw_2: %+v", s)
	}
	if s := find("resnet18-1", "bn1"); s.Epsilon != 1e-5 || len(s.Weights) != 4 {
		t.Errorf("resnet18's bn1: %+v", s)
	}
}

// What the contestants do not compute is refused by name.
func TestStepsUnknown(t *testing.T) {
	network, err := of(8, 8, 3, graph.Conv2DTranspose{Name: "up", Filters: 1, Size: graph.Square(2)})()
	if err != nil {
		t.Fatal(err)
	}
	lowered, err := graph.Lower(network)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := steps(lowered.Program); err == nil || err.Error() != `bench: conv2d_transpose "up": the contestants compute no conv2d_transpose` {
		t.Errorf("got %v", err)
	}
}

// The two lines of the tutorial: the first map's filter is upright, the
// second's lies.
func TestLines(t *testing.T) {
	w := graph.Weights{"conv2d/filter": {Shape: []int{7, 7, 3, 2}, Data: make([]float32, 7*7*3*2)}}
	setLines(w)
	for i, v := range w["conv2d/filter"].Data {
		at := w["conv2d/filter"].Index(i)
		want := float32(0)
		if at[3] == 0 && at[1] == 3 || at[3] == 1 && at[0] == 3 {
			want = 1
		}
		if v != want {
			t.Fatalf("filter at %v is %v, want %v", at, v, want)
		}
	}
}

// Rows of an earlier run stay, in their order, unless they are measured again.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	now := []measured{{Row: "max_pool", Title: "new"}}
	if got, err := readEarlier(path); err != nil || got != nil {
		t.Errorf("without an earlier run: %v, %v", got, err)
	}
	text, err := json.Marshal(results{Rows: []measured{{Row: "conv2d", Title: "old"}, {Row: "max_pool", Title: "old"}, {Row: "gone"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	earlier, err := readEarlier(path)
	if err != nil {
		t.Fatal(err)
	}
	got := merged(rows(), now, earlier)
	if len(got) != 2 || got[0].Title != "old" || got[1].Title != "new" {
		t.Errorf("rows %+v; want the old conv2d, the new max_pool", got)
	}
}

// The peers' versions are pinned to the last digit.
func TestPinned(t *testing.T) {
	text, err := os.ReadFile("requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.+]*$`)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !exact.MatchString(line) {
			t.Errorf("requirements.txt: %q is not pinned", line)
		}
	}
}
