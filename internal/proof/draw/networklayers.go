package draw

import (
	"tfcnn/graph"
)

// chain adds a layer of sums and layers behind it that TensorFlow may compute in the
// same call: a batch norm, a sum with a branch of the same shape, an activation.
func (d *networkDrawing) chain(sum graph.Layer) bool {
	source, layers := d.name(0), []graph.Layer{sum}
	last := func() string { return d.name(len(layers)) }
	if !d.oneIn(3) {
		layers = append(layers, d.norm())
		if !d.oneIn(6) {
			layers[0] = withField(withField(layers[0], "NoBias", true), "Activation", graph.Linear)
		}
	}
	switch d.IntN(5) {
	case 0: // a shortcut, where the shapes are equal
		layers = append(layers, graph.Add{From: []string{last(), source}})
	case 1: // a branch of the same layers
		from := last()
		layers = append(layers, withField(layers[0], "From", source))
		if len(layers) == 3 {
			layers = append(layers, d.norm())
		}
		layers = append(layers, graph.Add{From: d.order(from, last())})
	}
	if d.oneIn(2) {
		layers = append(layers, d.activation())
	}
	return d.add(layers...)
}

// norm draws a batch norm, now and then with an activation of its own.
func (d *networkDrawing) norm() graph.Layer {
	n := graph.BatchNorm{Epsilon: pick[float32](d.draw, 0, 1e-5, 0.001, 0.1)}
	if d.oneIn(6) {
		n.Activation = d.function()
	}
	return n
}

// order returns two names in either order: TensorFlow fuses a sum with one operand.
func (d *networkDrawing) order(a, b string) []string {
	if d.oneIn(2) {
		a, b = b, a
	}
	return []string{a, b}
}

// function draws an activation; those of ready networks are more frequent.
func (d *networkDrawing) function() graph.Activation {
	if d.oneIn(2) {
		return pick(d.draw, graph.ReLUActivation, graph.ReLUActivation, graph.ReLU6Activation)
	}
	return pick(d.draw, graph.Activations()...)
}

// activation draws the layer of an activation.
func (d *networkDrawing) activation() graph.Layer {
	if !d.oneIn(3) {
		return pick[graph.Layer](d.draw, graph.ReLU{}, graph.ReLU6{})
	}
	return pick[graph.Layer](d.draw, graph.LeakyReLU{Alpha: pick[float32](d.draw, 0, 0.01, 0.5)}, graph.ELU{}, graph.SELU{},
		graph.Swish{}, graph.HardSwish{}, graph.Sigmoid{}, graph.Tanh{}, graph.Softmax{})
}

// size draws a window, mostly a square.
func (d *networkDrawing) size() graph.Size {
	s := graph.Square(pick(d.draw, networkWindows...))
	if d.oneIn(6) {
		s.Width = pick(d.draw, networkWindows...)
	}
	return s
}

// strides draws strides, mostly none.
func (d *networkDrawing) strides() graph.Size {
	switch d.IntN(6) {
	case 0, 1:
		return graph.Square(2)
	case 2:
		return graph.Size{Height: d.upTo(4), Width: d.upTo(4)}
	}
	return graph.Size{}
}

func (d *networkDrawing) dilations() graph.Size {
	if d.oneIn(8) {
		return graph.Size{Height: d.upTo(3), Width: d.upTo(3)}
	}
	return graph.Size{}
}

// padding draws a padding for a window; explicit sides are narrower than the window.
func (d *networkDrawing) padding(window graph.Size) graph.Padding {
	switch d.IntN(5) {
	case 0:
		return graph.Valid
	case 1:
		return graph.Explicit(d.IntN(window.Height), d.IntN(window.Height), d.IntN(window.Width), d.IntN(window.Width))
	}
	return graph.Same
}

// convolution draws a layer of sums over all channels.
func (d *networkDrawing) convolution() graph.Layer {
	if d.oneIn(3) { // as in ready networks
		return graph.Conv2D{
			Filters: pick(d.draw, networkChannels...), Size: graph.Square(pick(d.draw, 1, 3, 3, 5)),
			Strides: graph.Square(pick(d.draw, 1, 1, 2)), Padding: graph.Same, NoBias: true,
		}
	}
	channels := d.shape()[2]
	c := graph.Conv2D{
		Filters: pick(d.draw, networkChannels...), Size: d.size(), Strides: d.strides(), Dilations: d.dilations(),
		NoBias: d.oneIn(3),
	}
	c.Padding = d.padding(c.Size)
	if d.oneIn(3) {
		c.Activation = d.function()
	}
	switch d.IntN(12) {
	case 0, 1: // of a shortcut's shape
		c.Filters, c.Strides, c.Padding = channels, graph.Size{}, graph.Same
	case 2, 5, 6: // groups
		for _, groups := range d.Perm(5) {
			if groups > 1 && channels%groups == 0 {
				c.Groups, c.Filters = groups, groups*pick(d.draw, append([]int{24, 24, 32, 64}, networkChannels...)...)
				break
			}
		}
	case 3:
		return graph.SeparableConv2D{
			Filters: c.Filters, Multiplier: d.upTo(2), Size: c.Size, Strides: d.equalStrides(), Dilations: c.Dilations,
			Padding: c.Padding, NoBias: c.NoBias, Activation: c.Activation,
		}
	case 4:
		return graph.Conv2DTranspose{
			Filters: c.Filters, Size: c.Size, Strides: c.Strides, Padding: c.Padding,
			NoBias: c.NoBias, Activation: c.Activation,
		}
	}
	return c
}

