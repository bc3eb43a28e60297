package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/profile"
)

// runNetwork is a network that run applies to images. Its height and width may
// be free: it has the images' then.
type runNetwork struct {
	name    string // empty: the two layers of run's flags
	network graph.Network
	weights graph.Weights       // nil: drawn from the seed
	origin  string              // of the weights, for reports
	labels  map[string][]string // of layers' channels, where they have names
	shown   []string            // layers whose outputs are written; empty: the network's outputs
}

// tutorial returns the two layers of run's flags: a convolution with line
// filters, unless others are named, and a pool, both of the image.
func (f runFlags) tutorial() (a runNetwork, note string, err error) {
	var filters []filter
	for _, name := range f.filters {
		one, err := loadFilter(name)
		if err != nil {
			return a, "", err
		}
		filters = append(filters, one)
	}
	bank, note, err := stack(filters)
	if err != nil {
		return a, "", err
	}
	convolution := graph.Conv2D{
		Name: "conv2d", Filters: len(bank.maps), Size: graph.Size{Height: bank.Shape[0], Width: bank.Shape[1]},
		Strides: graph.Size(f.stride), Dilations: graph.Size(f.dilation), Padding: graph.Padding(f.padding), NoBias: true,
	}
	pool := graph.MaxPool{
		Name: f.pool + "_pool", From: graph.InputName,
		Size: graph.Size(f.poolSize), Strides: graph.Size(f.poolStride), Padding: graph.Padding(f.poolPadding),
	}
	if f.chain {
		pool.From = convolution.Name
	}
	layers := []graph.Layer{convolution, pool}
	if f.pool == "avg" {
		layers[1] = graph.AvgPool(pool)
	}
	return runNetwork{
		network: graph.Network{
			Input: graph.Input{Channels: 3}, Layers: layers, Outputs: []string{convolution.Name, pool.Name},
		},
		weights: graph.Weights{convolution.Name + "/filter": bank.Tensor},
		labels:  map[string][]string{convolution.Name: bank.maps},
	}, note, nil
}

// newRunNetwork returns the network of the flags, and a note on it.
func (f runFlags) newRunNetwork() (a runNetwork, note string, err error) {
	if f.net.net == "" {
		a, note, err = f.tutorial()
	} else {
		a, err = f.named()
	}
	a.shown = f.maps
	return a, note, err
}

// named returns the network of --net.
func (f runFlags) named() (runNetwork, error) {
	found, err := readNetwork(f.net.net, true)
	if err != nil {
		return runNetwork{}, err
	}
	if in := found.network.Input; !found.network.FreeSize() && f.resize != (commandline.Size{}) {
		return runNetwork{}, fmt.Errorf("run: got --resize %s, the network reads %d×%d alone", &f.resize, in.Height, in.Width)
	}
	a := runNetwork{name: found.name, network: found.network}
	a.weights, a.origin, err = f.net.load(found.network, f.seed)
	return a, err
}

// networkAtSize is the network for images of one size.
type networkAtSize struct {
	runNetwork
	lowered graph.Lowered
	plan    plan.Plan
	maps    []layerMaps // by layer
	written []int       // layers whose outputs are written
	fetched []int       // layers whose outputs are fetched
}

// layerMaps is how the images of a layer's output are made.
type layerMaps struct {
	labels  []string // one an image; nil: the output has no rows and columns
	named   bool     // the labels are names, not the channels' numbers
	colours bool     // the three channels make one image
}

// at returns the network for images of a size. Where the outputs are checked
// all are fetched, as each layer is compared on what it really read.
func (a runNetwork) at(height, width int, checked bool) (*networkAtSize, error) {
	s := &networkAtSize{runNetwork: a}
	var err error
	if s.network, err = a.network.At(height, width); err != nil {
		return nil, err
	}
	if s.lowered, err = graph.Lower(s.network); err != nil {
		return nil, err
	}
	if s.plan, err = plan.OfLowered(s.lowered); err != nil {
		return nil, err
	}
	if a.weights != nil {
		if err := a.weights.Check(s.network); err != nil {
			return nil, exitErrorf(exitUsage, "weights %s: images of %d×%d: %w", quote.Plain(a.origin), width, height, err)
		}
	}
	s.written = s.lowered.Outputs
	if len(a.shown) > 0 {
		s.written = nil
	}
	for _, name := range a.shown {
		i, err := s.lowered.Layer(name)
		if err != nil {
			return nil, exitErrorf(exitUsage, "run: --maps: %w", err)
		}
		if !slices.Contains(s.written, i) {
			s.written = append(s.written, i)
		}
	}
	s.fetched = s.written
	if checked {
		s.fetched = nil
	}
	for i, layer := range s.plan.Layers {
		s.maps = append(s.maps, s.mapsOf(layer))
		if checked {
			s.fetched = append(s.fetched, i)
		}
	}
	return s, nil
}

