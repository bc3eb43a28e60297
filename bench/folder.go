package main

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"

	"tfcnn/bench/worker"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/testdata"
)

// samples are the sample images' files.
var samples = []string{"china.jpg", "flower.jpg"}

// work is what one call of a row takes.
type work struct {
	FLOPs float64 `json:"flops"` // two for each multiplication with a weight
	Bytes int64   `json:"bytes"` // the input read and the output written, once
}

// writeJob writes a row's job into a folder for all contestants.
func writeJob(folder string, r row) (worker.Job, work, error) {
	network, err := r.net()
	if err != nil {
		return worker.Job{}, work{}, err
	}
	lowered, err := graph.Lower(network)
	if err != nil {
		return worker.Job{}, work{}, err
	}
	plan, err := network.Plan()
	if err != nil {
		return worker.Job{}, work{}, err
	}
	spelled, err := steps(lowered.Program)
	if err != nil {
		return worker.Job{}, work{}, err
	}
	j := worker.Job{
		Row: r.name, Device: r.device, Compute: r.compute, TF32: r.tf32, Batch: r.batch, Inputs: r.inputs, Steps: spelled,
		InputFile: "input.npy", NetworkFile: "network.json", WeightsFile: "weights.npz",
	}
	w := work{FLOPs: 2 * float64(plan.MACs()) * float64(r.batch)}
	numbers := elements(lowered.Program.Input)
	for _, layer := range lowered.Outputs {
		last := lowered.Layers[layer].Last
		j.Outputs = append(j.Outputs, last)
		j.OutputLayers = append(j.OutputLayers, lowered.Layers[layer].Name)
		numbers += elements(lowered.Program.Steps[last].Shape[1:])
	}
	w.Bytes = 4 * numbers * int64(r.batch)
	j.CopyBytes = w.Bytes
	if r.how == files {
		if j.Files, err = writeSamples(folder); err != nil {
			return worker.Job{}, work{}, err
		}
	}
	input, err := batch(r, network.Input)
	if err != nil {
		return worker.Job{}, work{}, err
	}
	weights := network.InitialWeights(1)
	setLines(weights)
	widenDepthwise(weights, lowered.Program)
	return j, w, errors.Join(
		j.Write(folder),
		writeFile(filepath.Join(folder, j.NetworkFile), func(out io.Writer) error { return graph.WriteNetwork(out, network) }),
		writeFile(filepath.Join(folder, j.WeightsFile), weights.WriteNPZ),
		writeFile(filepath.Join(folder, j.InputFile), input.WriteNPY),
	)
}

// setLines gives the tutorial's convolution its filters: a vertical line and a
// horizontal one.
func setLines(weights graph.Weights) {
	filter, found := weights["conv2d/filter"]
	if !found {
		return
	}
	for i := range filter.Data {
		at := filter.Index(i) // row, column, channel, map
		filter.Data[i] = 0
		if at[1-at[3]] == 3 {
			filter.Data[i] = 1
		}
	}
}

