package certificate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/verdict"
	"tfcnn/internal/hostile"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/certificate"
)

// sum is a sha256 of one digit.
func sum(digit string) string { return strings.Repeat(digit, 64) }

// small returns a certificate of a layer, a chain, a run and two probes.
func small() certificate.Certificate {
	pass := verdict.Verdict{Status: verdict.Pass, Elements: 8, Exact: 3, Unspecified: 1, MaxError: 1e-7, Bound: 4e-7, Share: 0.25, Worst: []int{0, 3}, Got: 1, Want: 2, Histogram: make([]int, 15)}
	exact := verdict.Verdict{Status: verdict.Pass, Elements: 4, Exact: 4}
	c := certificate.Certificate{
		Program: certificate.Program{Version: "v1", Revision: "abc"},
		Command: "cnndemo verify net small.json", Seed: 7,
		Inputs: certificate.Inputs{
			Network: certificate.Input{From: "small", SHA256: sum("1")},
			Weights: certificate.Input{From: "drawn from seed 7", SHA256: sum("2")},
			Images:  certificate.Input{From: "cat.jpg", SHA256: sum("3")},
		},
		Machine: certificate.Machine{
			TensorFlow: "2.21.0", Libraries: []certificate.Library{{Name: "libtensorflow_cc.so.2", SHA256: sum("4")}},
			Device: "/device:CPU:0", Precision: "float32", OneDNN: "on", Processor: "P", Features: []string{"avx"}, Threads: 2,
			Executor: "parallel", Compute: "float32",
		},
		Kernels: []certificate.Kernel{{Op: "Conv2D", Device: "/device:CPU:0", Layers: []string{"c1"}}},
		Checks: []certificate.Check{
			{Kind: certificate.Layer, Layers: []string{"c1"}, Name: "conv2d", Images: 1, SHA256: sum("5"), Verdict: pass},
			{Kind: certificate.Chain, Layers: []string{"c1", "relu"}, Images: 1, SHA256: sum("6"), Verdict: exact},
			{Kind: certificate.Run, Layers: []string{"relu"}, Name: "Run", Session: "one thread", Images: 1, Verdict: exact},
			{Kind: certificate.Probe, Layers: []string{"c1"}, Name: "exact", Images: 1, Verdict: exact},
			{Kind: certificate.Probe, Layers: []string{"c1"}, Name: "exact", Images: 2, Verdict: verdict.Verdict{Status: verdict.Fail, Elements: 8, Outside: 2, Unbounded: 1, NaN: 1, Share: 3}},
		},
	}
	c.Complete()
	return c
}

