package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/internal/parent"
)

// A command that runs a network takes no more memory than its estimate, and at
// least two fifths of it: what a network keeps beside its weights and numbers
// differs.
func TestNetworkEstimate(t *testing.T) {
	if os.Getenv("TFCNN_CHILD") == "network" {
		growOfNetwork(t, strings.Split(os.Getenv("TFCNN_ARGUMENTS"), "\n"))
		return
	}
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	for _, tt := range []struct {
		net   string
		batch int
		// arguments are a command's, up to the network's name.
		arguments []string
	}{
		{"resnet18", 1, []string{"profile", "--runs", "1", "--batch", "1"}},
		{"resnet18", 4, []string{"profile", "--runs", "1", "--batch", "4"}},
	} {
		arguments := append(tt.arguments, tt.net)
		t.Run(strings.Join(arguments, " "), func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestNetworkEstimate$", "-test.v")
			cmd.Env = append(os.Environ(), parent.Off, "TFCNN_CHILD=network", "TF_ENABLE_ONEDNN_OPTS=0", "TFCNN_ARGUMENTS="+strings.Join(arguments, "\n"))
			out, err := cmd.CombinedOutput()
			if strings.Contains(string(out), "--- SKIP") {
				t.Skip(string(out))
			}
			var growth int64
			if _, scan := fmt.Sscanf(string(out[max(0, bytes.Index(out, []byte("growth "))):]), "growth %d", &growth); err != nil || scan != nil {
				t.Fatalf("%v %v\n%s", err, scan, out)
			}
			found, err := findNetwork(tt.net)
			if err != nil {
				t.Fatal(err)
			}
			forecast, err := found.network.Memory(graph.Workload{Batch: tt.batch})
			if err != nil {
				t.Fatal(err)
			}
			estimate := networkBytes(forecast.Inference)
			if tt.arguments[0] == "profile" {
				estimate += limitsBytes
			}
			const mebibyte = 1 << 20
			ratio := float64(estimate) / float64(growth)
			t.Logf("grew by %d MiB, estimate %d MiB, ratio %.2f", growth/mebibyte, estimate/mebibyte, ratio)
			if ratio < 1 || ratio > 2.5 {
				t.Errorf("the estimate of %d bytes is %.2f times the growth of %d", estimate, ratio, growth)
			}
		})
	}
}

// growOfNetwork runs a command in a process that has run a small network before.
func growOfNetwork(t *testing.T, arguments []string) {
	run := func(arguments ...string) {
		var stderr bytes.Buffer
		if status := execute(t.Context(), arguments, io.Discard, &stderr); status != 0 {
			t.Fatalf("status %d: %s", status, stderr.String())
		}
	}
	run("verify", "--net", "tutorial")
	debug.FreeOSMemory()
	const resetPeak = "5" // proc(5), clear_refs
	if err := os.WriteFile("/proc/self/clear_refs", []byte(resetPeak), 0); err != nil {
		t.Skip(err)
	}
	before := statusField(t, "VmHWM:")
	run(arguments...)
	fmt.Printf("growth %d\n", statusField(t, "VmHWM:")-before)
}
