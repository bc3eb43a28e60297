package draw

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/plan"
)

// The channels, window sizes, image sides and batches of drawn networks. A vector of
// a processor has 8 or 16 numbers: kernels differ below, at, between and above its
// multiples.
var (
	networkChannels = []int{1, 3, 8, 16, 17, 24, 32, 64, 65, 256}
	networkWindows  = []int{1, 1, 1, 2, 3, 3, 3, 3, 4, 5, 7, 11}
	networkBatches  = []int{1, 1, 2, 2, 3, 4, 8, 16}
)

const (
	leastSide, mostSide = 7, 56
	// Multiplications, numbers and weights bound a network's batch, so that the reference
	// takes a fraction of a second.
	mostMultiplications = 50e6
	mostNumbers         = 1.5e6
	mostWeights         = 2e6
	// mostPieces is the most pieces of a network, each a layer or a chain of layers.
	mostPieces = 6
)

// DrawNetwork returns network i of a seed: the same on every machine. Most pieces are
// chains that TensorFlow may compute in one call: a convolution, perhaps a batch norm, a
// sum with another branch, and an activation.
func DrawNetwork(seed uint64, i int) Network {
	d := &networkDrawing{draw: &draw{Rand: rand.New(rand.NewPCG(seed, uint64(i)^0x6e657473))}}
	n := Network{
		Name: fmt.Sprintf("seed %d, network %d", seed, i), Seed: d.Uint64() >> 12,
		Images: pick(d.draw, networkBatches...), Numbers: pick(d.draw, Gaussian, Gaussian, Gaussian, Whole, Whole, Pixels, Fresh, Fresh),
		Executor: pick(d.draw, "", "", "single", "parallel"),
		Threads:  pick(d.draw, 0, 0, 0, 1, 2, 3), Store: pick(d.draw, "", "", "constants", "fed"),
	}
	if d.oneIn(10) {
		n.Compute = pick(d.draw, graph.BFloat16, graph.Float16)
	}
	d.images = n.Images
	d.network.Input = graph.Input{Height: d.side(), Width: d.side(), Channels: pick(d.draw, networkChannels...)}
	if d.oneIn(3) {
		d.network.Input.Width = d.network.Input.Height
	}
	for pieces := d.upTo(mostPieces); pieces > 0; pieces-- {
		d.piece()
	}
	if d.oneIn(2) || len(d.network.Layers) == 0 {
		d.head()
	}
	if d.oneIn(3) {
		for _, k := range d.Perm(len(d.lowered.Layers))[:d.upTo(min(3, len(d.lowered.Layers)))] {
			d.network.Outputs = append(d.network.Outputs, d.lowered.Layers[k].Name)
		}
	}
	n.Network = d.network
	return n
}

// networkDrawing is a network as far as it is drawn.
type networkDrawing struct {
	*draw
	network graph.Network
	lowered graph.Lowered
	images  int
}

// side is one side of the images; small ones are more frequent.
func (d *networkDrawing) side() int {
	if d.oneIn(3) {
		return leastSide + d.IntN(mostSide-leastSide+1)
	}
	return pick(d.draw, leastSide, 8, 12, 14, 28)
}

// shape is the output's of the last layer, without the batch.
func (d *networkDrawing) shape() []int {
	if len(d.lowered.Layers) == 0 {
		in := d.network.Input
		return []int{in.Height, in.Width, in.Channels}
	}
	return d.lowered.Program.Steps[len(d.lowered.Program.Steps)-1].Shape[1:]
}

// name is that of the kth layer that is added next; 0 is that of the last layer.
func (d *networkDrawing) name(k int) string {
	if len(d.network.Layers)+k == 0 {
		return graph.InputName
	}
	return fmt.Sprintf("l%d", len(d.network.Layers)+k)
}

// add appends layers, named in their order, and reports whether the network is still
// one that Lower accepts and that costs no more than it may.
func (d *networkDrawing) add(layers ...graph.Layer) bool {
	next := d.network
	next.Layers = slices.Clone(next.Layers)
	for k, layer := range layers {
		next.Layers = append(next.Layers, withField(layer, "Name", d.name(k+1)))
	}
	lowered, err := graph.Lower(next)
	if err != nil || !affordable(next, lowered, d.images) {
		return false
	}
	d.network, d.lowered = next, lowered
	return true
}

// affordable reports whether the reference computes a batch in a fraction of a second.
func affordable(n graph.Network, lowered graph.Lowered, images int) bool {
	planned, err := plan.Of(n)
	if err != nil {
		return false
	}
	numbers := int64(0)
	for _, step := range lowered.Program.Steps {
		product := int64(images)
		for _, size := range step.Shape[1:] {
			product *= int64(size)
		}
		numbers += product
	}
	return planned.MACs()*int64(images) <= mostMultiplications && numbers <= mostNumbers &&
		planned.Parameters+planned.Statistics <= mostWeights
}

// withField returns a layer with one field changed.
func withField(layer graph.Layer, field string, value any) graph.Layer {
	v := reflect.New(reflect.TypeOf(layer)).Elem()
	v.Set(reflect.ValueOf(layer))
	v.FieldByName(field).Set(reflect.ValueOf(value))
	return v.Interface().(graph.Layer)
}

// piece adds a piece, drawn again until it fits. A network whose last layer is a row
// of features goes on with pieces of dense layers.
func (d *networkDrawing) piece() {
	for range 12 {
		fits := false
		switch kind := d.IntN(16); {
		case len(d.shape()) == 1 && d.oneIn(3):
			fits = d.add(d.elementwise())
		case len(d.shape()) == 1:
			fits = d.chain(d.dense())
		case kind < 7:
			fits = d.chain(d.convolution())
		case kind < 9:
			fits = d.chain(d.depthwise())
		case kind < 11:
			fits = d.add(d.pool())
		case kind < 13:
			fits = d.branches()
		case kind < 15:
			fits = d.add(d.pixels())
		case d.shape()[2] == 3 && d.oneIn(2):
			fits = d.add(graph.SwapRGB{})
		default:
			fits = d.add(d.elementwise())
		}
		if fits {
			return
		}
	}
}

// head ends a network of images as classifiers end.
func (d *networkDrawing) head() {
	if len(d.shape()) == 3 {
		d.add(pick[graph.Layer](d.draw, graph.GlobalAvgPool{}, graph.GlobalMaxPool{}, graph.Flatten{}))
	}
	if len(d.shape()) == 1 {
		d.chain(d.dense())
		if d.oneIn(2) {
			d.add(graph.Softmax{})
		}
	}
	if len(d.network.Layers) == 0 {
		d.add(graph.ReLU{}) // which always fits
	}
}
