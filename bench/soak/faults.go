package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// fault is a way in which a batch can be wrong.
type fault struct {
	name  string
	spoil func(good tensor.Tensor, random *rand.Rand) tensor.Tensor
}

// resized makes a batch of another size on one axis, with the numbers of its shape.
func resized(axis, by int) func(tensor.Tensor, *rand.Rand) tensor.Tensor {
	return func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		shape := append([]int{}, good.Shape...)
		shape[axis] += by
		bad, err := tensor.New(shape...)
		if err != nil {
			return tensor.Tensor{}
		}
		return bad
	}
}

// shaped makes a batch whose shape is of n images.
func shaped(n int) func(tensor.Tensor, *rand.Rand) tensor.Tensor {
	return func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: append([]int{n}, good.Shape[1:]...), Data: good.Data}
	}
}

// faults are those of a batch of one image or more.
var faults = []fault{
	{"too high", resized(1, 1)},
	{"too narrow", resized(2, -1)},
	{"a channel more", resized(3, 1)},
	{"nothing at all", func(tensor.Tensor, *rand.Rand) tensor.Tensor { return tensor.Tensor{} }},
	{"one axis less", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape[1:], Data: good.Data}
	}},
	{"nil data", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape}
	}},
	{"short data", func(good tensor.Tensor, random *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape, Data: good.Data[:random.IntN(len(good.Data))]}
	}},
	{"long data", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape, Data: append(good.Data[:len(good.Data):len(good.Data)], 1)}
	}},
	{"-1 images", shaped(-1)},
	{"fewest images", shaped(math.MinInt)},
	{"most images", shaped(math.MaxInt)},
	{"product overflows", shaped(1 << 60)},
	{"2⁴⁰ images", shaped(1 << 40)},
}

// check returns an error unless err is the BatchError that the fault of the batch asks for.
func (f fault) check(err error, bad tensor.Tensor, in graph.Input) error {
	var refused *session.BatchError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: got %v, want a *session.BatchError", f.name, err)
	}
	want := []int{-1, in.Height, in.Width, in.Channels}
	if !slices.Equal(refused.Got, bad.Shape) || refused.Numbers != len(bad.Data) || !slices.Equal(refused.Want, want) {
		return fmt.Errorf("%s: error is of shape %v with %d numbers for %v, want %v with %d for %v", f.name, refused.Got, refused.Numbers, refused.Want, bad.Shape, len(bad.Data), want)
	}
	if shapeFits := len(bad.Shape) == len(want) && slices.Equal(bad.Shape[1:], want[1:]); shapeFits != (refused.Reason != nil) {
		return fmt.Errorf("%s: shape %v for %v, reason %v: want a reason where the shape fits alone", f.name, bad.Shape, want, refused.Reason)
	}
	return oneLine(err)
}

// unknownLayer returns an error unless err refuses a name that no layer has.
func unknownLayer(err error) error {
	var refused *graph.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("unknown layer: got %v, want a *graph.Error", err)
	}
	return oneLine(err)
}

func oneLine(err error) error {
	if strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("error %q has several lines", err)
	}
	return nil
}

// refusedOpens are ways to open a session that must fail.
var refusedOpens = []struct {
	name string
	open func(graph.Network, graph.Weights) error
}{
	{"weights missing", func(net graph.Network, _ graph.Weights) error {
		return refused(net, nil, session.Options{}, isGraphError)
	}},
	{"weight of another shape", func(net graph.Network, w graph.Weights) error {
		for name := range w {
			w[name] = tensor.Tensor{Shape: []int{1}, Data: []float32{1}}
			break
		}
		return refused(net, w, session.Options{}, isGraphError)
	}},
	{"weight without numbers", func(net graph.Network, w graph.Weights) error {
		for name := range w {
			w[name] = tensor.Tensor{Shape: w[name].Shape}
			break
		}
		return refused(net, w, session.Options{}, isGraphError)
	}},
	{"weight too many", func(net graph.Network, w graph.Weights) error {
		w["nobody/filter"] = tensor.Tensor{Shape: []int{1}, Data: []float32{1}}
		return refused(net, w, session.Options{}, isGraphError)
	}},
	{"no such device", func(net graph.Network, w graph.Weights) error {
		return refused(net, w, session.Options{Device: "gpu:99"}, func(err error) bool { return errors.Is(err, session.ErrNoDevice) })
	}},
	{"layer that reads itself", func(net graph.Network, w graph.Weights) error {
		net.Layers = append([]graph.Layer{graph.Add{Name: "loop", From: []string{"loop", graph.InputName}}}, net.Layers...)
		return refused(net, w, session.Options{}, func(err error) bool {
			var refused *graph.Error
			return errors.As(err, &refused) && refused.Layer == "loop"
		})
	}},
}

func isGraphError(err error) bool {
	var refused *graph.Error
	return errors.As(err, &refused)
}

// refused returns an error unless Open fails with an error of the right type.
func refused(net graph.Network, w graph.Weights, o session.Options, right func(error) bool) error {
	s, err := session.Open(net, w, o)
	if err == nil {
		return errors.Join(errors.New("session.Open returned no error"), s.Close())
	}
	if !right(err) {
		return fmt.Errorf("error %q is of another type than that of the fault", err)
	}
	return oneLine(err)
}
