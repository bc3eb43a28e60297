package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"tfcnn/graph"
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
			forecast, err := found.network.Memory(graph.Workload{Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			var growth int64
			inChild(t, "TestNetworkEstimate", "network", []string{"profile", net, "--runs", "1", "--batch", fmt.Sprint(batch)}, "growth %d", &growth)
			holdEstimate(t, growth, networkBytes(forecast.Inference)+limitsBytes)
		})
	}
}
