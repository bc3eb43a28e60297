package profile

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

// The same with oneDNN off and on, which only another process can be.
func TestWithAndWithoutOneDNN(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	for _, value := range []string{"0", "1"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^(TestMeasure|TestMeasureParts|TestProfile|TestFused|TestOneDNNSetting)$", "-test.count=1", "-test.v")
		cmd.Env = append(os.Environ(), "TF_ENABLE_ONEDNN_OPTS="+value, "TFCNN_CHILD="+value)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "--- PASS") != 5 {
			t.Errorf("TF_ENABLE_ONEDNN_OPTS=%s: %v\n%s", value, err, out)
		}
	}
}

// TestOneDNNSetting runs in the children of TestWithAndWithoutOneDNN.
func TestOneDNNSetting(t *testing.T) {
	value := os.Getenv("TFCNN_CHILD")
	if value == "" {
		t.Skip("is no child of TestWithAndWithoutOneDNN")
	}
	if _, err := process.Devices(); err != nil { // starts TensorFlow
		t.Fatal(err)
	}
	if on, known := tensorflow.OneDNNInUse(); !known || on != (value == "1") {
		t.Errorf("oneDNN is %t (known %t)", on, known)
	}
}

// The forecast is what TensorFlow's record has, to the byte, but for what is
// named; with oneDNN off nothing is.
func TestMeasure(t *testing.T) {
	lenet, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	square := func(name, from string, filters, size int) graph.Conv2D {
		return graph.Conv2D{Name: name, From: from, Filters: filters, Size: graph.Square(size), Padding: graph.Same}
	}
	for name, net := range map[string]graph.Network{
		"lenet5": lenet,
		"residual": {
			Input: graph.Input{Height: 24, Width: 20, Channels: 3},
			Layers: []graph.Layer{
				square("a", "", 8, 3),
				graph.BatchNorm{Name: "n", Activation: graph.ReLUActivation},
				square("b", "", 8, 3),
				graph.Add{Name: "sum", From: []string{"b", "n"}, Activation: graph.ReLUActivation},
				graph.MaxPool{Name: "p", Size: graph.Square(2)},
				graph.Flatten{Name: "f"},
				graph.Dense{Name: "d", Units: 7},
			},
		},
		"concat": {
			Input: graph.Input{Height: 24, Width: 20, Channels: 3},
			Layers: []graph.Layer{
				square("a", "", 8, 3),
				graph.ELU{Name: "e"},
				square("b", "e", 4, 3),
				graph.Concat{Name: "both", From: []string{"e", "b"}},
				graph.ZeroPad{Name: "z", Top: 1, Right: 2},
				graph.GlobalAvgPool{Name: "g"},
			},
			Outputs: []string{"g", "both"},
		},
	} {
		const batch = 8
		m, err := Measure(context.Background(), net, batch)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		forecast, err := net.Memory(graph.Workload{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		if m.Activations.Forecast != forecast.Inference.Parts[2].Bytes || m.Batch != batch || m.Unexplained != 0 {
			t.Errorf("%s: %+v", name, m)
		}
		sum := m.AtPeak + m.Unexplained
		for _, d := range m.Differences {
			sum += d.Bytes
			if strings.Contains(d.What, "output") && !strings.HasPrefix(d.What, "copy") {
				t.Errorf("%s: the forecast has other tensors: %+v", name, d)
			}
		}
		if sum != m.Activations.Measured {
			t.Errorf("%s: the differences add up to %d: %+v", name, sum, m)
		}
		if m.OneDNN != nil && !*m.OneDNN && m.Activations.Measured != m.Activations.Forecast {
			t.Errorf("%s: without oneDNN %+v", name, m.Activations)
		}
		if p := m.Process; p == nil || p.Run == nil || p.Run.Recorded < m.Activations.Forecast || p.First.Measured < 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A layer that TensorFlow knows only as several operations: a transposed
// convolution in groups spreads its input, whose zeros are named.
func TestMeasureParts(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 20, Width: 20, Channels: 4},
		Layers: []graph.Layer{
			graph.Conv2DTranspose{Name: "t", Filters: 4, Size: graph.Square(3), Strides: graph.Square(2), Groups: 2, Padding: graph.Same},
		},
	}
	m, err := Measure(context.Background(), net, 2)
	if err != nil {
		t.Fatal(err)
	}
	const numbers = 2 * 40 * 40 * 4
	want := Difference{Layer: "t", Op: "Pad", What: "output of one of the operations that the layer is made of", Bytes: 4 * numbers}
	if m.Activations.Forecast != 4*numbers || m.Unexplained != 0 || !slices.ContainsFunc(m.Differences, func(d Difference) bool {
		d.Op = "Pad" // or another name of it
		return d == want
	}) {
		t.Errorf("%+v", m)
	}
}

func TestMeasureRefuses(t *testing.T) {
	tutorial, err := nets.Load("tutorial")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Measure(context.Background(), tutorial, 716); err == nil || !strings.Contains(err.Error(), "do not index") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(ctx, tutorial, 1); err == nil {
		t.Error("a context that is done: no error")
	}
}

// Eigen's sums raise the peak where they come with it.
func TestPastRecord(t *testing.T) {
	for channels, want := range map[int]int64{384: 5971968, 385: 0} {
		lowered, err := graph.Lower(graph.Network{
			Input: graph.Input{Height: 1, Width: 1, Channels: channels}, Layers: []graph.Layer{graph.LRN{Name: "norm2"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := peak{nodes: recordedConv2()}
		p.all = allocations(p.nodes)
		p.bytes, p.at = busiest(p.all)
		// LRN has 3 times 5971968 at once, with its sums.
		got := int64(0)
		for _, d := range pastRecord(lowered, p) {
			got += d.Bytes
		}
		if want > 0 {
			want = 3*5971968 - p.bytes
		}
		if got != want {
			t.Errorf("%d channels: %d, want %d", channels, got, want)
		}
	}
}

func TestSetPool(t *testing.T) {
	m := Measurement{Process: &ProcessMemory{First: Growth{Measured: 50, Unexplained: 20}, Run: &Growth{Measured: 100, Recorded: 60, Unexplained: 40}}}
	m.SetPool(Measurement{})
	if m.Process.Run.Pool != nil {
		t.Error("told by nothing")
	}
	m.SetPool(Measurement{Process: &ProcessMemory{First: Growth{Measured: 45}, Run: &Growth{Measured: 70}}})
	if r := m.Process.Run; *r.Pool != 30 || r.Unexplained != 10 || *m.Process.First.Pool != 5 || m.Process.First.Unexplained != 15 {
		t.Errorf("%+v", m.Process)
	}
}
