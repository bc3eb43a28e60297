package session_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/profile"
	"tfcnn/session/verify"
)

// block is a network of a head (a layer with a sum), a middle and an
// activation: what TensorFlow's optimizer may compute in one call.
type block struct {
	name string
	net  graph.Network
}

// head makes a layer of a name that reads another.
type head func(name, from string) graph.Layer

// heads are the layers with sums, and pools, in all forms that become nodes of
// their own kind.
func heads() map[string]head {
	list := map[string]head{
		"max_pool": func(name, from string) graph.Layer {
			return graph.MaxPool{Name: name, From: from, Size: graph.Square(2)}
		},
		"avg_pool": func(name, from string) graph.Layer {
			return graph.AvgPool{Name: name, From: from, Size: graph.Square(3), Padding: graph.Explicit(1, 1, 1, 1)}
		},
	}
	for bias, none := range map[string]bool{"with bias": false, "without bias": true} {
		add := func(name string, make head) { list[name+", "+bias] = make }
		for kind, c := range map[string]graph.Conv2D{
			"conv2d":                   {},
			"conv2d of 1×1":            {Size: graph.Square(1)},
			"conv2d, strides":          {Strides: graph.Square(2), Padding: graph.Same},
			"conv2d, two strides":      {Strides: graph.Size{Height: 1, Width: 2}},
			"conv2d, dilated":          {Dilations: graph.Square(2), Padding: graph.Same},
			"conv2d, explicit":         {Padding: graph.Explicit(1, 0, 2, 1)},
			"conv2d, groups":           {Groups: 2},
			"conv2d, groups, dilated":  {Groups: 4, Dilations: graph.Square(2)},
			"conv2d, groups, explicit": {Groups: 2, Padding: graph.Explicit(1, 1, 1, 1)},
			"conv2d, a group each":     {Groups: 8, Padding: graph.Same},
			"conv2d, blind":            {Size: graph.Square(2), Strides: graph.Size{Height: 1, Width: 15}, Dilations: graph.Size{Height: 1, Width: 14}, Padding: graph.Explicit(0, 0, 1, 13)},
		} {
			c.Filters, c.NoBias = 8, none
			if c.Size == (graph.Size{}) {
				c.Size = graph.Square(3)
			}
			add(kind, func(name, from string) graph.Layer { c.Name, c.From = name, from; return c })
		}
		for kind, d := range map[string]graph.DepthwiseConv2D{
			"depthwise":              {},
			"depthwise, strides":     {Strides: graph.Square(2), Padding: graph.Same},
			"depthwise, two strides": {Strides: graph.Size{Height: 1, Width: 2}, Padding: graph.Same},
			"depthwise, dilated":     {Dilations: graph.Square(2), Padding: graph.Same},
			"depthwise, explicit":    {Padding: graph.Explicit(1, 0, 2, 1)},
			"depthwise, multiplied":  {Multiplier: 2},
		} {
			d.Size, d.NoBias = graph.Square(3), none
			add(kind, func(name, from string) graph.Layer { d.Name, d.From = name, from; return d })
		}
		for kind, c := range map[string]graph.Conv2DTranspose{
			"transpose":           {},
			"transpose, strides":  {Strides: graph.Square(2), Padding: graph.Same},
			"transpose, groups":   {Groups: 2},
			"transpose, dilated":  {Dilations: graph.Square(2)},
			"transpose, explicit": {Padding: graph.Explicit(1, 1, 0, 1)},
		} {
			c.Filters, c.Size, c.NoBias = 8, graph.Square(3), none
			add(kind, func(name, from string) graph.Layer { c.Name, c.From = name, from; return c })
		}
		for kind, c := range map[string]graph.SeparableConv2D{"separable": {}, "separable, dilated": {Dilations: graph.Square(2)}} {
			c.Filters, c.Size, c.NoBias = 8, graph.Square(3), none
			add(kind, func(name, from string) graph.Layer { c.Name, c.From = name, from; return c })
		}
		add("dense", func(name, from string) graph.Layer {
			return graph.Dense{Name: name, From: from, Units: 8, NoBias: none}
		})
	}
	return list
}

