package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/machine"
	"tfcnn/session/process"
)

var update = flag.Bool("update", false, "write the texts that TestGolden compares with")

// Each command has one text that is compared as a whole. Facts of a machine or a clock
// are read from JSON that the command printed once; run and verify have their texts in
// the scripts.
func TestGolden(t *testing.T) {
	folder := filepath.Join("testdata", "golden")
	small := filepath.Join(folder, "small.json")
	for name, arguments := range map[string][]string{
		"help":       {"--help"},
		"nets":       {"nets"},
		"nets-small": {"nets", small},
		"plan":       {"plan", small, "--batch", "8", "--training", "--optimizer", "adam", "--memory", "64KB"},
		"draw":       {"draw", small},
		"completion": {"__complete", "verify", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := try(t, arguments...)
			if status != 0 && name != "plan" || stderr != "" && name != "completion" {
				t.Fatalf("status %d, %s", status, stderr)
			}
			isGolden(t, filepath.Join(folder, name+".txt"), stdout)
		})
	}
	on := true
	var (
		profiled profileResult
		verified netResult
		random   randomResult
		facts    []machine.Fact
	)
	for name, tt := range map[string]struct {
		result any // read from NAME.json; nil: there is none
		print  func(io.Writer) error
	}{
		"profile":   {&profiled, func(w io.Writer) error { return profiled.print(w) }},
		"verifynet": {&verified, func(w io.Writer) error { verified.print(w); return nil }},
		"random": {&random, func(w io.Writer) error {
			printRandom(w, report.Verification{TensorFlow: "2.21.0", Device: "/device:CPU:0", Precision: "float32"}, random)
			return nil
		}},
		"doctor": {&facts, func(w io.Writer) error { printFacts(w, facts); return nil }},
		"devices": {nil, func(w io.Writer) error {
			printDevices(w, "2.21.0", []process.Device{{Name: "/device:CPU:0", Type: "CPU"}, {Name: "/device:GPU:0", Type: "GPU", MemoryBytes: 78 << 30}})
			return nil
		}},
		"version": {nil, func(w io.Writer) error {
			build{"v1.2.3", "0123abc", "2026-11-27T15:00:00Z", "1.26.8", "linux/amd64", "v0.1.0", "v0.2.0", "2.21.0", "not built in", onOff(&on)}.print(w)
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.result != nil {
				text, err := os.ReadFile(filepath.Join(folder, name+".json"))
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(text, tt.result); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			if err := tt.print(&out); err != nil {
				t.Fatal(err)
			}
			isGolden(t, filepath.Join(folder, name+".txt"), out.String())
		})
	}
}

// isGolden compares a text with a file; with -update it writes the file.
func isGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
