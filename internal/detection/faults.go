package main

import (
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// fault is a wrong kernel. plant returns the kernel's output, and whether the fault applies
// to the subject.
type fault struct {
	name  string
	plant func(s *subject) (output tensor.Tensor, applies bool, err error)
}

var none tensor.Tensor

// faults are all of them, from the first of a sum's operands to the last of its outputs.
var faults = []fault{
	{"product lost in one output", func(s *subject) (tensor.Tensor, bool, error) {
		lost, applies, err := productLost(s)
		if !applies || err != nil {
			return none, applies, err
		}
		// A number that the product is part of; in each image, as a kernel is wrong in each.
		var positions []int
		each := len(lost.Data) / lost.Shape[0]
		for i := range each {
			if s.changes(lost, i) {
				positions = append(positions, i)
			}
		}
		if len(positions) == 0 {
			return none, false, nil
		}
		at := positions[s.random.IntN(len(positions))]
		return s.altered(func(x tensor.Tensor) {
			for k := at; k < len(x.Data); k += each {
				x.Data[k] = lost.Data[k]
			}
		})
	}},
	{"product lost in all outputs", productLost},
	{"two channels exchanged", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 {
			return none, false, nil
		}
		w, axis := s.filter()
		n := w.Shape[axis]
		if n < 2 {
			return none, false, nil
		}
		a := s.random.IntN(n)
		b := (a + 1 + s.random.IntN(n-1)) % n
		inner := 1
		for _, size := range w.Shape[axis+1:] {
			inner *= size
		}
		return s.withWeight(w.Name, func(x tensor.Tensor) {
			for i := range x.Data {
				if k := i + (b-a)*inner; s.channelOf(i) == a {
					x.Data[i], x.Data[k] = x.Data[k], x.Data[i]
				}
			}
		})
	}},
	{"tail channels lost", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 {
			return none, false, nil
		}
		w, axis := s.filter()
		return s.withWeight(w.Name, func(x tensor.Tensor) {
			for i := range x.Data {
				if s.channelOf(i) == w.Shape[axis]-1 {
					x.Data[i] = 0
				}
			}
		})
	}},
	{"wrong tap", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 {
			return none, false, nil
		}
		// In one channel two taps of a row are exchanged.
		w, _ := s.filter()
		if len(w.Shape) != 4 || w.Shape[1] < 2 {
			return none, false, nil
		}
		tap := w.Shape[2] * w.Shape[3]
		channel := s.random.IntN(s.channels())
		return s.withWeight(w.Name, func(x tensor.Tensor) {
			for i := range tap {
				if s.channelOf(i) == channel {
					x.Data[i], x.Data[tap+i] = x.Data[tap+i], x.Data[i]
				}
			}
		})
	}},
	{"bias lost in the last filter", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 || len(s.steps[s.product].Weights) < 2 {
			return none, false, nil
		}
		return s.withWeight(s.steps[s.product].Weights[1].Name, func(x tensor.Tensor) { x.Data[len(x.Data)-1] = 0 })
	}},
	{"filter in bfloat16", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 {
			return none, false, nil
		}
		w, _ := s.filter()
		return s.withWeight(w.Name, func(x tensor.Tensor) { roundAll(x, 8) })
	}},
	{"factors in TF32", func(s *subject) (tensor.Tensor, bool, error) {
		if s.product < 0 {
			return none, false, nil
		}
		w, _ := s.filter()
		other := *s.probe
		other.Images = other.Images.Clone()
		roundAll(other.Images, 11)
		t := *s
		t.probe = &other
		return t.withWeight(w.Name, func(x tensor.Tensor) { roundAll(x, 11) })
	}},
	{"sums in float16", halfSums},
	{"input element stale", func(s *subject) (tensor.Tensor, bool, error) {
		// An element that the output depends on: strides leave others out.
		for range 64 {
			output, _, err := s.withImages(func(x tensor.Tensor) { stale(x, s.random.IntN(len(x.Data)/x.Shape[0])) })
			if err != nil || !slices.Equal(output.Data, s.right.Data) {
				return output, true, err
			}
		}
		return none, false, nil
	}},
	{"padding counted", paddingCounted},
	{"last column one pixel off", func(s *subject) (tensor.Tensor, bool, error) {
		if !isImage(s.right) || s.right.Shape[2] < 2 {
			return none, false, nil
		}
		moved, _, err := s.withImages(func(x tensor.Tensor) {
			row := x.Shape[2] * x.Shape[3]
			for i := 0; i < len(x.Data); i += row {
				copy(x.Data[i+x.Shape[3]:i+row], slices.Clone(x.Data[i:i+row-x.Shape[3]]))
			}
		})
		if err != nil {
			return none, true, err
		}
		return s.altered(func(x tensor.Tensor) {
			row, channels := x.Shape[2]*x.Shape[3], x.Shape[3]
			for i := row; i <= len(x.Data); i += row {
				copy(x.Data[i-channels:i], moved.Data[i-channels:i])
			}
		})
	}},
	{"constant off by 1 %", func(s *subject) (tensor.Tensor, bool, error) {
		return s.withLayers(func(layer graph.Layer) (graph.Layer, bool) {
			switch l := layer.(type) {
			case graph.BatchNorm:
				if l.Epsilon == 0 {
					l.Epsilon = 0.001
				}
				l.Epsilon *= 1.01
				return l, true
			case graph.LRN:
				l.Alpha *= 1.01
				return l, l.Alpha != 0
			}
			return layer, false
		})
	}},
	{"activation off by 1e-6", func(s *subject) (tensor.Tensor, bool, error) {
		if last := s.steps[len(s.steps)-1].Op.Traits(); last.Family != ir.Activation {
			return none, false, nil
		}
		return s.altered(func(x tensor.Tensor) {
			for i := range x.Data {
				x.Data[i] += 1e-6
			}
		})
	}},
	{"last row one up", func(s *subject) (tensor.Tensor, bool, error) {
		if !isImage(s.right) || s.right.Shape[1] < 2 {
			return none, false, nil
		}
		return s.altered(func(x tensor.Tensor) {
			row := x.Shape[2] * x.Shape[3]
			for end := x.Shape[1] * row; end <= len(x.Data); end += x.Shape[1] * row {
				copy(x.Data[end-row:end], x.Data[end-2*row:end-row])
			}
		})
	}},
	{"last output stale", func(s *subject) (tensor.Tensor, bool, error) {
		return s.altered(func(x tensor.Tensor) { stale(x, len(x.Data)/x.Shape[0]-1) })
	}},
}

