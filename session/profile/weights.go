package profile

import (
	"maps"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
)

// RandomWeights returns initial weights for measurements: the numbers of each bias and
// each channel statistic are random, as TensorFlow's optimizer removes zeros.
func RandomWeights(net graph.Network, seed uint64) graph.Weights {
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
