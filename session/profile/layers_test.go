package profile

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/internal/trace"
)

// block is a residual block, all of whose sums are small enough to do by hand:
// images of 4×4×2.
var block = graph.Network{
	Input: graph.Input{Height: 4, Width: 4, Channels: 2},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "conv", Filters: 3, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
		graph.BatchNorm{Name: "bn"},
		graph.Dropout{Name: "drop", Rate: 0.5},
		graph.ReLU{Name: "relu"},
		graph.Conv2D{Name: "side", From: "relu", Filters: 3, Size: graph.Square(1)},
		graph.Add{Name: "add", From: []string{"relu", "side"}},
		graph.MaxPool{Name: "pool", Size: graph.Square(2)},
		graph.Flatten{Name: "flat"},
		graph.Dense{Name: "dense", Units: 5},
	},
}

// profilerOf is that of a network of which TensorFlow ran so.
func profilerOf(t *testing.T, net graph.Network, ran trace.Record) profiler {
	t.Helper()
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	planned, err := plan.OfLowered(lowered)
	if err != nil {
		t.Fatal(err)
	}
	return newProfiler(lowered, planned, 4, ran)
}

// ran is a node of a record whose kernel computes from start to end, taken up
// 2 before and left 3 after.
func ran(name, layer, op string, start, end int64, allocations ...trace.Allocation) trace.Node {
	return trace.Node{
		Layer: layer, Name: name, Op: op, Device: "/device:CPU:0", Ready: start - 5, Start: start - 2,
		KernelStart: start, KernelEnd: end, End: end + 3, Allocations: allocations,
	}
}

// blockRun is a run of the block in which TensorFlow has put conv, bn and relu
// into one kernel, named after the last, and side and add ran side by side with
// a node of no layer. later makes the run's dense layer take longer.
func blockRun(later int64) trace.Record {
	return trace.Record{Call: time.Duration(2000 + later), Nodes: []trace.Node{
		ran("_SOURCE", "", "NoOp", 1005, 1006),
		ran("conv/filter", "conv", "Const", 1010, 1011),
		ran("relu/Relu", "relu", "_FusedConv2D", 1100, 1400, trace.Allocation{Bytes: 192}, trace.Allocation{Bytes: 64}, trace.Allocation{Bytes: -64}),
		ran("side/BiasAdd", "side", "_FusedConv2D", 1420, 1520),
		ran("add/AddV2", "add", "AddV2", 1500, 1550),
		ran("pool/MaxPool", "pool", "MaxPool", 1560, 1580),
		ran("odd", "", "Cast", 1560, 1590),
		ran("flat/Reshape", "flat", "Reshape", 1600, 1602),
		ran("dense/MatMul", "dense", "MatMul", 1610, 1660),
		ran("dense/BiasAdd", "dense", "BiasAdd", 1670, 1690+later),
		ran("_retval_dense_0_0", "", "_Retval", 1700+later, 1702+later),
	}}
}