// middles lie between a head and an activation.
func middles() map[string]func(head) []graph.Layer {
	norm := graph.BatchNorm{Name: "norm"}
	fixed := func(layers ...graph.Layer) func(head) []graph.Layer {
		return func(head) []graph.Layer { return layers }
	}
	return map[string]func(head) []graph.Layer{
		"alone":               fixed(),
		"batch norm":          fixed(norm),
		"two batch norms":     fixed(norm, graph.BatchNorm{Name: "norm2"}),
		"batch norm, dropout": fixed(norm, graph.Dropout{Name: "drop", Rate: 0.5}),
		"scale and shift":     fixed(graph.ScaleShift{Name: "scale", Scale: []float32{0.5}, Shift: []float32{0.25}}),
		"dense, batch norm":   fixed(graph.Flatten{Name: "flat"}, graph.Dense{Name: "d", Units: 4, NoBias: true}, norm),
		"flatten":             fixed(graph.Flatten{Name: "flat"}),
		"sum": func(h head) []graph.Layer {
			return []graph.Layer{h("other", "before"), graph.Add{Name: "sum", From: []string{"head", "other"}}}
		},
		"batch norm, sum": func(h head) []graph.Layer {
			return []graph.Layer{norm, h("other", "before"), graph.Add{Name: "sum", From: []string{"norm", "other"}}}
		},
		"sum, batch norm": func(h head) []graph.Layer {
			return []graph.Layer{h("other", "before"), graph.Add{Name: "sum", From: []string{"other", "head"}}, norm}
		},
	}
}

// blocks are all networks of a head, a middle and an activation, in the order
// of their names.
func blocks() []block {
	var list []block
	for headName, h := range heads() {
		var before graph.Layer = graph.ZeroPad{Name: "before", Top: 1, Left: 1}
		if _, is := h("head", "").(graph.Dense); is {
			before = graph.Flatten{Name: "before"}
		}
		for middleName, middle := range middles() {
			for _, a := range append([]graph.Activation{graph.Linear}, graph.Activations()...) {
				layers := append([]graph.Layer{before, h("head", "before")}, middle(h)...)
				if a != graph.Linear {
					layers = append(layers, activationLayer(a))
				}
				list = append(list, block{
					fmt.Sprintf("%s; %s; %s", headName, middleName, a),
					graph.Network{Input: graph.Input{Height: 10, Width: 10, Channels: 8}, Layers: layers},
				})
			}
		}
	}
	slices.SortFunc(list, func(a, b block) int { return strings.Compare(a.name, b.name) })
	return list
}

func activationLayer(a graph.Activation) graph.Layer {
	return map[graph.Activation]graph.Layer{
		graph.ReLUActivation: graph.ReLU{Name: "act"}, graph.ReLU6Activation: graph.ReLU6{Name: "act"},
		graph.LeakyReLUActivation: graph.LeakyReLU{Name: "act"}, graph.ELUActivation: graph.ELU{Name: "act"},
		graph.SELUActivation: graph.SELU{Name: "act"}, graph.SigmoidActivation: graph.Sigmoid{Name: "act"},
		graph.TanhActivation: graph.Tanh{Name: "act"}, graph.SwishActivation: graph.Swish{Name: "act"}, graph.HardSwishActivation: graph.HardSwish{Name: "act"},
		graph.SoftmaxActivation: graph.Softmax{Name: "act"},
	}[a]
}

