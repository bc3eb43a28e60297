package profile

import (
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// Where layers ran is TensorFlow's word, and the numbers are those of a run
// without a record.
func TestTrace(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 12, Width: 12, Channels: 2},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 4, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
			graph.MaxPool{Size: graph.Square(2)},
			graph.AvgPool{Size: graph.Square(2), Padding: graph.Explicit(1, 0, 0, 1)},
		},
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, _ := tensor.New(2, 12, 12, 2)
	for i := range x.Data {
		x.Data[i] = float32(i%7) - 2
	}
	plain, err := s.RunOutputs(t.Context(), x, "conv1", "avg_pool1")
	if err != nil {
		t.Fatal(err)
	}
	traced, layers, err := Trace(t.Context(), s, x, "conv1", "avg_pool1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		if !slices.Equal(plain[i].Data, traced[i].Data) {
			t.Errorf("output %d differs with a record", i)
		}
	}
	for i, name := range []string{"conv1", "max_pool1", "avg_pool1"} {
		if l := layers[i]; l.Layer != name || !slices.Equal(l.Devices, []string{"/device:CPU:0"}) || l.Time <= 0 {
			t.Errorf("%+v", l)
		}
	}

	// What is not computed is not in the record.
	_, layers, err = Trace(t.Context(), s, x, "conv1")
	if err != nil || len(layers[1].Devices) > 0 || layers[1].Time != 0 {
		t.Errorf("%+v, %v", layers, err)
	}
	if _, _, err := Trace(t.Context(), s, x, "conv7"); err == nil || !strings.Contains(err.Error(), "conv7") {
		t.Errorf("%v", err)
	}
}