// equalStrides are strides as TensorFlow's depthwise kernel computes them.
func (d *networkDrawing) equalStrides() graph.Size {
	if d.oneIn(3) {
		return graph.Square(2)
	}
	return graph.Size{}
}

func (d *networkDrawing) depthwise() graph.Layer {
	if d.oneIn(3) { // as in ready networks
		return graph.DepthwiseConv2D{Size: graph.Square(3), Strides: graph.Square(pick(d.draw, 1, 1, 2)), Padding: graph.Same, NoBias: true}
	}
	c := graph.DepthwiseConv2D{
		Multiplier: pick(d.draw, 0, 0, 0, 2, 3), Size: d.size(), Strides: d.equalStrides(), Dilations: d.dilations(), NoBias: d.oneIn(3),
	}
	if d.oneIn(6) {
		c.Strides = d.strides()
	}
	c.Padding = d.padding(c.Size)
	if d.oneIn(3) {
		c.Activation = d.function()
	}
	return c
}

func (d *networkDrawing) dense() graph.Layer {
	c := graph.Dense{Units: pick(d.draw, append([]int{10, 100, 1000}, networkChannels...)...), NoBias: d.oneIn(3)}
	if d.oneIn(2) {
		c.Activation = pick(d.draw, graph.ReLUActivation, graph.TanhActivation, d.function())
	}
	return c
}

func (d *networkDrawing) pool() graph.Layer {
	size := d.size()
	strides := pick(d.draw, graph.Size{}, graph.Square(1), graph.Square(2), graph.Size{Height: d.upTo(3), Width: d.upTo(3)})
	padding := d.padding(size)
	return pick[graph.Layer](d.draw,
		graph.MaxPool{Size: size, Strides: strides, Padding: padding},
		graph.AvgPool{Size: size, Strides: strides, Padding: padding},
		pick[graph.Layer](d.draw, graph.GlobalAvgPool{}, graph.GlobalMaxPool{}, graph.Flatten{}))
}

// branches adds two or three layers that read the last one, and one that joins them.
func (d *networkDrawing) branches() bool {
	source, concat := d.name(0), d.oneIn(2)
	filters := pick(d.draw, networkChannels...)
	var layers []graph.Layer
	var from []string
	for range 2 + d.IntN(2) {
		if concat {
			filters = pick(d.draw, networkChannels...)
		}
		c := graph.Conv2D{From: source, Filters: filters, Size: d.size(), Padding: graph.Same, NoBias: d.oneIn(2)}
		layers = append(layers, c)
		if d.oneIn(2) {
			layers = append(layers, d.norm())
		}
		if d.oneIn(2) {
			layers = append(layers, d.activation())
		}
		from = append(from, d.name(len(layers)))
	}
	d.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	if concat {
		return d.add(append(layers, graph.Concat{From: from})...)
	}
	return d.add(append(layers, graph.Add{From: from, Activation: pick(d.draw, graph.Linear, d.function())})...)
}

// pixels draws a layer that moves, scales or interpolates numbers.
func (d *networkDrawing) pixels() graph.Layer {
	shape := d.shape()
	switch d.IntN(6) {
	case 0:
		return graph.ZeroPad{Top: d.IntN(4), Bottom: d.IntN(4), Left: d.IntN(4), Right: d.IntN(4)}
	case 1:
		return graph.UpSample{Size: graph.Size{Height: d.upTo(2), Width: d.upTo(3)}, Method: pick(d.draw, graph.Nearest, graph.Bilinear)}
	case 2:
		return graph.Resize{Size: graph.Size{Height: d.side(), Width: d.side()}, Method: pick(d.draw, graph.Nearest, graph.Bilinear)}
	case 3:
		numbers := func() []float32 {
			list := make([]float32, pick(d.draw, 1, shape[2]))
			for i := range list {
				list[i] = float32(d.NormFloat64())
			}
			return list
		}
		s := graph.ScaleShift{Scale: numbers()}
		if d.oneIn(2) {
			s.Shift = numbers()
		}
		return s
	case 4:
		if shape[2] == 3 {
			return graph.SwapRGB{}
		}
		return graph.Conv2D{Filters: 3, Size: graph.Square(1)} // so that there are three channels now and then
	}
	return graph.LRN{DepthRadius: d.upTo(6), Bias: pick[float32](d.draw, 0, 2), Alpha: pick[float32](d.draw, 1e-4, 0.01, 0), Beta: pick[float32](d.draw, 0, 0.75)}
}

// elementwise draws a layer that changes each number by itself, or none.
func (d *networkDrawing) elementwise() graph.Layer {
	if d.oneIn(4) {
		return graph.Dropout{Rate: 0.5}
	}
	if d.oneIn(4) {
		return d.norm()
	}
	return d.activation()
}
