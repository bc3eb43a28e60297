package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/plan"
)

// A profile takes no more memory than its estimate.
func TestNetworkEstimate(t *testing.T) {
	const net = "resnet18"
	if os.Getenv("TFCNN_CHILD") == "network" {
		run := func(arguments ...string) {
			var stderr bytes.Buffer
			if status := execute(t.Context(), arguments, io.Discard, &stderr); status != 0 {
				t.Fatalf("status %d: %s", status, stderr.String())
			}
		}
		run("verify", "net", "tutorial") // the first run's own memory
		arguments := strings.Split(os.Getenv("TFCNN_ARGUMENTS"), "\n")
		fmt.Printf("growth %d\n", peakGrowth(t, func() { run(arguments...) }))
		return
	}
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	found, err := findNetwork(net)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 4} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			forecast, err := plan.MemoryOf(found.network, plan.Workload{Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			var growth int64
			inChild(t, "TestNetworkEstimate", "network", []string{"profile", net, "--runs", "1", "--batch", fmt.Sprint(batch)}, "growth %d", &growth)
			checkEstimate(t, growth, networkBytes(forecast.Inference)+limitsBytes)
		})
	}
}

// verify net refuses images that cannot be run together before it reads one.
func TestVerifyNetCountsImages(t *testing.T) {
	folder := t.TempDir()
	img, net := filepath.Join(folder, "a.png"), filepath.Join(folder, "wide.json")
	if err := writeImage(img, 8, 8); err != nil {
		t.Fatal(err)
	}
	// An image takes 272 MiB, thousands of them more than any machine has.
	const wide = `{"input": {"height": 1000, "width": 1000, "channels": 1}, "layers": [{"type": "conv2d", "filters": 16, "size": 1}]}`
	if err := os.WriteFile(net, []byte(wide), 0o644); err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"verify", "net", net}, slices.Repeat([]string{img}, 20_000)...)
	status, _, stderr := try(t, arguments...)
	if status != exitEnvironment || !strings.HasPrefix(stderr, "cnndemo: verify: not enough memory: needs ") {
		t.Errorf("status %d, %.300s", status, stderr)
	}
}
