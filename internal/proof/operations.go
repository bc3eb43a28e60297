package proof

import (
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// operation is what a case file knows of an operation: the fields of its operands
// and attributes, and how the case becomes an ir.Op and its operands.
type operation struct {
	need, may []string
	resolve   func(c Case) ir.Op
	operands  func(c Case) []tensor.Tensor
}

// Operations lists the names of all operations, sorted.
func Operations() []string { return slices.Sorted(slices.Values(strict.Keys(operations))) }

// InputAlone lists the names of the operations whose cases have an input and no
// other field of their own, sorted.
func InputAlone() []string {
	var list []string
	for _, name := range Operations() {
		if o := operations[name]; len(o.need)+len(o.may) == 1 && o.need[0] == "input" {
			list = append(list, name)
		}
	}
	return list
}

func (o operation) allowed() []string {
	return slices.Concat([]string{"name", "op", "expect", "error"}, o.need, o.may)
}

// operations has every operation of package ir by its kind: the fields of its
// operands, which its traits tell, and those of attributes.
var operations = func() map[string]operation {
	all := map[string]operation{}
	for _, op := range ir.Operations() {
		o, own := fieldsOf[op.Traits().Operands], attributes[op.Kind()]
		o.need, o.may = slices.Concat(o.need, own.need), slices.Concat(o.may, own.may)
		o.resolve = own.resolve
		if o.resolve == nil {
			o.resolve = func(Case) ir.Op { return op }
		}
		all[op.Kind()] = o
	}
	return all
}()

// fieldsOf has the fields of each list of operands.
var fieldsOf = map[ir.Operands]operation{
	ir.OneInput: {need: []string{"input"}, operands: func(c Case) []tensor.Tensor { return []tensor.Tensor{c.Input} }},
	ir.FilterAndBias: {need: []string{"input", "filter"}, may: []string{"bias"}, operands: func(c Case) []tensor.Tensor {
		operands := []tensor.Tensor{c.Input, c.Filter}
		if c.Bias != nil {
			operands = append(operands, *c.Bias)
		}
		return operands
	}},
	ir.ChannelNumbers: {need: []string{"input", "scale", "offset", "mean", "variance"}, operands: func(c Case) []tensor.Tensor {
		return []tensor.Tensor{c.Input, *c.Scale, *c.Offset, *c.Mean, *c.Variance}
	}},
	ir.ManyInputs: {need: []string{"inputs"}, operands: func(c Case) []tensor.Tensor { return c.Inputs }},
}

// attributes has the fields of the operations that have attributes, and what the
// operation is with them.
var attributes = map[string]operation{
	"conv2d": {
		may: []string{"strides", "dilations", "padding", "groups"},
		resolve: func(c Case) ir.Op {
			return ir.Conv2D{Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding, Groups: or(c.Groups, 1)}
		},
	},
	"depthwise_conv2d": {
		may: []string{"strides", "dilations", "padding"},
		resolve: func(c Case) ir.Op {
			return ir.DepthwiseConv2D{Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding}
		},
	},
	"conv2d_transpose": {
		need: []string{"output_size"}, may: []string{"strides", "dilations", "padding", "groups"},
		resolve: func(c Case) ir.Op {
			return ir.Conv2DTranspose{
				Strides: c.strides(), Dilations: c.dilations(), Padding: c.Padding, Groups: or(c.Groups, 1),
				OutputSize: or(c.OutputSize, [2]int{}),
			}
		},
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
		may:     []string{"epsilon"},
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
}

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
