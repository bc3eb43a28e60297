package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
)

// Nodes are listed once for each operation and device, with the layers in the
// network's order, in every order of the record.
func TestAddNodes(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "b", Filters: 2, Size: graph.Square(3)}, graph.ReLU{Name: "a"}, graph.Flatten{Name: "c"},
		},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	nodes := []trace.Node{
		{Name: "a/relu", Op: "Relu", Device: "D", Layer: "a"},
		{Name: "b/conv", Op: "Conv2D", Device: "E", Layer: "b"},
		{Name: "a/conv", Op: "Conv2D", Device: "D", Layer: "a"},
		{Name: "b/again", Op: "Conv2D", Device: "D", Layer: "b"},
		{Name: "b/conv", Op: "Conv2D", Device: "D", Layer: "b"},
		{Name: "b/filter", Op: "Const", Device: "D", Layer: "b"},
		{Name: "x", Op: "Cast", Device: "D"},
	}
	want := []string{"Conv2D D b a", "Conv2D E b", "Relu D a"}
	for range 2 {
		v := verifier{lowered: lowered}
		v.addNodes(trace.Record{Nodes: nodes[:3]})
		v.addNodes(trace.Record{Nodes: nodes[3:]})
		var got []string
		for _, k := range v.result.Nodes {
			got = append(got, k.Op+" "+k.Device+" "+strings.Join(k.Layers, " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		slices.Reverse(nodes)
	}
}

// The digests of a layer and of a chain are those of the files that WriteNPY writes of
// what a session returns, and the nodes are those of the layers.
func TestDigests(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 6, Width: 5, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(3)},
			graph.MaxPool{Name: "p", Size: graph.Square(2)},
		},
	}
	weights, batch := net.InitialWeights(1), tensor.MustNew(1, 6, 5, 1)
	for i := range batch.Data {
		batch.Data[i] = float32(i%7) / 3
	}
	result, err := Network(t.Context(), net, weights, batch, Options{Options: session.Options{Device: "cpu", Executor: session.Parallel}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Open(net, weights, session.Options{Device: "cpu", Executor: session.Parallel})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	outputs, err := s.RunOutputs(t.Context(), batch, "c", "p")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"c", "p"} {
		path := filepath.Join(t.TempDir(), "out.npy")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := outputs[i].WriteNPY(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got, want := result.Layers[i].SHA256, hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	last := result.Chains[len(result.Chains)-1]
	if last.Layers[len(last.Layers)-1] != "p" || last.SHA256 != result.Layers[1].SHA256 {
		t.Errorf("chain %v: sha256 %s, want the pool's %s", last.Layers, last.SHA256, result.Layers[1].SHA256)
	}
	var layers []string
	for _, k := range result.Nodes {
		layers = append(layers, k.Layers...)
	}
	if !slices.Contains(layers, "c") || !slices.Contains(layers, "p") || result.Executor != "parallel" {
		t.Errorf("nodes %v, executor %q", result.Nodes, result.Executor)
	}
}
