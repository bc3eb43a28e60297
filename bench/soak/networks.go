package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/testdata"
)

// network is one that is run all the time, with the images that it is fed.
type network struct {
	name string
	graph.Network
	weights graph.Weights
	image   func(random *rand.Rand, numbers []float32) // fills one image
}

// networks are those of the load: integers that are exact from end to end, and
// numbers with bounds; constants and (f6 of lenet5 is one) weights that are fed.
func networks() ([]network, error) {
	lenet, err := nets.Load("lenet5")
	if err != nil {
		return nil, err
	}
	lenet.Outputs = []string{"softmax", "c5"}
	crop, err := crops()
	if err != nil {
		return nil, err
	}
	list := []network{
		{name: "filters", Network: tutorial, weights: graph.Weights{"lines/filter": lines()}, image: crop},
		{name: "lenet5", Network: lenet, image: gaussian},
		{name: "residual", Network: residual, image: gaussian},
		{name: "grouped", Network: grouped, image: gaussian},
	}
	for i := range list {
		if list[i].weights == nil {
			list[i].weights = list[i].InitialWeights(uint64(i) + 1)
			for name, w := range list[i].weights {
				if strings.HasSuffix(name, "/filter") {
					thin(w, uint64(i))
				}
			}
		}
	}
	return list, nil
}

// taps is how many weights that are not zero an output of thinned filters has.
const taps = 4

// thin leaves each output of a filter some weights. A bound that is handed from
// layer to layer grows with Σ|w| and the numbers with √Σw²: with hundreds of
// weights to an output and five layers, answers could not be told apart. To
// TensorFlow's kernels one weight is as good as another.
func thin(w tensor.Tensor, seed uint64) {
	outputs := w.Shape[len(w.Shape)-1]
	inputs := len(w.Data) / outputs
	random := rand.New(rand.NewPCG(seed, 5))
	for output := range outputs {
		order := random.Perm(inputs)
		few := min(taps, inputs)
		for _, i := range order[few:] {
			w.Data[i*outputs+output] = 0
		}
		for _, i := range order[:few] {
			w.Data[i*outputs+output] *= float32(math.Sqrt(float64(inputs) / float64(few)))
		}
	}
}

// tutorial is the tutorial's two line filters and its pool.
var tutorial = graph.Network{
	Input: graph.Input{Height: 40, Width: 56, Channels: 3},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "lines", Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same, NoBias: true},
		graph.MaxPool{Name: "pool", Size: graph.Square(2)},
	},
	Outputs: []string{"pool", "lines"},
}

var residual = graph.Network{
	Input: graph.Input{Height: 12, Width: 12, Channels: 8},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "c1", Filters: 8, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "n1"},
		graph.ReLU{Name: "r1"},
		graph.Conv2D{Name: "c2", Filters: 8, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "n2"},
		graph.Add{Name: "sum", From: []string{"n2", graph.InputName}},
		graph.ReLU{Name: "r2"},
		graph.GlobalAvgPool{Name: "mean"},
		graph.Dense{Name: "classes", Units: 10},
	},
	Outputs: []string{"classes", "mean"},
}

var grouped = graph.Network{
	Input: graph.Input{Height: 10, Width: 14, Channels: 8},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "c1", Filters: 16, Size: graph.Square(3), Groups: 4, Padding: graph.Explicit(1, 0, 2, 1), Activation: graph.ReLUActivation},
		graph.MaxPool{Name: "pool", Size: graph.Square(2)},
		graph.Conv2D{Name: "c2", Filters: 4, Size: graph.Square(3), Activation: graph.ReLUActivation},
	},
}

// lines are the tutorial's filters: a line down the middle, and one across.
func lines() tensor.Tensor {
	const size, channels, filters = 7, 3, 2
	x := tensor.Tensor{Shape: []int{size, size, channels, filters}, Data: make([]float32, size*size*channels*filters)}
	for i := range size {
		for channel := range channels {
			x.Data[((i*size+size/2)*channels+channel)*filters] = 1
			x.Data[((size/2*size+i)*channels+channel)*filters+1] = 1
		}
	}
	return x
}

func gaussian(random *rand.Rand, numbers []float32) {
	for i := range numbers {
		numbers[i] = float32(random.NormFloat64())
	}
}

// crops returns a function that cuts pieces out of a sample image.
func crops() (func(random *rand.Rand, numbers []float32), error) {
	text, err := testdata.Files.ReadFile("images/china.jpg")
	if err != nil {
		return nil, fmt.Errorf("soak: sample image: %w", err)
	}
	photo, err := jpeg.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("soak: sample image: %w", err)
	}
	height, width := tutorial.Input.Height, tutorial.Input.Width
	bounds := photo.Bounds()
	return func(random *rand.Rand, numbers []float32) {
		from := image.Pt(random.IntN(bounds.Dx()-width), random.IntN(bounds.Dy()-height))
		for i := range height * width {
			r, g, b, _ := photo.At(from.X+i%width, from.Y+i/width).RGBA()
			for channel, v := range []uint32{r, g, b} {
				numbers[3*i+channel] = float32(v >> 8)
			}
		}
	}, nil
}

// passing is the network of open-run-close cycle i: another one each time, its
// weights partly constants and partly fed.
func passing(i int) (graph.Network, tensor.Tensor) {
	random := rand.New(rand.NewPCG(uint64(i), 3))
	net := graph.Network{
		Input: graph.Input{Height: 8 + random.IntN(24), Width: 8 + random.IntN(24), Channels: 1 + random.IntN(4)},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 8 << random.IntN(4), Size: graph.Square(1 + random.IntN(5)), Activation: graph.ReLUActivation},
			graph.MaxPool{Size: graph.Square(2)},
			graph.Flatten{},
			graph.Dense{Units: 10 + random.IntN(50)},
		},
	}
	batch := tensor.Tensor{Shape: []int{1 + random.IntN(4), net.Input.Height, net.Input.Width, net.Input.Channels}}
	batch.Data = make([]float32, batch.Shape[0]*net.Input.Height*net.Input.Width*net.Input.Channels)
	gaussian(random, batch.Data)
	return net, batch
}
