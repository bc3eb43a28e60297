package main

import (
	"math"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// call is a way to have TensorFlow compute a function.
type call struct {
	name  string
	build func(root *op.Scope, f func(*op.Scope, tf.Output) tf.Output) (in, out tf.Output, err error)
	// shape is the input's, of about n numbers; nil: [n].
	shape func(n int) []int
}

var alone = call{build: func(root *op.Scope, f func(*op.Scope, tf.Output) tf.Output) (in, out tf.Output, err error) {
	in = op.Placeholder(root, tf.Float)
	return in, f(root, in), nil
}}

// fused are the functions that TensorFlow 2.21 computes in one call with what
// comes before.
var fused = map[string][]call{
	"elu": {convolved, multiplied}, "sigmoid": {multiplied}, "tanh": {multiplied},
}

const channels = 8

var convolved = call{
	name: "/conv2d",
	build: func(root *op.Scope, f func(*op.Scope, tf.Output) tf.Output) (in, out tf.Output, err error) {
		in = op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 1, 1, channels)))
		filter, bias, err := unchanged(root, 1, 1, channels, channels)
		if err != nil {
			return in, out, err
		}
		y := op.Conv2D(root, in, filter, []int64{1, 1, 1, 1}, "VALID")
		return in, f(root, op.BiasAdd(root, y, bias)), nil
	},
	shape: func(n int) []int { return []int{n / channels, 1, 1, channels} },
}

var multiplied = call{
	name: "/matmul",
	build: func(root *op.Scope, f func(*op.Scope, tf.Output) tf.Output) (in, out tf.Output, err error) {
		in = op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, channels)))
		filter, bias, err := unchanged(root, channels, channels)
		if err != nil {
			return in, out, err
		}
		return in, f(root, op.BiasAdd(root, op.MatMul(root, in, filter), bias)), nil
	},
	shape: func(n int) []int { return []int{n / channels, channels} },
}

// unchanged are a filter and a bias that leave numbers as they are. A bias of
// zeros would be left out, and the function with it: it is the smallest that
// there is, next to nothing beside the numbers that are fed.
func unchanged(root *op.Scope, shape ...int) (filter, bias tf.Output, err error) {
	w, err := tensor.New(shape...)
	if err != nil {
		return filter, bias, err
	}
	b, err := tensor.New(channels)
	if err != nil {
		return filter, bias, err
	}
	for i := range channels {
		w.Data[i*channels+i], b.Data[i] = 1, smallest
	}
	if filter, err = constant(root.SubScope("filter"), w); err != nil {
		return filter, bias, err
	}
	bias, err = constant(root.SubScope("bias"), b)
	return filter, bias, err
}

func constant(root *op.Scope, x tensor.Tensor) (tf.Output, error) {
	value, err := capi.NewTensor(x)
	if err != nil {
		return tf.Output{}, err
	}
	defer capi.FreeTensor(value)
	return op.Const(root, value), nil
}

// takes reports whether x is fed: numbers that a filter of zeros and ones leaves
// as they are.
func (c call) takes(x float32) bool {
	return c.shape == nil || x-x == 0 && math.Abs(float64(x)) > 0x1p-100
}
