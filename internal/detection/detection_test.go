package main

import (
	"bytes"
	"strings"
	"testing"

	"tfcnn/graph"
)

// planted has parts to which every fault applies.
var planted = graph.Network{
	Input: graph.Input{Height: 12, Width: 12, Channels: 4},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "conv", Filters: 6, Size: graph.Square(3), Padding: graph.Same},
		graph.BatchNorm{Name: "norm"},
		graph.ReLU6{Name: "relu6"},
		graph.LRN{Name: "lrn", DepthRadius: 2, Alpha: 0.5},
		graph.DepthwiseConv2D{Name: "depthwise", Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
		graph.AvgPool{Name: "mean", Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same},
		graph.Conv2D{Name: "curve", Filters: 8, Size: graph.Square(1), Activation: graph.TanhActivation},
		graph.MaxPool{Name: "pool", Size: graph.Square(2)},
		graph.Flatten{Name: "flat"},
		graph.Dense{Name: "dense", Units: 10},
		graph.Softmax{Name: "softmax"},
	},
}

// Each fault is noticed in each part to which it applies.
func TestEachFaultIsNoticed(t *testing.T) {
	counts, err := detect(t.Context(), "planted", planted, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]int{}
	for _, c := range counts {
		parts[c.Fault]++
		if c.Draws != 2 || c.Any != c.Draws {
			t.Errorf("%v: %s: noticed in %d of %d draws", c.Layers, c.Fault, c.Any, c.Draws)
		}
		// Only a pool hides some of its input's numbers from a probe.
		if c.Probe != c.Draws && !strings.Contains(strings.Join(c.Layers, " "), "pool") {
			t.Errorf("%v: %s: noticed by %d of %d probes", c.Layers, c.Fault, c.Probe, c.Draws)
		}
	}
	for _, fault := range faults {
		if parts[fault.name] == 0 {
			t.Errorf("%s applies to no part", fault.name)
		}
	}
	if len(faults) != 16 {
		t.Errorf("%d faults, want 16", len(faults))
	}
}

// The table adds up the parts of a network, and names those with a fault that went
// unnoticed.
func TestTable(t *testing.T) {
	counts := []Count{
		{Network: "n", Layers: []string{"a"}, Terms: 9, Fault: "bias lost", Draws: 3, Bound: 1, Level: 2, Probe: 3, Any: 3},
		{Network: "n", Layers: []string{"b", "c"}, Terms: 12, Fault: "bias lost", Draws: 3, Bound: 2, Level: 0, Probe: 1, Any: 2},
	}
	var text bytes.Buffer
	if err := table(&text, counts); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| n | bias lost | 2 | 6 | 3 | 2 | 4 | 5 |", "| all | all | | 6 | 3 | 2 | 4 | 5 |", "n, b c (12 terms): bias lost: 2 of 3 draws"} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("no line %q in\n%s", want, text.String())
		}
	}
	text.Reset()
	if err := table(&text, counts[:1]); err != nil || !strings.HasSuffix(text.String(), "Each fault was noticed in each draw of each part.\n") {
		t.Errorf("%v, %s", err, text.String())
	}
}
