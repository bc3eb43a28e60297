package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/probe"
	"tfcnn/internal/proof"
)

// subject is a probe into which faults are planted.
type subject struct {
	ctx     context.Context
	probe   *probe.Probe
	output  probe.Output
	net     graph.Network // whose first output that is
	steps   []ir.Step     // of the probe's network
	right   tensor.Tensor
	random  *rand.Rand
	product int // the step of the part's first sum of products, −1 where there is none
}

// plantAll returns the verdict of each fault that applies.
func plantAll(ctx context.Context, p *probe.Probe, output probe.Output, seed uint64) (map[string]proof.Verdict, error) {
	lowered, err := graph.Lower(p.Network)
	if err != nil {
		return nil, err
	}
	layer, err := lowered.Layer(output.Name())
	if err != nil {
		return nil, err
	}
	s := &subject{ctx: ctx, probe: p, output: output, net: p.Network, steps: lowered.Program.Steps[:lowered.Layers[layer].Last+1], product: -1}
	s.net.Outputs = []string{output.Name()}
	own := lowered.Layers[len(lowered.Layers)-len(p.Part.Layers)].First // steps before it move numbers
	for i, step := range s.steps {
		if i >= own && s.product < 0 && step.Op.Traits().MultiplyAccumulate {
			s.product = i
		}
	}
	if s.right, err = s.run(s.net, p.Weights, p.Images); err != nil {
		return nil, err
	}
	if v := s.compare(s.right); v.Status != proof.Pass {
		return nil, fmt.Errorf("layers %v, %s, without a fault: %v", output.Layers, p.Kind, v)
	}
	verdicts := map[string]proof.Verdict{}
	for i, fault := range faults {
		s.random = rand.New(rand.NewPCG(seed, uint64(i)))
		wrong, applies, err := fault.plant(s)
		if err != nil {
			return nil, fmt.Errorf("layers %v, %s: %w", output.Layers, fault.name, err)
		}
		if applies {
			verdicts[fault.name] = s.compare(wrong)
		}
	}
	return verdicts, nil
}

func (s *subject) run(net graph.Network, weights graph.Weights, images tensor.Tensor) (tensor.Tensor, error) {
	return tensorFlow(s.ctx, net, weights, images)
}

func (s *subject) compare(numbers tensor.Tensor) proof.Verdict {
	order := make([]int, s.probe.Images.Shape[0])
	for i := range order {
		order[i] = i
	}
	return s.output.Compare(order, numbers)
}

// filter returns the name and shape of the filter of the first sum, and the axis along the
// input's channels.
func (s *subject) filter() (ir.Weight, int) {
	return s.steps[s.product].Weights[0], s.steps[s.product].Op.Traits().ChannelAxis
}

// channelOf returns the channel of number i of the filter.
func (s *subject) channelOf(i int) int {
	w, axis := s.filter()
	inner := 1
	for _, n := range w.Shape[axis+1:] {
		inner *= n
	}
	return i / inner % w.Shape[axis]
}

// withWeight runs the probe with another tensor for one of its weights.
func (s *subject) withWeight(name string, change func(x tensor.Tensor)) (tensor.Tensor, bool, error) {
	weights := maps.Clone(s.probe.Weights)
	weights[name] = weights[name].Clone()
	change(weights[name])
	output, err := s.run(s.net, weights, s.probe.Images)
	return output, true, err
}

// withImages runs the probe with other images.
func (s *subject) withImages(change func(x tensor.Tensor)) (tensor.Tensor, bool, error) {
	images := s.probe.Images.Clone()
	change(images)
	output, err := s.run(s.net, s.probe.Weights, images)
	return output, true, err
}

// withLayers runs the probe with other layers; change reports whether it changed one.
func (s *subject) withLayers(change func(layer graph.Layer) (graph.Layer, bool)) (tensor.Tensor, bool, error) {
	net := s.net
	net.Layers = slices.Clone(net.Layers)
	changed := false
	for i, layer := range net.Layers {
		other, is := change(layer)
		net.Layers[i], changed = other, changed || is
	}
	if !changed {
		return tensor.Tensor{}, false, nil
	}
	output, err := s.run(net, s.probe.Weights, s.probe.Images)
	return output, true, err
}

// altered returns the right output with a change.
func (s *subject) altered(change func(x tensor.Tensor)) (tensor.Tensor, bool, error) {
	output := s.right.Clone()
	change(output)
	return output, true, nil
}

// rounded returns x to the nearest number of so many significant bits.
func rounded(x float32, bits int) float32 {
	fraction, exponent := math.Frexp(float64(x))
	return float32(math.Ldexp(math.RoundToEven(math.Ldexp(fraction, bits)), exponent-bits))
}

// isImage reports whether a tensor has rows and columns.
func isImage(x tensor.Tensor) bool { return len(x.Shape) == 4 }
