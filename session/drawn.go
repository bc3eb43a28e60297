package session

import (
	"maps"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
)

// DrawnWeights are fresh weights from a seed that TensorFlow's optimizer cannot
// take for nothing, for measuring: no bias of zeros, no two alike.
func DrawnWeights(net graph.Network, seed uint64) graph.Weights {
	weights := net.InitialWeights(seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if w := weights[name]; len(w.Shape) == 1 {
			for i := range w.Data {
				w.Data[i] = 0.5 + random.Float32()
			}
		}
	}
	return weights
}