// changes reports whether number i of an output differs from the right one in an image.
func (s *subject) changes(output tensor.Tensor, i int) bool {
	each := len(output.Data) / output.Shape[0]
	for k := i; k < len(output.Data); k += each {
		if output.Data[k] != s.right.Data[k] {
			return true
		}
	}
	return false
}

// channels returns the size of the filter's channel axis.
func (s *subject) channels() int {
	w, axis := s.filter()
	return w.Shape[axis]
}

// productLost leaves out one product: a tap of a channel, in all filters.
func productLost(s *subject) (tensor.Tensor, bool, error) {
	if s.product < 0 {
		return none, false, nil
	}
	w, axis := s.filter()
	channel := s.random.IntN(w.Shape[axis])
	taps := 1 // those of rows and columns
	if len(w.Shape) == 4 {
		taps = w.Shape[0] * w.Shape[1]
	}
	tap := s.random.IntN(taps)
	return s.withWeight(w.Name, func(x tensor.Tensor) {
		for i := range x.Data {
			if i/(len(x.Data)/taps) == tap && s.channelOf(i) == channel {
				x.Data[i] = 0
			}
		}
	})
}

// halfSums rounds each sum of products once to float16's 11 bits: the least that a kernel
// with such an accumulator does.
func halfSums(s *subject) (tensor.Tensor, bool, error) {
	if s.product < 0 {
		return none, false, nil
	}
	lowered, err := graph.Lower(s.net)
	if err != nil {
		return none, true, err
	}
	r := ref.Propagation{Program: lowered.Program, Weights: s.probe.Weights}
	results, err := r.Results(s.ctx, s.probe.Images, nil, []int{s.product})
	if err != nil {
		return none, true, err
	}
	sums := tensor.MustNew(results[0].Shape...)
	for i, v := range results[0].Value {
		sums.Data[i] = rounded(float32(v), 11)
	}
	if results, err = r.Results(s.ctx, s.probe.Images, map[int]tensor.Tensor{s.product: sums}, []int{len(s.steps) - 1}); err != nil {
		return none, true, err
	}
	if s.product == len(s.steps)-1 {
		return sums, true, nil
	}
	return s.altered(func(x tensor.Tensor) {
		for i, v := range results[0].Value {
			x.Data[i] = float32(v)
		}
	})
}