func TestProfileSums(t *testing.T) {
	const nano = 1e-9
	p := profilerOf(t, block, blockGraph()).profile([]trace.Record{blockRun(0), blockRun(20), blockRun(100)}, 2)
	near := func(what string, got, want float64) {
		t.Helper()
		if d := got - want; d < -1e-15 || d > 1e-15 {
			t.Errorf("%s: got %g, want %g", what, got, want)
		}
	}
	// From 1000, when _SOURCE was ready, to 1705+20.
	near("step", p.Step.Median, 725*nano)
	near("longest step", p.Step.Most, 805*nano)
	// 300 + (1420 to 1550) + 20 + 2 + 50 + 40; the Cast is no layer's.
	near("covered", p.Covered.Median, 542*nano)
	near("side by side", p.SideBySide, 20*nano)
	near("before", p.Framework.Before, 100*nano)
	near("after", p.Framework.After, 15*nano)
	near("between", p.Framework.Between, (725-542-100-15)*nano)
	near("traced call", p.Traced.Median, 2020*nano)

	type row struct {
		In        string
		With, Ops []string
		Time      float64
		Mults     int64
		FLOPs     int64
		Bytes     int64
		Allocated int64
	}
	want := map[string]row{
		// 2 images × 4·4 places × 3 filters × 3·3·2 taps; bn multiplies each
		// of 4·4·3 numbers once. Read: 4·4·2 numbers an image, the filter's 54
		// and bn's 12; written: 4·4·3 an image.
		"conv": {
			With: []string{"bn", "relu"}, Ops: []string{"_FusedConv2D"}, Time: 300, Mults: 2*864 + 2*48, FLOPs: 4*864 + 2*48,
			Bytes: 4 * (2*(32+48) + 54 + 12), Allocated: 256,
		},
		"bn": {In: "conv"}, "drop": {}, "relu": {In: "conv"},
		"side": {Ops: []string{"_FusedConv2D"}, Time: 100, Mults: 2 * 144, FLOPs: 4 * 144, Bytes: 4 * (2*(48+48) + 12)},
		"add":  {Ops: []string{"AddV2"}, Time: 50, Bytes: 4 * 2 * (48 + 48 + 48)},
		"pool": {Ops: []string{"MaxPool"}, Time: 20, Bytes: 4 * 2 * (48 + 12)},
		"flat": {Ops: []string{"Reshape"}, Time: 2},
		// 50 + 20 + 20, of which none overlap.
		"dense": {Ops: []string{"MatMul", "BiasAdd"}, Time: 90, Mults: 2 * 60, FLOPs: 4 * 60, Bytes: 4 * (2*(12+5) + 60 + 5)},
	}
	if len(p.Layers) != len(want) {
		t.Fatalf("%d layers", len(p.Layers))
	}
	for _, l := range p.Layers {
		w := want[l.Layer]
		var ops []string
		for _, k := range l.Kernels {
			ops = append(ops, k.Op)
		}
		got := row{l.In, l.With, ops, w.Time, l.Multiplications, l.FLOPs, l.Bytes, l.Allocated}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: got  %+v\nwant %+v", l.Layer, got, w)
		}
		near(l.Layer+"'s time", l.Time.Median, w.Time*nano)
		near(l.Layer+"'s share", l.Share, w.Time/725)
		if l.Output[0] != 2 {
			t.Errorf("%s: output %v of 2 images", l.Layer, l.Output)
		}
	}
	if !reflect.DeepEqual(p.Other, []Kernel{{Node: "odd", Op: "Cast", Seconds: 30 * nano}}) {
		t.Errorf("of no layer: %+v", p.Other)
	}

	// 3552 FLOPs in 300 ns are 11.84 GFLOP/s; its 904 bytes 3.0133 GB/s.
	p.SetLimits(Limits{GFLOPS: 23.68, GBs: 4})
	conv := p.Layers[0]
	near("GFLOP/s", conv.GFLOPS, float64(conv.FLOPs)/300)
	near("limit of operations", conv.ComputeLimit, 150*nano)
	near("limit of bytes", conv.MemoryLimit, 226*nano)
	near("of limit", conv.OfLimit, 226./300)
	if p.Note != "" {
		t.Errorf("note: %s", p.Note)
	}
	if p.SetLimits(Limits{GFLOPS: 11, GBs: 4}); p.Note == "" {
		t.Error("a layer above the machine's limit is not noted")
	}
}

// A step divides without a rest, and overlaps count once.
func TestStepDivides(t *testing.T) {
	for _, later := range []int64{0, 20, 100} {
		s := timesOf(blockRun(later))
		if s.step != s.before+s.covered+s.between+s.after || s.between < 0 {
			t.Errorf("%+v", s)
		}
	}
	if s := timesOf(trace.Record{}); s != (stepTimes{}) {
		t.Errorf("of nothing: %+v", s)
	}
	// Without a layer's kernel all of it is before the first.
	if s := timesOf(trace.Record{Nodes: []trace.Node{ran("_SOURCE", "", "NoOp", 10, 20)}}); s.before != s.step || s.step != 18 {
		t.Errorf("%+v", s)
	}
}

