package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// fault is a way in which a batch can be wrong.
type fault struct {
	name  string
	spoil func(good tensor.Tensor, random *rand.Rand) tensor.Tensor
	want  []string // what the error must say; %H, %W, %C stand for the network's
}

// resized is a batch of another size on one axis, with as many numbers as it
// says.
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

// shaped is a batch that says that it is of n images.
func shaped(n int) func(tensor.Tensor, *rand.Rand) tensor.Tensor {
	return func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: append([]int{n}, good.Shape[1:]...), Data: good.Data}
	}
}

// faults that have a batch of one image or more to spoil.
var faults = []fault{
	{"too high", resized(1, 1), []string{"batch is [", "want [N,%H,%W,%C]"}},
	{"too narrow", resized(2, -1), []string{"batch is [", "want [N,%H,%W,%C]"}},
	{"a channel more", resized(3, 1), []string{"batch is [", "want [N,%H,%W,%C]"}},
	{"nothing at all", func(tensor.Tensor, *rand.Rand) tensor.Tensor { return tensor.Tensor{} }, []string{"batch is []", "want [N,%H,%W,%C]"}},
	{"one axis less", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape[1:], Data: good.Data}
	}, []string{"batch is [%H,%W,%C]", "want [N,%H,%W,%C]"}},
	{"nil data", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape}
	}, []string{"got 0 numbers, want"}},
	{"short data", func(good tensor.Tensor, random *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape, Data: good.Data[:random.IntN(len(good.Data))]}
	}, []string{"numbers, want"}},
	{"long data", func(good tensor.Tensor, _ *rand.Rand) tensor.Tensor {
		return tensor.Tensor{Shape: good.Shape, Data: append(good.Data[:len(good.Data):len(good.Data)], 1)}
	}, []string{"numbers, want"}},
	{"-1 images", shaped(-1), []string{"size -1 is negative"}},
	{"fewest images", shaped(math.MinInt), []string{"is negative"}},
	{"most images", shaped(math.MaxInt), []string{"overflows int64"}},
	{"product overflows", shaped(1 << 60), []string{"overflows int64"}},
	{"2⁴⁰ images", shaped(1 << 40), []string{"numbers, want"}},
}

// says holds an error to what its fault wants.
func (f fault) says(err error, in graph.Input) error {
	replace := strings.NewReplacer("%H", fmt.Sprint(in.Height), "%W", fmt.Sprint(in.Width), "%C", fmt.Sprint(in.Channels))
	for _, want := range f.want {
		if want = replace.Replace(want); !strings.Contains(err.Error(), want) {
			return fmt.Errorf("%s: error %q does not say %q", f.name, err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("%s: error %q has several lines", f.name, err)
	}
	return nil
}

// refusedOpens are ways to open a session that must fail.
var refusedOpens = []struct {
	name string
	open func(graph.Network, graph.Weights) error
}{
	{"weights missing", func(net graph.Network, _ graph.Weights) error {
		return refused(net, nil, session.Options{}, "is missing, want")
	}},
	{"weight of another shape", func(net graph.Network, w graph.Weights) error {
		for name := range w {
			w[name] = tensor.Tensor{Shape: []int{1}, Data: []float32{1}}
			break
		}
		return refused(net, w, session.Options{}, "is [1], want [")
	}},
	{"weight without numbers", func(net graph.Network, w graph.Weights) error {
		for name := range w {
			w[name] = tensor.Tensor{Shape: w[name].Shape}
			break
		}
		return refused(net, w, session.Options{}, "got 0 numbers, want")
	}},
	{"weight too many", func(net graph.Network, w graph.Weights) error {
		w["nobody/filter"] = tensor.Tensor{Shape: []int{1}, Data: []float32{1}}
		return refused(net, w, session.Options{}, `"nobody/filter" belongs to no layer`)
	}},
	{"no such device", func(net graph.Network, w graph.Weights) error {
		return refused(net, w, session.Options{Device: "gpu:99"}, "gpu:99")
	}},
	{"layer that reads itself", func(net graph.Network, w graph.Weights) error {
		net.Layers = append([]graph.Layer{graph.Add{Name: "loop", From: []string{"loop", graph.InputName}}}, net.Layers...)
		return refused(net, w, session.Options{}, `"loop"`)
	}},
}

// refused is nil where Open fails and says so.
func refused(net graph.Network, w graph.Weights, o session.Options, want string) error {
	s, err := session.Open(net, w, o)
	if err == nil {
		return errors.Join(errors.New("it was opened"), s.Close())
	}
	if !strings.Contains(err.Error(), want) {
		return fmt.Errorf("error %q does not say %q", err, want)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, session.ErrClosed) {
		return fmt.Errorf("error %q is of another kind", err)
	}
	return nil
}