// Every block runs in every type, with its filters as constants and fed; in
// float32 it is compared with the reference layer by layer and as it runs, in the
// others it lies nearer to the float32 answer than zeros do. TFCNN_FUSIONS=all
// takes all blocks, a plain run each 37th, one with
// the race detector each 97th; TestWithAndWithoutOneDNN runs it in both settings.
func TestFusions(t *testing.T) {
	list := blocks()
	step := 37 // prime to the numbers of middles and activations
	if raceEnabled {
		step = 97
	}
	if os.Getenv("TFCNN_FUSIONS") == "all" {
		step = 1
	}
	ran := 0
	for i := 0; i < len(list); i += step {
		b := list[i]
		ran++
		if err := holdsBlock(t, b.net, uint64(i)); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
	t.Logf("%d of %d networks ran in three types", ran, len(list))
}

func holdsBlock(t *testing.T, net graph.Network, seed uint64) error {
	weights, batch := profile.RandomWeights(net, seed), batchOf(net, 2, seed)
	v, err := verify.Network(t.Context(), net, weights, batch, verify.Options{})
	if err == nil {
		err = v.Err()
	}
	if err == nil && v.Status != proof.Pass {
		err = fmt.Errorf("status %q", v.Status)
	}
	if err != nil {
		return err
	}
	var want tensor.Tensor
	for _, o := range []session.Options{
		{},
		{Weights: session.Fed},
		{Executor: session.Parallel},
		{Compute: graph.BFloat16},
		{Compute: graph.Float16},
		{Compute: graph.BFloat16, Weights: session.Fed},
		{Compute: graph.Float16, Weights: session.Fed},
	} {
		o.Device = "cpu"
		got, err := runOnce(t, net, weights, batch, o)
		if err != nil {
			return fmt.Errorf("%+v: %w", o, err)
		}
		if want.Data == nil {
			want = got
		}
		var off, all float64
		for k := range want.Data {
			d := float64(got.Data[k]) - float64(want.Data[k])
			off, all = off+d*d, all+float64(want.Data[k])*float64(want.Data[k])
		}
		if !(off <= all/4) || math.IsInf(all, 0) {
			return fmt.Errorf("%+v: is off by %v, where the answer's norm is %v", o, math.Sqrt(off), math.Sqrt(all))
		}
	}
	return nil
}

func runOnce(t *testing.T, net graph.Network, weights graph.Weights, batch tensor.Tensor, o session.Options) (tensor.Tensor, error) {
	s, err := session.Open(net, weights, o)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer s.Close()
	return s.Run(t.Context(), batch)
}

// What TensorFlow can compute in one call it does; what its kernels refuse
// together runs in more. ran lists the layers whose nodes ran, by oneDNN's setting.
func TestJoinedLayers(t *testing.T) {
	sum := graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3), NoBias: true}
	biased, grouped := sum, sum
	biased.NoBias, grouped.Groups = false, 2
	depthwise := graph.DepthwiseConv2D{Name: "c", Size: graph.Square(3), NoBias: true}
	norm := graph.BatchNorm{Name: "n"}
	for _, tt := range []struct {
		layers  []graph.Layer
		off, on string
	}{
		{[]graph.Layer{sum, norm, graph.ReLU{Name: "a"}}, "a", "a"},
		{[]graph.Layer{sum, norm, graph.ELU{Name: "a"}}, "a", "a"},
		{[]graph.Layer{sum, norm, graph.Tanh{Name: "a"}}, "n a", "n a"},
		{[]graph.Layer{biased, graph.ReLU{Name: "a"}}, "a", "a"},
		{[]graph.Layer{biased, graph.Tanh{Name: "a"}}, "c a", "c a"},
		{[]graph.Layer{biased, graph.LeakyReLU{Name: "a"}}, "a", "a"},
		{[]graph.Layer{grouped, norm, graph.ReLU{Name: "a"}}, "n a", "a"},
		{[]graph.Layer{grouped, norm, graph.Tanh{Name: "a"}}, "n a", "n a"},
		{[]graph.Layer{depthwise, norm, graph.ReLU6{Name: "a"}}, "c n a", "a"},
	} {
		net := graph.Network{Input: graph.Input{Height: 9, Width: 9, Channels: 8}, Layers: tt.layers}
		s, err := session.Open(net, profile.RandomWeights(net, 1), session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		_, runs, err := profile.Trace(t.Context(), s, batchOf(net, 2, 1))
		if err != nil {
			t.Fatal(err)
		}
		var ran []string
		for _, r := range runs {
			if len(r.Devices) > 0 {
				ran = append(ran, r.Layer)
			}
		}
		want := tt.off
		if on, _ := tensorflow.OneDNNInUse(); on {
			want = tt.on
		}
		if got := strings.Join(ran, " "); got != want {
			t.Errorf("%+v: %s ran by themselves, want %s", tt.layers, got, want)
		}
		s.Close()
	}
}
