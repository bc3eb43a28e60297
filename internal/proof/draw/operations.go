package draw

import (
	"math"
	"reflect"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// drawing returns what draws cases of an operation. One that takes each number by
// itself, of any shape, and has no attributes needs no function of its own.
func drawing(kind string) (func(*draw) Case, bool) {
	if own, found := draws[kind]; found {
		return own, true
	}
	for _, op := range ir.Operations() {
		if op.Kind() == kind && op.Traits().Elementwise && reflect.TypeOf(op).Size() == 0 {
			return drawElementwise, true
		}
	}
	return nil, false
}

// draws are the operations' own. Each sets the faults that it can have.
var draws = map[string]func(*draw) Case{
	"conv2d": func(d *draw) Case {
		groups, depth, each := d.groups(), d.channels(), d.channels()
		var c Case
		g := d.window(0, false)
		d.put(&c, g, false)
		c.Input = d.tensor(d.batch(), g.in[0], g.in[1], groups*depth)
		c.Filter = d.tensor(g.size[0], g.size[1], depth, groups*each)
		d.bias(&c, groups*each)
		if groups > 1 || d.one(2) {
			c.Groups = &groups
		}
		d.faults = append(windowFaults(g, false), filterFaults...)
		d.faults = append(d.faults, groupFaults...)
		return c
	},
	"depthwise_conv2d": func(d *draw) Case {
		channels, multiplier := d.channels(), d.upTo(3)
		var c Case
		g := d.window(0, false)
		if d.one(2) { // what TensorFlow's kernel takes itself
			g.strides[1], g.dilations = g.strides[0], [2]int{1, 1}
			for i := range g.in {
				g.in[i] = max(g.in[i], g.size[i])
			}
		}
		d.put(&c, g, false)
		c.Input = d.tensor(d.batch(), g.in[0], g.in[1], channels)
		c.Filter = d.tensor(g.size[0], g.size[1], channels, multiplier)
		d.bias(&c, channels*multiplier)
		d.faults = append(windowFaults(g, false), filterFaults...)
		return c
	},
	"conv2d_transpose": drawTranspose,
	"dense": func(d *draw) Case {
		features, units := d.upTo(200), d.channels()
		c := Case{Input: d.tensor(d.batch(), features), Filter: d.tensor(features, units)}
		d.bias(&c, units)
		d.faults = []fault{
			func(d *draw, c *Case) string { c.Input = d.tensor(2, features+1); return "filter wants" },
			func(d *draw, c *Case) string {
				c.Input = d.tensor(2, 1, 1, features)
				return "want 2 (batch, features)"
			},
			func(d *draw, c *Case) string { c.Filter = d.tensor(features, 0); return "units is 0, want 1 or more" },
			func(d *draw, c *Case) string { c.Bias = d.ordinary(units + 1); return "bias is" },
		}
		return c
	},
	"max_pool": drawPool, "avg_pool": drawPool,
	"batch_norm": func(d *draw) Case {
		shape := d.shape(2, 4)
		channels := shape[len(shape)-1]
		scale, offset, mean, variance := d.tensor(channels), d.tensor(channels), d.tensor(channels), d.tensor(channels)
		if !d.one(10) {
			for i, v := range variance.Data {
				variance.Data[i] = max(v, -v)
			}
		}
		c := Case{Input: d.tensor(shape...), Scale: &scale, Offset: &offset, Mean: &mean, Variance: &variance}
		d.number(&c.Epsilon, 0.001, 1e-5, 1, 1e-20)
		d.faults = []fault{
			func(d *draw, c *Case) string { c.Scale = d.ordinary(channels + 1); return "scale is" },
			func(d *draw, c *Case) string { c.Variance = d.ordinary(channels, 1); return "variance is" },
			numberFault(func(c *Case) **float32 { return &c.Epsilon }, "epsilon is", 0, -1, math.NaN(), math.Inf(1)),
			func(d *draw, c *Case) string { c.Input = d.tensor(1, 1, 1, 1, channels); return "want 2 to 4" },
		}
		return c
	},
	"lrn": func(d *draw) Case {
		c := Case{Input: d.pictures()}
		if d.one(30) {
			c.Input = d.tensor(1, 2, 1, 384+d.IntN(40)) // from where on TensorFlow adds otherwise
		}
		if d.one(2) {
			radius := d.IntN(8)
			c.DepthRadius = &radius
		}
		d.number(&c.LRNBias, 1, 2, 1e-3, 50)
		d.number(&c.Alpha, 1, 1e-4, 10)
		d.number(&c.Beta, 0.5, 0.75, 1, 0, -1, 3)
		d.faults = append(pictureFaults,
			numberFault(func(c *Case) **float32 { return &c.LRNBias }, "bias is", 0, -1, math.NaN(), math.Inf(1)),
			numberFault(func(c *Case) **float32 { return &c.Alpha }, "alpha is", -1, math.NaN(), math.Inf(1)),
			numberFault(func(c *Case) **float32 { return &c.Beta }, "beta is", math.NaN(), math.Inf(-1)),
			func(_ *draw, c *Case) string { n := -1; c.DepthRadius = &n; return "depth radius is -1" },
		)
		return c
	},
	"leaky_relu": func(d *draw) Case {
		c := Case{Input: d.tensor(d.shape(0, 6)...)}
		d.number(&c.Alpha, 0.2, 0, 1, -2, 1e-30)
		d.faults = []fault{numberFault(func(c *Case) **float32 { return &c.Alpha }, "alpha is", 1.5, math.NaN(), math.Inf(-1))}
		return c
	},
	"softmax": func(d *draw) Case {
		c := Case{Input: d.tensor(d.shape(2, 5)...)}
		if d.one(4) {
			c.Input = d.tensor(d.batch(), d.upTo(1000))
		}
		d.faults = []fault{
			func(d *draw, c *Case) string { c.Input = d.tensor(3); return "want 2 or more" },
			func(d *draw, c *Case) string { c.Input = d.tensor(3, 0); return "0 channels" },
		}
		return c
	},
	"flatten": func(d *draw) Case {
		c := Case{Input: d.tensor(d.shape(2, 6)...)}
		if d.one(8) {
			c.Input = d.tensor(d.upTo(3), 0, d.upTo(3))
		}
		d.faults = []fault{func(d *draw, c *Case) string { c.Input = d.tensor(3); return "want 2 or more" }}
		return c
	},
	"pad": func(d *draw) Case {
		c := Case{Input: d.pictures(), Padding: ir.Padding{Kind: ir.Explicit, Top: d.IntN(4), Bottom: d.IntN(4), Left: d.IntN(4), Right: d.IntN(4)}}
		d.faults = append(pictureFaults, negativePadding, widePadding)
		return c
	},
	"resize": func(d *draw) Case {
		size := d.pair(20)
		c := Case{Input: d.pictures(), Size: &size, Method: pick(d, ir.Nearest, ir.Bilinear)}
		d.faults = append(pictureFaults,
			func(_ *draw, c *Case) string { c.Method = "cubic"; return `method is "cubic"` },
			func(_ *draw, c *Case) string { c.Size = &[2]int{0, 3}; return "height is 0, want 1 to" },
			func(_ *draw, c *Case) string { c.Size = &[2]int{3, 1 << 23}; return "width is 8388608, want 1 to" },
			func(d *draw, c *Case) string { c.Input = d.tensor(1, 0, 3, 1); return "nothing to resize" },
		)
		return c
	},
	"scale_shift": func(d *draw) Case {
		shape := d.shape(2, 5)
		channels := shape[len(shape)-1]
		c := Case{Input: d.tensor(shape...)}
		for _, part := range []**tensor.Tensor{&c.Scale, &c.Shift} {
			if d.one(4) {
				continue
			}
			numbers := d.tensor(pick(d, 1, channels))
			for i, v := range numbers.Data {
				if v-v != 0 {
					numbers.Data[i] = 1
				}
			}
			*part = &numbers
		}
		d.faults = []fault{
			func(d *draw, c *Case) string { c.Scale = d.ordinary(channels + 2); return "scale has" },
			func(d *draw, c *Case) string {
				c.Shift = d.ordinary(1)
				c.Shift.Data[0] = float32(math.NaN())
				return "want finite numbers"
			},
		}
		return c
	},
	"reverse_channels": func(d *draw) Case {
		c := Case{Input: d.tensor(d.shape(2, 6)...)}
		d.faults = []fault{func(d *draw, c *Case) string { c.Input = d.tensor(3); return "want 2 to 8" }}
		return c
	},
	"add": func(d *draw) Case {
		shape := d.shape(1, 5)
		var c Case
		for range 1 + d.upTo(4) {
			c.Inputs = append(c.Inputs, d.tensor(shape...))
		}
		d.faults = append(branchFaults, func(d *draw, c *Case) string {
			c.Inputs[1] = d.tensor(append([]int{7}, shape...)...)
			return "want one shape"
		})
		return c
	},
	"concat": func(d *draw) Case {
		shape := d.shape(2, 5)
		var c Case
		for range 1 + d.upTo(4) {
			s := append([]int{}, shape...)
			s[len(s)-1] = d.IntN(5)
			c.Inputs = append(c.Inputs, d.tensor(s...))
		}
		d.faults = append(branchFaults, func(d *draw, c *Case) string {
			s := append([]int{}, shape...)
			s[0] += 1
			c.Inputs[1] = d.tensor(s...)
			return "differ in the channels alone"
		})
		return c
	},
}

func drawElementwise(d *draw) Case {
	d.faults = []fault{manyAxes}
	return Case{Input: d.tensor(d.shape(0, 6)...)}
}

func drawPool(d *draw) Case {
	var c Case
	g := d.window(1, true)
	d.put(&c, g, true)
	c.Input = d.tensor(d.batch(), g.in[0], g.in[1], d.channels())
	d.faults = append(windowFaults(g, true), pictureFaults...)
	d.faults = append(d.faults, func(d *draw, c *Case) string {
		c.Input = d.tensor(1, 0, 3, 1)
		return "nothing to choose from"
	})
	return c
}

// drawTranspose draws a forward convolution and turns it round: its input's
// size becomes the output's.
func drawTranspose(d *draw) Case {
	groups, depth, each := d.groups(), d.channels(), d.channels()
	if d.one(2) {
		groups = 1
	}
	var c Case
	g := d.window(0, false)
	for i := range g.strides {
		g.strides[i] = min(g.strides[i], 9) // zeros are spread by it
		if d.one(2) {
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
	d.put(&c, g, false)
	c.OutputSize = &g.in
	c.Input = d.tensor(d.batch(), in[0], in[1], groups*depth)
	c.Filter = d.tensor(g.size[0], g.size[1], each, groups*depth)
	d.bias(&c, groups*each)
	if groups > 1 || d.one(2) {
		c.Groups = &groups
	}
	d.faults = append([]fault{
		func(_ *draw, c *Case) string { c.OutputSize = &[2]int{-1, 3}; return "output height is -1" },
		func(_ *draw, c *Case) string {
			c.OutputSize = &[2]int{g.in[0] + 3*g.strides[0], g.in[1]}
			return "a convolution from the output"
		},
		strideFault, dilationFault,
		func(_ *draw, c *Case) string { n := 0; c.Groups = &n; return "groups is 0" },
	}, filterFaults...)
	return c
}

func (d *draw) groups() int {
	if d.one(2) {
		return 1
	}
	return d.upTo(4)
}

// shape has from least to most axes, the last of them not 0, and few numbers.
func (d *draw) shape(least, most int) []int {
	axes := least + d.IntN(most-least+1)
	shape := make([]int, axes)
	for i := range shape {
		shape[i] = d.upTo(5)
	}
	if axes > 0 {
		shape[0] = d.batch()
		shape[axes-1] = d.channels()
		if axes > 2 && d.one(30) {
			shape[1] = 0
		}
	}
	return shape
}

func (d *draw) pictures() tensor.Tensor {
	return d.tensor(d.batch(), d.upTo(9), d.upTo(9), d.channels())
}

func (d *draw) bias(c *Case, filters int) {
	if d.one(2) {
		bias := d.tensor(filters)
		c.Bias = &bias
	}
}

// number sets an optional number to one of several.
func (d *draw) number(place **float32, values ...float32) {
	if d.one(3) {
		return
	}
	x := pick(d, values...)
	*place = &x
}
