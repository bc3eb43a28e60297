package draw

import (
	"math"
	"reflect"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// drawing returns the function that draws cases of an operation. An elementwise
// operation without attributes needs no function of its own.
func drawing(kind string) (func(*draw) Case, bool) {
	if own, found := draws[kind]; found {
		return own, true
	}
	for _, op := range ir.Operations() {
		if op.Kind() == kind && op.Traits().Elementwise && reflect.TypeOf(op).Size() == 0 {
			return func(d *draw) Case {
				d.faults = []fault{manyAxes}
				return caseOf(op, d.tensor(d.shape(0, 6)...))
			}, true
		}
	}
	return nil, false
}

func caseOf(op ir.Op, operands ...tensor.Tensor) Case { return Case{Op: op, Operands: operands} }

// draws are the functions of all other operations. Each sets the faults that its
// cases can have.
var draws = map[string]func(*draw) Case{
	"conv2d": func(d *draw) Case {
		groups, depth, each := d.groups(), d.channels(), d.channels()
		g := d.window(0, false)
		c := caseOf(
			ir.Conv2D{Strides: g.strides, Dilations: g.dilations, Padding: g.padding, Groups: groups},
			d.tensor(d.batch(), g.in[0], g.in[1], groups*depth),
			d.tensor(g.size[0], g.size[1], depth, groups*each),
		)
		d.bias(&c, groups*each)
		d.faults = slices.Concat(windowFaults(g, false), filterFaults, groupFaults)
		return c
	},
	"depthwise_conv2d": func(d *draw) Case {
		channels, multiplier := d.channels(), d.few(3)
		g := d.window(0, false)
		if d.oneIn(2) { // as TensorFlow's kernel computes it
			g.strides[1], g.dilations = g.strides[0], [2]int{1, 1}
			for i := range g.in {
				g.in[i] = max(g.in[i], g.size[i])
			}
		}
		c := caseOf(
			ir.DepthwiseConv2D{Strides: g.strides, Dilations: g.dilations, Padding: g.padding},
			d.tensor(d.batch(), g.in[0], g.in[1], channels),
			d.tensor(g.size[0], g.size[1], channels, multiplier),
		)
		d.bias(&c, channels*multiplier)
		d.faults = slices.Concat(windowFaults(g, false), filterFaults)
		return c
	},
	"conv2d_transpose": drawTranspose,
	"dense": func(d *draw) Case {
		features, units := d.upTo(200), d.few(40)
		c := caseOf(ir.Dense{}, d.tensor(d.batch(), features), d.tensor(features, units))
		d.bias(&c, units)
		d.faults = []fault{
			inputFault("filter wants", 2, features+1),
			inputFault("want 2 (batch, features)", 2, 1, 1, features),
			func(d *draw, c *Case) string {
				c.Operands[1] = d.tensor(features, 0)
				return "units is 0, want 1 or more"
			},
			biasFault("bias is", units+1),
		}
		return c
	},
	"max_pool": func(d *draw) Case { return drawPool(d, func(p ir.Pool) ir.Op { return ir.MaxPool{Pool: p} }) },
	"avg_pool": func(d *draw) Case { return drawPool(d, func(p ir.Pool) ir.Op { return ir.AvgPool{Pool: p} }) },
	"batch_norm": func(d *draw) Case {
		shape := d.shape(2, 4)
		channels := shape[len(shape)-1]
		scale, offset, mean, variance := d.tensor(channels), d.tensor(channels), d.tensor(channels), d.tensor(channels)
		if !d.exceptional || !d.oneIn(8) {
			for i, v := range variance.Data {
				variance.Data[i] = max(v, -v)
			}
		}
		input := d.tensor(shape...)
		d.faults = []fault{
			func(d *draw, c *Case) string { *c.Operand("scale") = d.ordinary(channels + 1); return "scale is" },
			func(d *draw, c *Case) string { *c.Operand("variance") = d.ordinary(channels, 1); return "variance is" },
			numberFault("epsilon", "epsilon is", 0, -1, math.NaN(), math.Inf(1)),
			inputFault("want 2 to 4", 1, 1, 1, 1, channels),
		}
		return caseOf(ir.BatchNorm{Epsilon: d.number(0.001, 0.001, 1e-5, 1, 1e-20)}, input, scale, offset, mean, variance)
	},
	"lrn": func(d *draw) Case {
		input := d.images()
		if d.oneIn(30) && !d.exceptional {
			input = d.tensor(1, 2, 1, 384+d.IntN(40)) // from where on TensorFlow adds otherwise
		}
		radius := 5
		if d.oneIn(2) {
			radius = d.IntN(8)
		}
		d.faults = append(imageFaults,
			numberFault("lrn_bias", "bias is", 0, -1, math.NaN(), math.Inf(1)),
			numberFault("alpha", "alpha is", -1, math.NaN(), math.Inf(1)),
			numberFault("beta", "beta is", math.NaN(), math.Inf(-1)),
			func(_ *draw, c *Case) string { set(c, "depth_radius", -1); return "depth radius is -1" },
		)
		return caseOf(ir.LRN{
			DepthRadius: radius,
			Bias:        d.number(1, 1, 2, 1e-3, 50),
			Alpha:       d.number(1, 1, 1e-4, 10),
			Beta:        d.number(0.5, 0.5, 0.75, 1, 0, -1, 3),
		}, input)
	},
	"leaky_relu": func(d *draw) Case {
		input := d.tensor(d.shape(0, 6)...)
		d.faults = []fault{numberFault("alpha", "alpha is", 1.5, math.NaN(), math.Inf(-1))}
		return caseOf(ir.LeakyReLU{Alpha: d.number(0.2, 0.2, 0, 1, -2, 1e-30)}, input)
	},
	"softmax": func(d *draw) Case {
		input := d.tensor(d.shape(2, 5)...)
		if d.oneIn(4) && !d.exceptional {
			input = d.tensor(d.batch(), d.upTo(1000))
		}
		d.faults = []fault{inputFault("want 2 or more", 3), inputFault("0 channels", 3, 0)}
		return caseOf(ir.Softmax{}, input)
	},
	"flatten": func(d *draw) Case {
		input := d.tensor(d.shape(2, 6)...)
		if d.oneIn(8) {
			input = d.tensor(d.upTo(3), 0, d.upTo(3))
		}
		d.faults = []fault{inputFault("want 2 or more", 3)}
		return caseOf(ir.Flatten{}, input)
	},
	"pad": func(d *draw) Case {
		d.faults = append(imageFaults, negativePadding, widePadding)
		input := d.images()
		return caseOf(ir.Pad{Top: d.IntN(4), Bottom: d.IntN(4), Left: d.IntN(4), Right: d.IntN(4)}, input)
	},
	"resize": func(d *draw) Case {
		size := [2]int{d.few(20), d.few(20)}
		input := d.images()
		d.faults = append(imageFaults,
			func(_ *draw, c *Case) string { set(c, "method", "cubic"); return `method is "cubic"` },
			func(_ *draw, c *Case) string { set(c, "size", [2]int{0, 3}); return "height is 0, want 1 to" },
			func(_ *draw, c *Case) string {
				set(c, "size", [2]int{3, 1 << 23})
				return "width is 8388608, want 1 to"
			},
			inputFault("nothing to resize", 1, 0, 3, 1),
		)
		return caseOf(ir.Resize{Size: size, Method: pick(d, ir.Nearest, ir.Bilinear)}, input)
	},
	"scale_shift": func(d *draw) Case {
		shape := d.shape(2, 5)
		channels := shape[len(shape)-1]
		input := d.tensor(shape...)
		var parts [2][]float32
		for i := range parts {
			if d.oneIn(4) {
				continue
			}
			parts[i] = d.tensor(pick(d, 1, channels)).Data
			for k, v := range parts[i] {
				if v-v != 0 {
					parts[i][k] = 1
				}
			}
		}
		d.faults = []fault{
			func(d *draw, c *Case) string { set(c, "scale", d.ordinary(channels+2).Data); return "scale has" },
			func(_ *draw, c *Case) string {
				set(c, "shift", []float32{float32(math.NaN())})
				return "want finite numbers"
			},
		}
		return caseOf(ir.ScaleShift{Scale: parts[0], Shift: parts[1]}, input)
	},
	"reverse_channels": func(d *draw) Case {
		d.faults = []fault{inputFault("want 2 to 8", 3)}
		return caseOf(ir.ReverseChannels{}, d.tensor(d.shape(2, 6)...))
	},
	"add": func(d *draw) Case {
		shape := d.shape(1, 5)
		c := caseOf(ir.Add{})
		for range 1 + d.upTo(4) {
			c.Operands = append(c.Operands, d.tensor(shape...))
		}
		d.faults = append(branchFaults, func(d *draw, c *Case) string {
			c.Operands[1] = d.tensor(append([]int{7}, shape...)...)
			return "want one shape"
		})
		return c
	},
	"concat": func(d *draw) Case {
		shape := d.shape(2, 5)
		c := caseOf(ir.Concat{})
		for range 1 + d.upTo(4) {
			s := slices.Clone(shape)
			s[len(s)-1] = d.IntN(5)
			c.Operands = append(c.Operands, d.tensor(s...))
		}
		d.faults = append(branchFaults, func(d *draw, c *Case) string {
			s := slices.Clone(shape)
			s[0]++
			c.Operands[1] = d.tensor(s...)
			return "differ in the channels alone"
		})
		return c
	},
}

func drawPool(d *draw, of func(ir.Pool) ir.Op) Case {
	g := d.window(1, true)
	input := d.tensor(d.batch(), g.in[0], g.in[1], d.channels())
	d.faults = slices.Concat(windowFaults(g, true), imageFaults, []fault{inputFault("nothing to choose from", 1, 0, 3, 1)})
	return caseOf(of(ir.Pool{Size: g.size, Strides: g.strides, Padding: g.padding}), input)
}

// drawTranspose draws a forward convolution and turns it round: its input's
// size becomes the output's.
func drawTranspose(d *draw) Case {
	groups, depth, each := d.groups(), d.channels(), d.channels()
	if d.exceptional {
		each = min(each, 4)
	}
	if d.oneIn(2) {
		groups = 1
	}
	g := d.window(0, false)
	widest := 9 // zeros are spread by a stride
	if d.exceptional {
		widest = 2
	}
	for i := range g.strides {
		g.strides[i] = min(g.strides[i], widest)
		if d.oneIn(2) || d.exceptional {
			g.dilations[i] = 1
		}
	}
	var in [2]int
	sides := [4]int{g.padding.Top, g.padding.Bottom, g.padding.Left, g.padding.Right}
	for i := range in {
		reach := (g.size[i]-1)*g.dilations[i] + 1
		room := g.in[i] + sides[2*i] + sides[2*i+1]
		if g.padding.Kind == ir.Same {
			in[i] = (g.in[i] + g.strides[i] - 1) / g.strides[i]
			continue
		}
		if room < reach { // a smaller dilation only makes more room
			panic("proof: a window that was drawn does not fit")
		}
		in[i] = (room-reach)/g.strides[i] + 1
	}
	c := caseOf(
		ir.Conv2DTranspose{Strides: g.strides, Dilations: g.dilations, Padding: g.padding, Groups: groups, OutputSize: g.in},
		d.tensor(d.batch(), in[0], in[1], groups*depth),
		d.tensor(g.size[0], g.size[1], each, groups*depth),
	)
	d.bias(&c, groups*each)
	d.faults = append([]fault{
		func(_ *draw, c *Case) string { set(c, "output_size", [2]int{-1, 3}); return "output height is -1" },
		func(_ *draw, c *Case) string {
			set(c, "output_size", [2]int{g.in[0] + 3*g.strides[0], g.in[1]})
			return "a convolution from the output"
		},
		strideFault, dilationFault,
		func(_ *draw, c *Case) string { set(c, "groups", 0); return "groups is 0" },
	}, filterFaults...)
	return c
}

func (d *draw) groups() int {
	if d.oneIn(2) {
		return 1
	}
	return d.few(4)
}

// shape has from least to most axes, the last of them not 0, and few numbers.
func (d *draw) shape(least, most int) []int {
	axes := least + d.IntN(most-least+1)
	largest := 5
	if axes <= 4 {
		largest = 9
	}
	shape := make([]int, axes)
	for i := range shape {
		shape[i] = d.few(largest)
	}
	if axes > 0 {
		shape[0] = d.batch()
		shape[axes-1] = d.channels()
		if axes > 2 && d.oneIn(30) {
			shape[1] = 0
		}
	}
	return shape
}

func (d *draw) images() tensor.Tensor {
	return d.tensor(d.batch(), d.few(9), d.few(9), d.channels())
}

func (d *draw) bias(c *Case, filters int) {
	if d.oneIn(2) {
		c.Operands = append(c.Operands, d.tensor(filters))
	}
}

// number is one of several, or, one time in three, an attribute's default.
func (d *draw) number(standard float32, values ...float32) float32 {
	if d.oneIn(3) {
		return standard
	}
	return pick(d, values...)
}