// mapsOf names the channels of a layer's output. A pool keeps the channels of
// what it reads, so that a pool of an image is an image.
func (s *networkAtSize) mapsOf(layer plan.Layer) layerMaps {
	if len(layer.Output) != 3 {
		return layerMaps{}
	}
	if labels := s.labels[layer.Name]; labels != nil {
		return layerMaps{labels: labels, named: true}
	}
	if layer.Family == string(ir.Pooling) {
		if layer.From[0] != graph.InputName {
			from, _ := s.lowered.Layer(layer.From[0])
			return s.maps[from]
		}
		if s.network.Input.Channels == 3 {
			return layerMaps{labels: []string{""}, colours: true}
		}
	}
	var m layerMaps
	for channel := range layer.Output[2] {
		m.labels = append(m.labels, fmt.Sprint(channel))
	}
	return m
}

// layerNames are the names of layers by index.
func (s *networkAtSize) layerNames(layers []int) []string {
	var list []string
	for _, i := range layers {
		list = append(list, s.lowered.Layers[i].Name)
	}
	return list
}

// ops describes the layers before they run.
func (s *networkAtSize) ops() []report.Op {
	var list []report.Op
	for i, layer := range s.plan.Layers {
		op := report.Op{
			Layer: layer.Name, Kind: layer.Kind, Reads: strings.Join(layer.From, ", "),
			Input: append([]int{0}, layer.Input...), Output: append([]int{0}, layer.Output...),
			Padded:     [4]int{layer.Padding.Top, layer.Padding.Bottom, layer.Padding.Left, layer.Padding.Right},
			Unread:     [2]int{layer.Unread.Rows, layer.Unread.Columns},
			Parameters: layer.Parameters, Multiplications: layer.Multiplications,
			Colours: s.maps[i].colours,
		}
		if w := layer.Window; w != nil && !w.Transposed && len(layer.Output) == 3 {
			op.Size = [2]int{w.Height.Size, w.Width.Size}
			op.Strides = [2]int{w.Height.Stride, w.Width.Stride}
			op.Dilations = [2]int{w.Height.Dilation, w.Width.Dilation}
			op.Padding = w.Padding.String()
		}
		if s.maps[i].named {
			op.Maps = s.maps[i].labels
		}
		list = append(list, op)
	}
	return list
}

// describe enters shapes, padding and where the layers ran into the report.
func (g *group) describe(layers []profile.LayerRun) {
	if g.report.Ops == nil {
		g.report.Ops = g.ops()
	}
	n := len(g.report.Images)
	for i := range g.report.Ops {
		op := &g.report.Ops[i]
		op.Input[0], op.Output[0] = n, n
		op.Seconds += layers[i].Time.Seconds()
		op.Device = strings.Join(layers[i].Devices, ", ")
		op.Bytes = 4
		for _, size := range op.Output {
			op.Bytes *= int64(size)
		}
	}
}

// check compares every layer with the reference, each on what it really read.
func (j *job) check(ctx context.Context, g *group, batch tensor.Tensor, outputs []tensor.Tensor) error {
	if j.noVerify {
		return nil
	}
	start := time.Now()
	network := proof.Network{Lowered: g.lowered, Weights: g.weights, Arithmetic: tensorflow.Arithmetic(j.report.Device), Levels: ref.MeasureLevels}
	run := proof.Run{Input: batch, Outputs: outputs}
	for _, layer := range g.lowered.Layers {
		run.Steps = append(run.Steps, layer.Last)
	}
	parts, err := network.Compare(ctx, run, nil)
	if err != nil {
		return exitErrorf(exitCheck, "run: check: %w", err)
	}
	for _, part := range parts {
		op, v := &g.report.Ops[part.Layers[0]], part.Verdict // every layer was fetched
		if op.Verdict != nil {
			v = op.Verdict.Merge(v, len(g.report.Images)-batch.Shape[0])
		}
		op.Verdict = &v
	}
	j.report.Seconds.Check += time.Since(start).Seconds()
	return nil
}
