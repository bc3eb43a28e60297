package draw

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// Network is a network that is drawn, and how it runs. Its weights and images are
// drawn from a seed of its own, so that its JSON form repeats the run.
type Network struct {
	Name    string        `json:"name"`
	Network graph.Network `json:"network"`
	Seed    uint64        `json:"seed"` // of the weights and the images
	Images  int           `json:"images"`
	Numbers Numbers       `json:"numbers"`
	// Executor, Threads, Store and Compute are the fields of session.Options; Store is
	// the WeightStore. Threads and Store apply to the CPU.
	Executor string      `json:"executor,omitempty"`
	Threads  int         `json:"threads,omitempty"`
	Store    string      `json:"weights,omitempty"`
	Compute  graph.DType `json:"compute,omitempty"`
}

// Numbers is the kind of a network's weights and images.
type Numbers string

// The kinds of numbers. The bound of a sum of Whole numbers is 0.
const (
	Gaussian Numbers = "gaussian"
	Whole    Numbers = "whole"  // small whole numbers
	Pixels   Numbers = "pixels" // images of whole numbers from 0 to 255, and Gaussian weights
	// Fresh: Gaussian images, and weights as InitialWeights draws them: TensorFlow's
	// optimizer removes sums with biases that are all zero.
	Fresh Numbers = "fresh"
)

var kindsOfNumbers = []Numbers{Gaussian, Whole, Pixels, Fresh}

// mostNetworkImages and mostThreads bound what a file may ask for.
const (
	mostNetworkImages = 1 << 10
	mostThreads       = 1 << 8
)

// check refuses a network that cannot run.
func (n Network) check() error {
	switch {
	case n.Images < 1 || n.Images > mostNetworkImages:
		return fmt.Errorf("images is %d, want 1 to %d", n.Images, mostNetworkImages)
	case n.Threads < 0 || n.Threads > mostThreads:
		return fmt.Errorf("threads is %d, want 0 to %d", n.Threads, mostThreads)
	case !slices.Contains(kindsOfNumbers, n.Numbers):
		return fmt.Errorf("numbers is %s, want one of %v", quote.Name(string(n.Numbers)), kindsOfNumbers)
	}
	_, err := graph.Lower(n.Network)
	return err
}

// BoundsKnown reports whether the reference has bounds for the network's type of
// arithmetic.
func (n Network) BoundsKnown() bool { return n.Compute == "" || n.Compute == graph.Float32 }

// Weights draws the network's weights.
func (n Network) Weights() (graph.Weights, error) {
	lowered, err := graph.Lower(n.Network)
	if err != nil {
		return nil, err
	}
	weights := n.Network.InitialWeights(n.Seed)
	if n.Numbers == Fresh {
		return weights, nil
	}
	random := rand.New(rand.NewPCG(n.Seed, 1))
	for _, step := range lowered.Program.Steps {
		if len(step.Weights) == 0 {
			continue
		}
		operands := step.Op.Traits().Operands.Names()[len(step.Inputs):]
		for i, w := range step.Weights {
			data := weights[w.Name].Data
			switch operand := operands[i].Name; {
			case operand == "filter" && n.Numbers != Whole:
				// as the network's initializer drew it
			case operand == "filter":
				for k := range data {
					data[k] = float32(random.IntN(5) - 2)
				}
			case operand == "variance":
				for k := range data {
					data[k] = 0.25 + 2*random.Float32()
				}
			default:
				n.Numbers.weights().fill(random, data)
			}
		}
	}
	return weights, nil
}

// Input draws the network's images.
func (n Network) Input() tensor.Tensor {
	in := n.Network.Input
	x := tensor.Tensor{Shape: []int{n.Images, in.Height, in.Width, in.Channels}}
	x.Data = make([]float32, n.Images*in.Height*in.Width*in.Channels)
	n.Numbers.fill(rand.New(rand.NewPCG(n.Seed, 2)), x.Data)
	return x
}

// weights returns the kind of the weights beside images of a kind.
func (kind Numbers) weights() Numbers {
	if kind == Pixels {
		return Gaussian
	}
	return kind
}

func (kind Numbers) fill(random *rand.Rand, data []float32) {
	for i := range data {
		switch kind {
		case Whole:
			data[i] = float32(math.Round(3 * random.NormFloat64()))
		case Pixels:
			data[i] = float32(random.IntN(256))
		default:
			data[i] = float32(random.NormFloat64())
		}
	}
}

// WriteNetworks returns a file of networks, which ReadNetworks reads.
func WriteNetworks(list ...Network) (json.RawMessage, error) {
	text, err := json.Marshal(networkFile{list})
	if err != nil {
		return nil, fmt.Errorf("proof: networks: %w", err)
	}
	return text, nil
}

type networkFile struct {
	Networks []Network `json:"networks"`
}

// ReadNetworks reads a file of networks strictly. Name is the file's, for errors.
func ReadNetworks(name string, text []byte) ([]Network, error) {
	fail := func(err error) ([]Network, error) {
		return nil, fmt.Errorf("proof: networks %s: %w", quote.Plain(name), err)
	}
	text = strict.TrimBOM(text)
	if err := strict.Check(text); err != nil {
		return fail(err)
	}
	var file networkFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return fail(err)
	}
	if len(file.Networks) == 0 {
		return fail(errors.New(`no networks, want {"networks": [ … ]}`))
	}
	for i, n := range file.Networks {
		if err := n.check(); err != nil {
			return fail(fmt.Errorf("network %d: %w", i+1, err))
		}
	}
	return file.Networks, nil
}
