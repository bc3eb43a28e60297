package profile

import (
	"testing"

	"tfcnn/graph"
)

// Statistics, factors and biases are drawn too, so that no layer is an identity; equal
// seeds give equal weights.
func TestRandomWeights(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 8, Width: 8, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 16, Size: graph.Square(3)},
			graph.BatchNorm{Name: "norm"},
		},
	}
	first, again, other := RandomWeights(net, 1), RandomWeights(net, 1), RandomWeights(net, 2)
	if len(first) != 6 {
		t.Fatalf("%d weights, want filter, bias, scale, offset, mean and variance", len(first))
	}
	for name, w := range first {
		values := map[float32]bool{}
		for i, v := range w.Data {
			values[v] = true
			if v != again[name].Data[i] {
				t.Fatalf("%s: number %d differs with one seed", name, i)
			}
			if len(w.Shape) == 1 && (v < 0.5 || v >= 1.5) {
				t.Errorf("%s: number %d is %v, want 0.5 to 1.5", name, i, v)
			}
		}
		if len(values) < len(w.Data)/2 || w.Data[0] == other[name].Data[0] {
			t.Errorf("%s: %d different numbers of %d; with another seed the first is equal: %v", name, len(values), len(w.Data), w.Data[0] == other[name].Data[0])
		}
	}
}