// widenDepthwise gives depthwise filters the size that keeps numbers of one
// size: initializers, as Keras defines them, take all channels for a filter's
// input, where it is one; after 13 such layers all numbers would be nearly 0.
func widenDepthwise(weights graph.Weights, p ir.Program) {
	for _, step := range p.Steps {
		if step.Op.Kind() != (ir.DepthwiseConv2D{}).Kind() {
			continue
		}
		filter := weights[step.Weights[0].Name]
		wider := float32(math.Sqrt(float64(filter.Shape[2])))
		for i := range filter.Data {
			filter.Data[i] *= wider
		}
	}
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// writeSamples puts the sample images' files into the folder.
func writeSamples(folder string) ([]string, error) {
	var paths []string
	for _, name := range samples {
		text, err := testdata.Files.ReadFile("images/" + name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// batch cuts a row's images out of the samples: image i from sample i mod
// 2, further to the right and down as i grows. One channel is green.
func batch(r row, size graph.Input) (tensor.Tensor, error) {
	var images []image.Image
	for _, name := range samples {
		file, err := testdata.Files.Open("images/" + name)
		if err != nil {
			return tensor.Tensor{}, err
		}
		image, err := jpeg.Decode(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return tensor.Tensor{}, err
		}
		images = append(images, image)
	}
	n := r.batch * r.inputs
	x, err := tensor.New(n, size.Height, size.Width, size.Channels)
	if err != nil {
		return x, err
	}
	down, right := sampleHeight-size.Height, sampleWidth-size.Width
	if down < 0 || right < 0 {
		return x, fmt.Errorf("images of %d×%d do not fit into the samples", size.Width, size.Height)
	}
	for i := range x.Data {
		at := x.Index(i)
		image, shift := images[at[0]%len(images)], at[0]/len(images)
		left, top := (shift*37)%(right+1), (shift*23)%(down+1)
		red, green, blue, _ := image.At(left+at[2], top+at[1]).RGBA()
		colours := []uint32{red, green, blue}
		if size.Channels == 1 {
			colours = []uint32{green}
		}
		value := float32(colours[at[3]] >> 8)
		if !r.pixels {
			value = (value - 127.5) / 127.5
		}
		x.Data[i] = value
	}
	return x, nil
}

func elements(shape []int) int64 {
	n, _ := tensor.Elements(shape) // of a network that was lowered
	return int64(n)
}

// steps spells a program out.
func steps(p ir.Program) ([]worker.Step, error) {
	list := make([]worker.Step, len(p.Steps))
	for i, s := range p.Steps {
		operands := p.Operands(i, 1)
		t := worker.Step{
			Name: s.Name, Kind: s.Op.Kind(), Inputs: s.Inputs,
			Input: operands[0][1:], Output: s.Shape[1:],
			Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1,
		}
		for _, w := range s.Weights {
			t.Weights = append(t.Weights, w.Name)
		}
		attributes, known := stepAttributes[s.Op.Kind()]
		if !known {
			return nil, fmt.Errorf("bench: %s %q: the contestants compute no %s", s.Op.Kind(), s.Name, s.Op.Kind())
		}
		if op, is := s.Op.(ir.Windowed); is {
			h, w, err := op.Window(operands...)
			if err != nil {
				return nil, fmt.Errorf("bench: %s %q: %w", s.Op.Kind(), s.Name, err)
			}
			t.Size, t.Strides, t.Dilations = [2]int{h.Size, w.Size}, [2]int{h.Stride, w.Stride}, [2]int{h.Dilation, w.Dilation}
			t.Pad = [4]int{h.Before, h.After, w.Before, w.After}
		}
		if attributes != nil {
			attributes(&t, s.Op)
		}
		list[i] = t
	}
	return list, nil
}

// stepAttributes sets what a step has beside its window, for every operation that
// the contestants compute.
var stepAttributes = map[string]func(*worker.Step, ir.Op){
	"conv2d": func(t *worker.Step, o ir.Op) {
		op := o.(ir.Conv2D)
		t.Groups, t.Padding = op.Groups, op.Padding.Kind.String()
	},
	"depthwise_conv2d": func(t *worker.Step, o ir.Op) { t.Padding = o.(ir.DepthwiseConv2D).Padding.Kind.String() },
	"max_pool":         func(t *worker.Step, o ir.Op) { t.Padding = o.(ir.MaxPool).Padding.Kind.String() },
	"avg_pool":         func(t *worker.Step, o ir.Op) { t.Padding = o.(ir.AvgPool).Padding.Kind.String() },
	"batch_norm":       func(t *worker.Step, o ir.Op) { t.Epsilon = o.(ir.BatchNorm).Epsilon },
	"lrn": func(t *worker.Step, o ir.Op) {
		op := o.(ir.LRN)
		t.Radius, t.Bias, t.Alpha, t.Beta = op.DepthRadius, op.Bias, op.Alpha, op.Beta
	},
	"dense": nil, "relu": nil, "relu6": nil, "tanh": nil, "softmax": nil, "identity": nil, "flatten": nil, "add": nil,
}
