package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/verdict"
	"tfcnn/internal/proof/certificate"
	"tfcnn/session/verify"
)

// netVerification is a verified network with every kind of row: layers and a chain that
// pass, that fail, that have no bound and of which nothing was compared.
func netVerification(t testing.TB) netResult {
	t.Helper()
	pass := verdict.Verdict{Status: verdict.Pass, Elements: 1200, MaxError: 6.5e-5, Bound: 0.0015, Share: 0.0433, ULP: 8.5, Worst: []int{1, 3, 4, 2}, Got: 1.5, Want: 1.500065, Histogram: []int{800, 0, 0, 0, 0, 100, 100, 50, 50, 50, 50, 0, 0, 0, 0}}
	exact := verdict.Verdict{Status: verdict.Pass, Elements: 300, Exact: 300, Histogram: []int{300, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}
	fail := verdict.Verdict{Status: verdict.Fail, Elements: 10, Outside: 3, MaxError: 0.5, Bound: 0.125, Share: 4, ULP: 4e6, Worst: []int{1, 3}, Got: 1.5, Want: 1, Histogram: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 3}}
	r := netResult{
		Network: "small <net>", Weights: "drawn from seed 1", From: "cat.jpg", Command: "cnndemo verify net 'small <net>.json' cat.jpg",
		Result: verify.Result{
			Images: 2, Status: verdict.Fail, Executor: "single",
			Layers: []verify.Layer{
				{Layer: "conv1", Kind: "conv2d", From: []string{"input"}, Output: []int{2, 112, 112, 64}, Verdict: pass},
				{Layer: "norm1", Kind: "batch_norm", From: []string{"conv1"}, Output: []int{2, 112, 112, 64}, Verdict: verdict.Verdict{Status: verdict.NotHeld, Elements: 40, Exact: 32, Unbounded: 8}},
				{Layer: "pool", Kind: "max_pool", From: []string{"norm1"}, Output: []int{2, 56, 56, 64}, Note: "a window with NaN: NaN", NaN: 4, Verdict: verdict.Verdict{Status: verdict.Pass, Elements: 40, Exact: 36, Unspecified: 4}},
				{Layer: "sum", Kind: "add", From: []string{"pool", "conv1"}, Output: []int{2, 56, 56, 64}, Verdict: exact},
				{Layer: "head.of.the.network.with.a.long.name", Kind: "dense", From: []string{"sum"}, Output: []int{2, 10}, Verdict: fail},
			},
			Chains: []verify.Chain{{Layers: []string{"conv1", "norm1", "pool"}, Verdict: pass}},
		},
		value: graph.Network{Input: graph.Input{Height: 224, Width: 224, Channels: 3}},
	}
	r.TensorFlow, r.Device = "2.21.0", "/device:CPU:0"
	old := certificate.Certificate{Inputs: certificate.Inputs{Network: certificate.Input{From: r.Network}}, Checks: r.checks(), Machine: certificate.Machine{OneDNN: "on"}}
	old.Checks[4].Verdict = exact
	now := old
	now.Checks, now.Machine = r.checks(), certificate.Machine{OneDNN: "off"}
	r.Against = now.Against("old.json", old, false)
	return r
}

// netPage is the page of netVerification.
func netPage(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v := netVerification(t).page()
	// Rows of calls and of probes, in each state.
	pass, fail, imprecise := v.Checks[0].Verdict, v.Checks[4].Verdict, v.Checks[0].Verdict
	imprecise.Status, imprecise.Level = verdict.Precision, 12
	v.Checks = append(v.Checks,
		certificate.Check{Kind: certificate.Run, Layers: []string{"head"}, Name: "Run", Session: "single executor, one thread", Images: 1, EqualBits: true, Verdict: pass},
		certificate.Check{Kind: certificate.Run, Layers: []string{"conv1", "head"}, Name: "RunOutputs", Session: "single executor", Images: 8, Verdict: verdict.Verdict{Status: verdict.NotHeld, Elements: 9, Unbounded: 9}},
		certificate.Check{Kind: certificate.Probe, Layers: []string{"conv1", "norm1"}, Name: "exact", Images: 1, Rounding: []string{"batch_norm"}, Alike: [][]string{{"conv2", "norm2"}, {"conv3"}}, Verdict: verdict.Verdict{Status: verdict.Pass, Elements: 9, Exact: 9}},
		certificate.Check{Kind: certificate.Probe, Layers: []string{"conv1", "norm1"}, Name: "exact", Images: 2, Rounding: []string{"batch_norm"}, Alike: [][]string{{"conv2", "norm2"}, {"conv3"}}, Verdict: verdict.Verdict{Status: verdict.Pass, Elements: 9, Exact: 9}},
		certificate.Check{Kind: certificate.Probe, Layers: []string{"conv1", "norm1"}, Name: "exact", Session: "one thread", Images: 8, Verdict: fail},
		certificate.Check{Kind: certificate.Probe, Layers: []string{"conv1", "norm1"}, Name: "random signs", Session: "one thread", Images: 1, Verdict: imprecise},
	)
	if err := report.WriteVerification(f, v); err != nil {
		t.Fatal(err)
	}
	return path
}

