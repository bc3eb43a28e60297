package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/bench/worker"
)

// Rows of a device are networks in each arithmetic that it has; a contestant
// reads of its job which.
func TestDeviceRows(t *testing.T) {
	for device, want := range map[string]int{"gpu": 3 * 2 * 3, "cpu": 3 * 2 * 2} {
		names := map[string]bool{}
		for _, r := range deviceRows(device) {
			names[r.name] = true
			if r.device != device || r.tf32 && device == "cpu" && r.compute == "" {
				t.Errorf("%s: %+v", device, r)
			}
			if want := map[bool]float64{true: agreement, false: coarse}[strings.HasSuffix(r.name, "-float32")]; r.agreement() != want {
				t.Errorf("%s: agreement within %g, want %g", r.name, r.agreement(), want)
			}
		}
		if len(names) != want {
			t.Errorf("%s: %d rows of different names, want %d", device, len(names), want)
		}
	}
	folder := t.TempDir()
	rows := deviceRows("gpu")
	tf32, half := rows[len(rows)-2].complete(), rows[len(rows)-1].complete() // mobilenet, the smallest
	tf32.batch, half.batch = 1, 1
	for _, r := range []row{tf32, half} {
		if _, _, err := writeJob(folder, r); err != nil {
			t.Fatal(err)
		}
		j, err := worker.ReadJob(folder)
		if err != nil {
			t.Fatal(err)
		}
		if j.Device != "gpu" || !j.TF32 || j.Compute != r.compute {
			t.Errorf("%s: job on %q in %q, TF32 %t", r.name, j.Device, j.Compute, j.TF32)
		}
	}
}

// A device that is not there is refused in one line, with the status of a
// machine that lacks something, before anything is measured.
func TestDeviceIsChecked(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "ours")
	script := "#!/bin/sh\necho noise >&2\necho \"session: device \\\"$2\\\": no such device\" >&2\nexit 1\n"
	if err := os.WriteFile(fake, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		device string
		status int
		want   string
	}{
		{"gpu", exitEnvironment, "bench: -device gpu: session: device \"gpu\": no such device\n"},
		{"tpu", exitUsage, "bench: -device \"tpu\": not known, want cpu or gpu\n"},
	} {
		var stderr strings.Builder
		if status := run(t.Context(), []string{"-ours", fake, "-device", tt.device, "-out", t.TempDir()}, &stderr); status != tt.status || stderr.String() != tt.want {
			t.Errorf("%s: status %d, %q", tt.device, status, stderr.String())
		}
	}
}
