package proof

import (
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// operation is what a case file knows of an operation: the fields that are its
// own, and how the case becomes an ir.Op and its operands (Input alone, where
// that is nil).
type operation struct {
	need, may []string
	resolve   func(c Case) ir.Op
	operands  func(c Case) []tensor.Tensor
}

// Operations lists the names of all operations, sorted.
func Operations() []string { return slices.Sorted(slices.Values(strict.Keys(operations))) }

func (o operation) several() bool { return slices.Contains(o.need, "inputs") }

func (o operation) required() []string {
	if o.several() {
		return o.need
	}
	return append([]string{"input"}, o.need...)
}

func (o operation) allowed() []string {
	return slices.Concat([]string{"name", "op", "expect", "error"}, o.required(), o.may)
}

var operations = map[string]operation{
	"conv2d": {
		need: []string{"filter"}, may: []string{"bias", "strides", "dilations", "padding", "groups"},
		operands: filtered,
		resolve: func(c Case) ir.Op {
			return ir.Conv2D{Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding, Groups: or(c.Groups, 1)}
		},
	},
	"depthwise_conv2d": {
		need: []string{"filter"}, may: []string{"bias", "strides", "dilations", "padding"},
		operands: filtered,
		resolve: func(c Case) ir.Op {
			return ir.DepthwiseConv2D{Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding}
		},
	},
	"conv2d_transpose": {
		need: []string{"filter", "output_size"}, may: []string{"bias", "strides", "dilations", "padding", "groups"},
		operands: filtered,
		resolve: func(c Case) ir.Op {
			return ir.Conv2DTranspose{
				Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding, Groups: or(c.Groups, 1),
				OutputSize: or(c.OutputSize, [2]int{}),
			}
		},
	},
	"dense": {
		need: []string{"filter"}, may: []string{"bias"},
		operands: filtered,
		resolve:  func(Case) ir.Op { return ir.Dense{} },
	},
	"max_pool": {
		need: []string{"size"}, may: []string{"strides", "padding"},
		resolve: func(c Case) ir.Op { return ir.MaxPool{Pool: c.pool()} },
	},
	"avg_pool": {
		need: []string{"size"}, may: []string{"strides", "padding"},
		resolve: func(c Case) ir.Op { return ir.AvgPool{Pool: c.pool()} },
	},
	"batch_norm": {
		need: []string{"scale", "offset", "mean", "variance"}, may: []string{"epsilon"},
		operands: func(c Case) []tensor.Tensor {
			return []tensor.Tensor{c.Input, *c.Scale, *c.Offset, *c.Mean, *c.Variance}
		},
		resolve: func(c Case) ir.Op { return ir.BatchNorm{Epsilon: or(c.Epsilon, 0.001)} },
	},
	"lrn": {
		may: []string{"depth_radius", "lrn_bias", "alpha", "beta"},
		resolve: func(c Case) ir.Op {
			return ir.LRN{DepthRadius: or(c.DepthRadius, 5), Bias: or(c.LRNBias, 1), Alpha: or(c.Alpha, 1), Beta: or(c.Beta, 0.5)}
		},
	},
	"leaky_relu": {
		may:     []string{"alpha"},
		resolve: func(c Case) ir.Op { return ir.LeakyReLU{Alpha: or(c.Alpha, 0.2)} },
	},
	"relu":     {resolve: func(Case) ir.Op { return ir.ReLU{} }},
	"relu6":    {resolve: func(Case) ir.Op { return ir.ReLU6{} }},
	"elu":      {resolve: func(Case) ir.Op { return ir.ELU{} }},
	"selu":     {resolve: func(Case) ir.Op { return ir.SELU{} }},
	"sigmoid":  {resolve: func(Case) ir.Op { return ir.Sigmoid{} }},
	"tanh":     {resolve: func(Case) ir.Op { return ir.Tanh{} }},
	"softmax":  {resolve: func(Case) ir.Op { return ir.Softmax{} }},
	"identity": {resolve: func(Case) ir.Op { return ir.Identity{} }},
	"flatten":  {resolve: func(Case) ir.Op { return ir.Flatten{} }},
	"pad": {
		need: []string{"padding"},
		resolve: func(c Case) ir.Op {
			return ir.Pad{Top: c.Padding.Top, Bottom: c.Padding.Bottom, Left: c.Padding.Left, Right: c.Padding.Right}
		},
	},
	"resize": {
		need:    []string{"size", "method"},
		resolve: func(c Case) ir.Op { return ir.Resize{Size: or(c.Size, [2]int{}), Method: c.Method} },
	},
	"scale_shift": {
		may: []string{"scale", "shift"},
		resolve: func(c Case) ir.Op {
			return ir.ScaleShift{Scale: or(c.Scale, tensor.Tensor{}).Data, Shift: or(c.Shift, tensor.Tensor{}).Data}
		},
	},
	"reverse_channels": {resolve: func(Case) ir.Op { return ir.ReverseChannels{} }},
	"add":              {need: []string{"inputs"}, operands: several, resolve: func(Case) ir.Op { return ir.Add{} }},
	"concat":           {need: []string{"inputs"}, operands: several, resolve: func(Case) ir.Op { return ir.Concat{} }},
}

func filtered(c Case) []tensor.Tensor {
	operands := []tensor.Tensor{c.Input, c.Filter}
	if c.Bias != nil {
		operands = append(operands, *c.Bias)
	}
	return operands
}

func several(c Case) []tensor.Tensor { return c.Inputs }

func or[T any](value *T, standard T) T {
	if value == nil {
		return standard
	}
	return *value
}

func (c Case) strides() [2]int   { return or(c.Strides, [2]int{1, 1}) }
func (c Case) dilations() [2]int { return or(c.Dilations, [2]int{1, 1}) }

func (c Case) pool() ir.Pool {
	size := or(c.Size, [2]int{})
	return ir.Pool{Size: size, Strides: or(c.Strides, size), Padding: c.Padding}
}
