package graph

import (
	"bytes"
	"fmt"
	"testing"
)

// many is so large that an algorithm which looks at each pair of layers takes
// minutes: 5·10⁹ pairs. The test binary's time limit is the check.
const many = 100_000

// TestLinearJSON writes and reads a network of 100,000 layers.
func TestLinearJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	n := Network{Input: Input{Height: 2, Width: 2, Channels: 1}}
	for i := range many {
		name := fmt.Sprint("l", i)
		n.Layers, n.Outputs = append(n.Layers, ReLU{Name: name}), append(n.Outputs, name)
	}
	var text bytes.Buffer
	if err := WriteNetwork(&text, n); err != nil {
		t.Fatal(err)
	}
	read, err := ReadNetwork("large.json", text.Bytes())
	if err != nil || len(read.Layers) != many || len(read.Outputs) != many {
		t.Fatalf("%d layers, %d outputs, %v", len(read.Layers), len(read.Outputs), err)
	}
	for i := range read.Layers {
		if Summary(read.Layers[i]) != Summary(n.Layers[i]) {
			t.Fatalf("layer %d reads back otherwise", i)
		}
	}
}

// TestLinearCycle refuses a cycle through 100,000 layers.
func TestLinearCycle(t *testing.T) {
	n := Network{Input: Input{Height: 2, Width: 2, Channels: 1}}
	for i := range many {
		n.Layers = append(n.Layers, ReLU{Name: fmt.Sprint("l", i), From: fmt.Sprint("l", (i+1)%many)})
	}
	if _, err := Lower(n); err == nil {
		t.Error("a cycle was lowered")
	}
}