func written(t testing.TB, c certificate.Certificate) string {
	t.Helper()
	var text bytes.Buffer
	if err := c.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Totals are those of the checks, by hand, and a file gives its certificate.
func TestCertificate(t *testing.T) {
	c := small()
	if c.Status != verdict.Fail || c.Format != 1 {
		t.Errorf("status %q, format %d", c.Status, c.Format)
	}
	want := []string{
		"layer 1 map[pass:1] 8 7 3 1 0 0 0.25",
		"chain 1 map[pass:1] 4 4 4 0 0 0 0",
		"run 1 map[pass:1] 4 4 4 0 0 0 0",
		"probe 2 map[fail:1 pass:1] 12 10 4 0 1 2 3",
	}
	var got []string
	for _, x := range c.Totals {
		got = append(got, fmt.Sprint(x.Kind, " ", x.Checks, " ", x.Statuses, " ", x.Numbers, " ", x.Compared, " ", x.Exact, " ", x.Unspecified, " ", x.Unbounded, " ", x.Outside, " ", x.LargestShare))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got totals\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text := written(t, c)
	read, err := certificate.Read("c.json", []byte("\ufeff"+text))
	if err != nil {
		t.Fatal(err)
	}
	if again := written(t, read); again != text {
		t.Errorf("got %s, want %s", again, text)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.Read("c.json", compact.Bytes()); err != nil {
		t.Errorf("without spaces: %v", err)
	}
	if strings.Contains(text, "histogram") || len(small().Checks[0].Verdict.Worst) != 2 {
		t.Error("a histogram was written")
	}
}

// A file that was changed is refused.
func TestReadRefuses(t *testing.T) {
	good := written(t, small())
	replace := func(old, now string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the certificate", old)
		}
		return strings.Replace(good, old, now, 1)
	}
	for _, tt := range []struct{ text, want string }{
		{"", "not JSON"},
		{"[]", "want an object, got []"},
		{"{}", `field "format" is missing`},
		{good[:len(good)/2], "not JSON"},
		{good + "{}", "not JSON"},
		{replace(`"format": 1`, `"format": 2`), "format is 2, this program reads format 1"},
		{replace(`"seed": 7`, `"seed": "7"`), "seed: cannot be string"},
		{replace(`"seed": 7`, `"seed": 7.0`), "seed: cannot be number 7.0"},
		{replace(`"seed": 7`, `"seed": 7, "seed": 7`), `field "seed" is there twice`},
		{replace(`"seed": 7,`, ``), "not as it was written"},
		{replace(`"seed": 7`, `"Seed": 7`), "not as it was written"},
		{replace(`"seed": 7`, `"seed": 7, "signed": true`), "not as it was written"},
		{replace(`"status": "fail"`, `"status": "pass"`), "not as it was written"},
		{replace(`"numbers": 12`, `"numbers": 13`), "not as it was written"},
		{replace(`"outside": 2`, `"outside": 0`), "not as it was written"},
		{replace(`"threads": 2`, `"threads": 2, "threads": 2`), "not as it was written"},
	} {
		_, err := certificate.Read("c.json", []byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), "proof: certificate c.json: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
			continue
		}
		hostile.Line(t, "proof: certificate c.json: ", err.Error())
	}
}

// Each change of a check, and each failure, by hand.
func TestAgainst(t *testing.T) {
	fail := func(c *certificate.Check) {
		c.Verdict = verdict.Verdict{Status: verdict.Fail, Elements: 8, Outside: 1, Worst: []int{0, 0}}
	}
	for _, tt := range []struct {
		name      string
		was, is   func(c *certificate.Check) // the layer
		equalBits bool
		want      string
		failures  int
	}{
		{"nothing", nil, nil, true, "5 equal bits, 0 within bound, 0 outside", 0},
		{"bits", nil, func(c *certificate.Check) { c.SHA256 = sum("7"); c.Verdict.Share = 0.5 }, false, "4 equal bits, 1 within bound, 0 outside", 0},
		{"bits that must be equal", nil, func(c *certificate.Check) { c.SHA256 = sum("7") }, true, "4 equal bits, 1 within bound, 0 outside", 1},
		{"a failure", nil, fail, false, "4 equal bits, 0 within bound, 1 outside", 1},
		{"the same failure", fail, fail, false, "5 equal bits, 0 within bound, 0 outside", 0},
		{"another failure", fail, func(c *certificate.Check) { fail(c); c.SHA256 = sum("7") }, false, "4 equal bits, 0 within bound, 1 outside", 1},
		{"not held", nil, func(c *certificate.Check) { c.Verdict.Status = verdict.NotHeld }, false, "4 equal bits, 0 within bound, 1 outside", 1},
		{"no failure any more", fail, nil, false, "4 equal bits, 0 within bound, 1 right now, 0 outside", 0},
		{"another layer", nil, func(c *certificate.Check) { c.Layers = []string{"c2"} }, false, "4 equal bits, 0 within bound, 1 new, 0 outside, 1 missing", 1},
		{"another number of images", nil, func(c *certificate.Check) { c.Images = 3 }, false, "4 equal bits, 0 within bound, 1 new, 0 outside, 1 missing", 1},
		{"another kind", nil, func(c *certificate.Check) { c.Name = "dense" }, false, "4 equal bits, 0 within bound, 1 new, 0 outside, 1 missing", 1},
	} {
		old, now := small(), small()
		if tt.was != nil {
			tt.was(&old.Checks[0])
		}
		if tt.is != nil {
			tt.is(&now.Checks[0])
		}
		got := now.Against("old.json", old, tt.equalBits)
		if text := "against old.json: " + tt.want; got.Summary() != text || got.Failures() != tt.failures || len(got.Machine) > 0 {
			t.Errorf("%s: got %s, %d failures, want %s, %d; machines %v", tt.name, got.Summary(), got.Failures(), text, tt.failures, got.Machine)
		}
	}
	// Of outputs without a sha256 the figures are compared.
	old, now := small(), small()
	for what, change := range map[string]func(c *certificate.Check){
		"share":      func(c *certificate.Check) { c.Verdict.Share = 0.5 },
		"error":      func(c *certificate.Check) { c.Verdict.MaxError = 0.5 },
		"elements":   func(c *certificate.Check) { c.Verdict.Elements++ },
		"exact":      func(c *certificate.Check) { c.Verdict.Exact-- },
		"status":     func(c *certificate.Check) { c.Verdict.Status = verdict.Overflow },
		"equal bits": func(c *certificate.Check) { c.EqualBits = true },
	} {
		now = small()
		change(&now.Checks[2])
		if got := now.Against("old.json", old, false); got.Counts[baseline.Within] != 1 || got.Counts[baseline.Equal] != 4 {
			t.Errorf("another %s of a run: %s", what, got.Summary())
		}
	}
	now = small()
	fail(&now.Checks[0])
	text := now.Against("old.json", old, false).Cases[0]
	if got, want := text.ID()+": "+text.Text(), `small: conv2d "c1": outside: fail: 1 of 8 numbers outside: at [0,0] got 0, want 0 ± 0, error 0; pass in the certificate, fail here`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Each property of the machine, each kernel and the program is named where it differs.
func TestMachines(t *testing.T) {
	for want, change := range map[string]func(c *certificate.Certificate){
		"[{TensorFlow 2.21.0 2.22.0}]":                func(c *certificate.Certificate) { c.Machine.TensorFlow = "2.22.0" },
		"[{oneDNN on off}]":                           func(c *certificate.Certificate) { c.Machine.OneDNN = "off" },
		"[{device /device:CPU:0 D}]":                  func(c *certificate.Certificate) { c.Machine.Device = "D" },
		"[{processor P Q}]":                           func(c *certificate.Certificate) { c.Machine.Processor = "Q" },
		"[{threads 2 3}]":                             func(c *certificate.Certificate) { c.Machine.Threads = 3 },
		"[{precision float32 TF32}]":                  func(c *certificate.Certificate) { c.Machine.Precision = "TF32" },
		"[{executor parallel single}]":                func(c *certificate.Certificate) { c.Machine.Executor = "single" },
		"[{compute float32 half}]":                    func(c *certificate.Certificate) { c.Machine.Compute = "half" },
		"[{tfcnn v1, revision abc v2, revision abc}]": func(c *certificate.Certificate) { c.Program.Version = "v2" },
		"[{processor features none of its own avx2}]": func(c *certificate.Certificate) { c.Machine.Features = []string{"avx", "avx2"} },
		"[{library libtensorflow_cc.so.2 sha256 444444444444… sha256 999999999999…}]": func(c *certificate.Certificate) {
			c.Machine.Libraries = []certificate.Library{{Name: "libtensorflow_cc.so.2", SHA256: sum("9")}}
		},
		"[{library libtensorflow_cc.so.2 sha256 444444444444… not loaded} {library libtensorflow.so not loaded sha256 444444444444…}]": func(c *certificate.Certificate) {
			c.Machine.Libraries = []certificate.Library{{Name: "libtensorflow.so", SHA256: sum("4")}}
		},
		"[{kernel Conv2D on /device:CPU:0 c1 no layer} {kernel _FusedConv2D on /device:CPU:0 no layer c1}]": func(c *certificate.Certificate) {
			c.Kernels = []certificate.Kernel{{Op: "_FusedConv2D", Device: "/device:CPU:0", Layers: []string{"c1"}}}
		},
		"[{kernel Conv2D on /device:CPU:0 c1 c1 c2}]": func(c *certificate.Certificate) {
			c.Kernels = []certificate.Kernel{{Op: "Conv2D", Device: "/device:CPU:0", Layers: []string{"c1", "c2"}}}
		},
	} {
		now := small()
		change(&now)
		if got := fmt.Sprint(now.Against("old.json", small(), true).Machine); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestInputs(t *testing.T) {
	now := small().Inputs
	now.Network.From, now.Weights.SHA256, now.Images.SHA256 = "renamed", sum("8"), sum("9")
	want := "[{weights drawn from seed 7 (sha256 222222222222…) drawn from seed 7 (sha256 888888888888…)} {images cat.jpg (sha256 333333333333…) cat.jpg (sha256 999999999999…)}]"
	if got := fmt.Sprint(now.Differences(small().Inputs)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	now = small().Inputs
	now.Network.SHA256 = sum("9")
	if got := now.Differences(small().Inputs); len(got) != 1 || got[0].What != "network" {
		t.Errorf("another network: %v", got)
	}
}

// FuzzRead: a certificate that is read is written as it was.
func FuzzRead(f *testing.F) {
	f.Add([]byte(written(f, small())))
	f.Add([]byte(`{"format": 1, "checks": [{"verdict": {"got": "NaN"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c certificate.Certificate
		err := hostile.Read(t, "proof: certificate fuzz: ", len(text), hostile.Limits{PerByte: 1000}, func() (err error) {
			c, err = certificate.Read("fuzz", text)
			return err
		})
		if err != nil {
			return
		}
		if again, err := certificate.Read("fuzz", []byte(written(t, c))); err != nil || written(t, again) != written(t, c) {
			t.Errorf("read again: %v", err)
		}
	})
}
