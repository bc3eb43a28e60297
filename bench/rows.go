package main

import (
	"fmt"
	"runtime"

	"tfcnn/graph"
	"tfcnn/graph/nets"
)

// row is one line of the results: a network and the way in which it is called.
type row struct {
	name  string
	title string
	how   manner
	batch int
	net   func() (graph.Network, error)
	// inputs is the number of different batches, for callers one each.
	inputs  int
	callers int
	// quick says that the work is nearly nothing: limits of arithmetic and
	// memory say nothing about it.
	quick bool
	// both says that it is measured without oneDNN too.
	both bool
	// device, compute and tf32 are of rows of networks on a device; see
	// worker.Job.
	device, compute string
	tf32            bool
	// pixels leaves the images' numbers at 0 to 255; else they are −1 to 1.
	pixels bool
}

// manner is what is measured.
type manner string

const (
	calls manner = "calls" // one after the other
	start manner = "start" // a new process to its first result
	crowd manner = "crowd" // callers at the same time
	files manner = "files" // callers at the same time, each with JPEG files
)

// sampleHeight and sampleWidth are the sample images'.
const sampleHeight, sampleWidth = 427, 640

// lines is the tutorial's convolution; its filters are set by hand.
var lines = graph.Conv2D{Name: "conv2d", Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same, NoBias: true}

// of is a network of some layers.
func of(height, width, channels int, layers ...graph.Layer) func() (graph.Network, error) {
	return func() (graph.Network, error) {
		return graph.Network{
			Input:       graph.Input{Height: height, Width: width, Channels: channels},
			Layers:      layers,
			Initializer: graph.Initializer{Kind: graph.HeNormal},
		}, nil
	}
}

// ready is a network by name. Its filters are drawn so that the numbers stay of
// one size from layer to layer, else all results would look alike.
func ready(name string) func() (graph.Network, error) {
	return func() (graph.Network, error) {
		n, err := nets.Load(name)
		if name != "lenet5" { // made for tanh and Glorot's
			n.Initializer = graph.Initializer{Kind: graph.HeNormal}
		}
		return n, err
	}
}

// lenet28 is lenet5 for images of 28×28, padded in its first layer.
func lenet28() (graph.Network, error) {
	n, err := nets.Load("lenet5")
	if err != nil {
		return n, err
	}
	first, is := n.Layers[0].(graph.Conv2D)
	if !is {
		return n, fmt.Errorf("lenet5 begins with %T, want a convolution", n.Layers[0])
	}
	first.Padding = graph.Explicit(2, 2, 2, 2)
	n.Layers[0] = first
	n.Input.Height, n.Input.Width = 28, 28
	return n, nil
}

// job is the tutorial's: both operations, each on the image itself.
func job() (graph.Network, error) {
	n, err := of(sampleHeight, sampleWidth, 3, lines, graph.MaxPool{Name: "max_pool", From: graph.InputName, Size: graph.Square(2)})()
	n.Outputs = []string{"conv2d", "max_pool"}
	return n, err
}

const crowdSize = 16

// rows are all there are, in the order of the results.
func rows() []row {
	return []row{
		{name: "start", title: "Cold start to the first result: a new process, the tutorial's conv2d on the two sample images", how: start, batch: 2, net: of(sampleHeight, sampleWidth, 3, lines), pixels: true, quick: true},
		{name: "conv2d", both: true, title: "The tutorial's conv2d, 7×7×3→2, stride 2, SAME, on the two sample images (427×640)", batch: 2, net: of(sampleHeight, sampleWidth, 3, lines), pixels: true},
		{name: "max_pool", both: true, title: "The tutorial's max_pool, 2×2, on the two sample images (427×640)", batch: 2, net: of(sampleHeight, sampleWidth, 3, graph.MaxPool{Size: graph.Square(2)}), pixels: true},
		{name: "maps200", both: true, title: "conv 5×5×3→200 SAME, ReLU, max_pool 2×2, conv 3×3×200→64, ReLU, global average, on 8 images of 100×150", batch: 8, net: of(100, 150, 3,
			graph.Conv2D{Filters: 200, Size: graph.Square(5), Padding: graph.Same, Activation: "relu"},
			graph.MaxPool{Size: graph.Square(2)},
			graph.Conv2D{Filters: 64, Size: graph.Square(3), Activation: "relu"},
			graph.GlobalAvgPool{})},
		{name: "lenet5-1", both: true, title: "lenet5, 1 image of 32×32", batch: 1, net: ready("lenet5")},
		{name: "lenet5-64", title: "lenet5, 64 images", batch: 64, net: ready("lenet5")},
		{name: "alexnet-1", title: "alexnet, 1 image of 227×227", batch: 1, net: ready("alexnet")},
		{name: "alexnet-8", title: "alexnet, 8 images", batch: 8, net: ready("alexnet")},
		{name: "resnet18-1", both: true, title: "resnet18, 1 image of 224×224", batch: 1, net: ready("resnet18")},
		{name: "resnet18-8", title: "resnet18, 8 images", batch: 8, net: ready("resnet18")},
		{name: "mobilenet-1", both: true, title: "mobilenet, 1 image of 224×224", batch: 1, net: ready("mobilenet")},
		{name: "mobilenet-8", title: "mobilenet, 8 images", batch: 8, net: ready("mobilenet")},
		{name: "overhead", title: "One 4×4 image through one max_pool 2×2: what a call costs", batch: 1, net: of(4, 4, 1, graph.MaxPool{Size: graph.Square(2)}), quick: true},
		{name: "crowd", title: "16 goroutines or threads send single 28×28 images through lenet5", how: crowd, batch: 1, net: lenet28, inputs: crowdSize, callers: crowdSize},
		{name: "jpeg", title: "JPEG files (427×640) through decoding and the tutorial's job, conv2d and max_pool, on all cores", how: files, batch: 1, net: job, pixels: true, callers: runtime.NumCPU(), quick: true},
	}
}

// complete fills in what a row leaves to its default.
func (r row) complete() row {
	if r.how == "" {
		r.how = calls
	}
	r.inputs = max(r.inputs, 1)
	r.callers = max(r.callers, 1)
	return r
}