// Rows are in the network's order, each chain below its last layer; a share stands once
// in its row, and numbers that were not compared are listed with the reason.
func TestNetPage(t *testing.T) {
	text, err := os.ReadFile(netPage(t))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, part := range strings.Split(string(text), "<tr role=\"row\"")[1:] {
		part, _, _ = strings.Cut(part, "</tr>")
		_, part, _ = strings.Cut(part, ">")
		rows = append(rows, strings.Join(strings.Fields(withoutTags(part)), " "))
	}
	want := []string{
		"head.of.the.network.with.a.long.name dense 3 of 10 numbers outside: at [1,3] got 1.5, want 1 ± 0.125, error 0.5",
		"conv1 → norm1 exact probe, 8 images 3 of 10 numbers outside: at [1,3] got 1.5, want 1 ± 0.125, error 0.5",
		"conv1 → norm1 random signs probe, 1 image precision: largest error is 12 times its level, float32 kernels stay below 8 on numbers of random signs; within the bound",
		"conv1 conv2d 2×224×224×3 → 2×112×112×64 6.50e-5 4.33 % 8.5 0.0015 pass",
		"norm1 batch_norm 2×112×112×64 → 2×112×112×64 0 exact 0 0 not held; 8 not compared",
		"pool max_pool 2×112×112×64 → 2×56×56×64 0 exact 0 0 pass; 4 not compared",
		"conv1 → norm1 → pool as it runs 6.50e-5 4.33 % 8.5 0.0015 pass",
		"sum add 2×56×56×64 + 2×112×112×64 → 2×56×56×64 0 exact 0 0 pass",
		"head.of.the.network.with.a.long.name dense 2×56×56×64 → 2×10 0.5 4 times its bound 4.00e6 0.125 fail: 3 outside",
		"Run head single executor, one thread, 1 image; equal bits 6.50e-5 4.33 % 8.5 0.0015 pass",
		"RunOutputs conv1, head single executor, 8 images – – – – not held; 9 not compared",
		"conv1 → norm1 the same: conv2 → norm2; conv3 exact but for batch_norm, images: 1, 2; exact, 8 images, one thread: fail: 3 outside; random signs, 1 image, one thread: precision fail",
		"norm1 8 of 40 numbers no bound is known",
		"pool 4 of 40 numbers correct kernels differ: a window with NaN: NaN",
		"pool 40 numbers for information: TensorFlow gave 4 NaN and 0 infinite",
		"conv1, head 9 of 9 numbers no bound is known",
	}
	for i, row := range want {
		if i >= len(rows) || rows[i] != row {
			t.Errorf("row %d: got %q, want %q", i, append(rows, make([]string, len(want))...)[i], row)
		}
	}
	for _, part := range []string{
		"1 layer and 1 probe failed", "against old.json: 5 equal bits, 0 within bound, 1 outside", "small &lt;net&gt;",
		"fail: 3 of 10 numbers outside: at [1,3] got 1.5, want 1 ± 0.125, error 0.5; pass in the certificate, fail here", "<h2 id=\"against\">Against the certificate</h2>",
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(string(text), ">Cases<") {
		t.Error("a network's page says cases")
	}
}

// withoutTags returns a text without HTML's tags and entities.
func withoutTags(text string) string {
	var out bytes.Buffer
	for part := range strings.SplitSeq(text, "<") {
		if _, after, found := strings.Cut(part, ">"); found {
			part = after
		}
		fmt.Fprint(&out, part, " ")
	}
	return html.UnescapeString(out.String())
}
