package graph

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// largeNetworks are networks on which a quadratic algorithm is slow: each has many
// layers, or many inputs of one layer.
func largeNetworks() map[string]Network {
	input := Input{Height: 2, Width: 2, Channels: 1}
	list := map[string]Network{}
	add := func(name string, layer func(i int) Layer, more ...Layer) {
		n := Network{Input: input}
		for i := range many {
			n.Layers = append(n.Layers, layer(i))
		}
		n.Layers = append(n.Layers, more...)
		list[name] = n
	}
	name := func(i int) string { return fmt.Sprint("l", i) }
	all := func() (names []string) {
		for i := range many {
			names = append(names, name(i))
		}
		return names
	}
	add("a chain written over one buffer", func(int) Layer { return ReLU{} })
	add("a chain with weights", func(int) Layer { return Conv2D{Filters: 1, Size: Square(1), Activation: ReLUActivation} })
	add("a chain that is handed on", func(int) Layer { return Dropout{Rate: 0.5} })
	add("all read the first", func(i int) Layer {
		if i == 0 {
			return ReLU{Name: name(0)}
		}
		return ReLU{Name: name(i), From: name(0)}
	})
	add("all read the first and the one before", func(i int) Layer {
		if i == 0 {
			return MaxPool{Name: name(0), Size: Square(1)}
		}
		return Add{Name: name(i), From: []string{"", name(0)}}
	})
	add("a sum of all", func(i int) Layer { return ReLU{Name: name(i), From: InputName} }, Add{From: all()})
	add("a concatenation of all", func(i int) Layer { return MaxPool{Name: name(i), From: InputName, Size: Square(1)} }, Concat{From: all()})
	add("a sum of the same", func(i int) Layer { return ReLU{Name: name(i)} }, Add{From: func() (names []string) {
		for range many {
			names = append(names, name(0))
		}
		return names
	}()})
	add("all are outputs", func(i int) Layer { return ReLU{Name: name(i)} })
	outputs := list["all are outputs"]
	outputs.Outputs = all()
	list["all are outputs"] = outputs
	return list
}

// TestLinear plans networks of 100,000 layers. The memory of a run follows from the
// network's shape: a known number of outputs of 4 numbers are live at once.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	live := map[string]int64{
		"a chain written over one buffer":       1,
		"a chain with weights":                  2, // what a layer reads, and its output
		"a chain that is handed on":             0,
		"all read the first":                    1,    // the last is the output and written over it; no other runs
		"all read the first and the one before": 2,    // the first, and the sum so far
		"a sum of all":                          many, // written over one of them
		"a concatenation of all":                2 * many,
		"a sum of the same":                     2,
		"all are outputs":                       many,
	}
	for name, n := range largeNetworks() {
		t.Run(name, func(t *testing.T) {
			m, err := n.Memory(Workload{Training: true, Optimizer: Adam})
			if err != nil {
				t.Fatal(err)
			}
			const bytes = 4 * 4 // of an output, and of the input
			weights := m.Inference.Parts[0].Bytes
			if got, want := m.Inference.Bytes, weights+(live[name]+1)*bytes; got != want {
				t.Errorf("%d bytes, want %d: weights, input and %d outputs", got, want, live[name])
			}
			m.Live(m.Busiest)
		})
	}
}

// TestLinearMemorySavings looks for savings where no layer helps, so that each
// would be tried.
func TestLinearMemorySavings(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	if many < 100_000 {
		t.Skip("trials are bounded for so many layers alone")
	}
	n := Network{Input: Input{Height: 1, Width: 1, Channels: 1}}
	for range many {
		n.Layers = append(n.Layers, MaxPool{Size: Square(1)})
	}
	savings, err := n.MemorySavings(Workload{})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("none of the %d layers tried", trials(many))
	for _, r := range savings[1:3] {
		if r.Possible || !strings.Contains(r.What, want) {
			t.Errorf("%s: %s", r.Name, r.What)
		}
	}
	if _, err := n.LargestBatch(Workload{}, 1<<40); err != nil {
		t.Error(err)
	}
}

// TestLinearJSON writes and reads a network of 100,000 layers.
func TestLinearJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	n := largeNetworks()["all are outputs"]
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
	if _, err := n.Plan(); err == nil {
		t.Error("a cycle was planned")
	}
}