// paddingCounted makes a convolution, or a pool, read the first number of the images on
// its padding. It applies where the layer with the padding alone reads the input.
func paddingCounted(s *subject) (tensor.Tensor, bool, error) {
	first := -1
	for i, step := range s.steps {
		if slices.Contains(step.Inputs, ir.Input) {
			if first >= 0 {
				return none, false, nil
			}
			first = i
		}
	}
	windowed, is := s.steps[first].Op.(ir.Windowed)
	if !is || s.steps[first].Op.Traits().Reads != ir.SlidingWindow {
		return none, false, nil
	}
	images := s.probe.Images
	operands := [][]int{images.Shape}
	for _, w := range s.steps[first].Weights {
		operands = append(operands, w.Shape)
	}
	h, w, err := windowed.Window(operands...)
	if err != nil || h.Before+h.After+w.Before+w.After == 0 {
		return none, false, err
	}
	net := s.net
	net.Input.Height, net.Input.Width = h.In+h.Before+h.After, w.In+w.Before+w.After
	net.Layers = slices.Clone(net.Layers)
	switch layer := net.Layers[0].(type) {
	case graph.Conv2D:
		layer.Padding = graph.Valid
		net.Layers[0] = layer
	case graph.DepthwiseConv2D:
		layer.Padding = graph.Valid
		net.Layers[0] = layer
	case graph.MaxPool:
		layer.Padding = graph.Valid
		net.Layers[0] = layer
	case graph.AvgPool:
		layer.Padding = graph.Valid
		net.Layers[0] = layer
	default:
		return none, false, nil
	}
	padded := tensor.MustNew(images.Shape[0], net.Input.Height, net.Input.Width, net.Input.Channels)
	for i := range padded.Data {
		padded.Data[i] = images.Data[0]
	}
	row := images.Shape[2] * images.Shape[3]
	for i := range images.Shape[0] * images.Shape[1] {
		image, y := i/images.Shape[1], i%images.Shape[1]
		at := ((image*net.Input.Height+y+h.Before)*net.Input.Width + w.Before) * net.Input.Channels
		copy(padded.Data[at:at+row], images.Data[i*row:(i+1)*row])
	}
	output, err := s.run(net, s.probe.Weights, padded)
	if err == nil && !slices.Equal(output.Shape, s.right.Shape) {
		return none, false, nil
	}
	return output, true, err
}

// stale gives one number of each image that of the image before.
func stale(x tensor.Tensor, at int) {
	each := len(x.Data) / x.Shape[0]
	last := x.Data[len(x.Data)-each+at]
	for i := at; i < len(x.Data); i += each {
		x.Data[i], last = last, x.Data[i]
	}
}

func roundAll(x tensor.Tensor, bits int) {
	for i, v := range x.Data {
		x.Data[i] = rounded(v, bits)
	}
}