// blockGraph is a run of the block with its graph.
func blockGraph() trace.Record {
	reads := map[string][]string{
		"relu/Relu": {"_arg_input_0_1", "conv/filter", "bn/scale"}, "side/BiasAdd": {"relu/Relu", "side/filter"}, "add/AddV2": {"relu/Relu", "side/BiasAdd"},
		"pool/MaxPool": {"add/AddV2"}, "flat/Reshape": {"pool/MaxPool"}, "dense/MatMul": {"flat/Reshape"}, "dense/BiasAdd": {"dense/MatMul"},
	}
	r := blockRun(0)
	for i := range r.Nodes {
		r.Nodes[i].Inputs = reads[r.Nodes[i].Name]
	}
	return r
}

// TensorFlow's optimizer folds a scale into the convolution behind it, and
// leaves nothing of what hands its input on. A layer is in a kernel that reads what
// the layer reads, and in no other.
func TestHosts(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.ScaleShift{Name: "scale", Scale: []float32{0.5}},
			graph.Conv2D{Name: "conv", Filters: 2, Size: graph.Square(2)},
			graph.Dropout{Name: "drop", Rate: 0.5},
			graph.Conv2D{Name: "unread", From: "conv", Filters: 2, Size: graph.Square(2)},
			graph.ReLU{Name: "other", From: "conv"},
			graph.ReLU{Name: "relu", From: "drop"},
		},
		Outputs: []string{"relu"},
	}
	for _, tt := range []struct {
		name string
		ran  map[string][]string // layers with a kernel, and what that reads
		want []int
	}{
		{"apart", map[string][]string{"scale": {"_arg_input"}, "conv": {"scale"}, "relu": {"conv"}}, []int{0, 1, none, none, none, 5}},
		{"scale folded", map[string][]string{"conv": {"_arg_input"}, "relu": {"conv"}}, []int{1, 1, none, none, none, 5}},
		{"one kernel", map[string][]string{"relu": {"_arg_input"}}, []int{5, 5, none, none, none, 5}},
		{"the first kernel behind reads something else", map[string][]string{"other": {"_arg_input"}, "relu": {"other"}}, []int{4, 4, none, none, 4, 5}},
		{"a cut in the graph", map[string][]string{"relu": {"edge_3_input"}}, []int{5, 5, none, none, none, 5}},
		{"no kernel reads it", map[string][]string{"relu": {"relu/filter"}}, []int{none, none, none, none, none, 5}},
		{"nothing", nil, []int{none, none, none, none, none, none}},
	} {
		r := trace.Record{Nodes: []trace.Node{{Name: "_arg_input", Op: "_Arg"}, {Name: "relu/filter", Layer: "relu", Op: "Const"}}}
		for layer, reads := range tt.ran {
			r.Nodes = append(r.Nodes, trace.Node{Name: layer, Layer: layer, Op: "Op", Inputs: reads})
		}
		p := profilerOf(t, net, r)
		if !slices.Equal(p.namedAfter, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, p.namedAfter, tt.want)
		}
		if head := p.head([]int{0, 1, 5}); head != 1 {
			t.Errorf("the convolution is layer 1, got %d", head)
		}
	}
}

// What lies behind the outputs, of which nothing ran, is looked at once however
// often it is read.
func TestHostsOfManyReaders(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 1, Width: 1, Channels: 1}, Layers: []graph.Layer{graph.ReLU{Name: "r"}, graph.ReLU{Name: "a0"}, graph.ReLU{Name: "a1"}}, Outputs: []string{"r"}}
	for i := 2; i < 60; i++ {
		net.Layers = append(net.Layers, graph.Add{Name: fmt.Sprint("a", i), From: []string{fmt.Sprint("a", i-1), fmt.Sprint("a", i-2)}})
	}
	p := profilerOf(t, net, trace.Record{Nodes: []trace.Node{{Name: "r", Layer: "r", Op: "Relu"}}})
	for i, host := range p.namedAfter {
		if i > 0 && host != none || i == 0 && host != 0 {
			t.Errorf("layer %d is computed by %d", i, host)
		}
	}
}
