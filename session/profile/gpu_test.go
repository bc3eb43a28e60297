package profile

import (
	"errors"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
)

// gpuRun is a run of the block on a GPU, in microseconds: copies, launches on
// the host, and the card's kernels, which run after they were launched.
func gpuRun(later int64) trace.Record {
	const gpu, stream = "/device:GPU:0", "/device:GPU:0/stream:13"
	on := func(name, layer, op string, start, end int64, w trace.Work) trace.Node {
		return trace.Node{
			Layer: layer, Name: name, Op: op, Device: stream, Ready: 1000 * start, Start: 1000 * start,
			KernelStart: 1000 * start, KernelEnd: 1000 * end, End: 1000 * end, Work: &w,
		}
	}
	launch := func(name, layer, op string, start, end int64, allocations ...trace.Allocation) trace.Node {
		n := on(name, layer, op, start, end, trace.Work{})
		n.Device, n.Work, n.Allocations = gpu, nil, allocations
		return n
	}
	host := func(name, op string, start, end int64) trace.Node {
		n := launch(name, "", op, start, end)
		n.Device = "/device:CPU:0"
		return n
	}
	return trace.Record{Call: time.Duration(2000+later) * time.Microsecond, Nodes: []trace.Node{
		host("_arg_input_0_1", "_Arg", 100, 101),
		on("edge_3_input", "", "", 102, 142, trace.Work{Kernel: "MemcpyH2D", Copy: "H2D", Bytes: 400_000}),
		launch("relu/Relu", "relu", "_FusedConv2D", 110, 120, trace.Allocation{Bytes: 64}, trace.Allocation{Bytes: -64}),
		launch("dense/MatMul", "dense", "MatMul", 121, 125),
		on("relu/Relu", "relu", "_FusedConv2D", 150, 160, trace.Work{Kernel: "transpose"}),
		on("relu/Relu", "relu", "_FusedConv2D", 160, 260, trace.Work{Kernel: "conv"}),
		on("relu/Relu", "relu", "_FusedConv2D", 260, 270, trace.Work{Kernel: "transpose"}),
		on("pool/Copy", "pool", "Copy", 270, 275, trace.Work{Kernel: "MemcpyD2D", Copy: "D2D", Bytes: 96}),
		on("dense/MatMul", "dense", "MatMul", 280, 300+later, trace.Work{Kernel: "gemm", ByTime: true}),
		on("", "", "", 300+later, 302+later, trace.Work{Kernel: "stray"}),
		on("MemcpyD2H", "", "", 310+later, 320+later, trace.Work{Kernel: "MemcpyD2H", Copy: "D2H", Bytes: 40, Pinned: true}),
		host("_retval_dense_0_0", "_Retval", 320+later, 321+later),
	}}
}

// gpuGraph is a run of the block on a GPU with its graph: conv, bn and relu are in
// one kernel, of side, add and flat a node ran whose kernels no entry names.
func gpuGraph() trace.Record {
	r := blockGraph()
	for i := range r.Nodes {
		r.Nodes[i].Device = "/device:GPU:0"
	}
	return r
}

func TestProfileOfGPUSums(t *testing.T) {
	p := profilerOf(t, block, gpuGraph()).profile([]trace.Record{gpuRun(0), gpuRun(4), gpuRun(8)}, 2)
	near := func(what string, got, want float64) {
		t.Helper()
		if d := got - want*1e-6; d < -1e-12 || d > 1e-12 {
			t.Errorf("%s: got %g s, want %g µs", what, got, want)
		}
	}
	near("step", p.Step.Median, 325-100)
	near("covered", p.Covered.Median, 120+5+24)
	near("before, with the copy to the card", p.Framework.Before, 50)
	near("after, with the copy to the host", p.Framework.After, 21)
	if p.GPU == nil {
		t.Fatal("no part of a GPU")
	}
	g := *p.GPU
	near("kernels", g.Kernels.Median, 120+5+24+2)
	near("launches", g.Launches.Median, 14)
	near("to the card", g.ToDevice.Time.Median, 40)
	near("to the host", g.ToHost.Time.Median, 10)
	if c := g.ToDevice; c.Count != 1 || c.Bytes != 400_000 || c.Pinned != 0 || c.GBs < 9.99 || c.GBs > 10.01 {
		t.Errorf("to the card: %+v", c)
	}
	if c := g.ToHost; c.Count != 1 || c.Bytes != 40 || c.Pinned != 1 {
		t.Errorf("to the host: %+v", c)
	}
	if g.Named != 3*4 || g.ByTime != 3 || g.Unknown != 3 {
		t.Errorf("%d kernels named, %d by time, %d of no node", g.Named, g.ByTime, g.Unknown)
	}
	conv := p.Layers[0]
	near("conv", conv.Time.Median, 120)
	if conv.Allocated != 64 || len(conv.Kernels) != 2 || len(conv.With) != 2 {
		t.Errorf("conv: %+v", conv)
	}
	near("both transposes", conv.Kernels[0].Seconds, 20)
	if k := conv.Kernels[0]; k.Kernel != "transpose" || k.Node != "relu/Relu" || k.ByTime {
		t.Errorf("%+v", k)
	}
	if dense := p.Layers[8]; dense.Layer != "dense" || !dense.Kernels[0].ByTime {
		t.Errorf("dense: %+v", dense)
	}
	if len(p.Other) != 1 || p.Other[0].Kernel != "stray" {
		t.Errorf("of no layer: %+v", p.Other)
	}
}

// The graph of a GPU's limits is measured by its ReLU; on the CPU there are no
// copies.
func TestCopyGraph(t *testing.T) {
	var l Limits
	if err := l.copyOnGPU(t.Context(), session.Options{Device: "cpu", Compute: graph.Float16}); err != nil {
		t.Fatal(err)
	}
	if l.GBs <= 0 || l.ToDeviceGBs != 0 || l.ToHostGBs != 0 || l.GFLOPS != 0 {
		t.Errorf("%+v", l)
	}
}

// A record without the tracer's part is no profile of a GPU.
func TestProfileOfNoGPU(t *testing.T) {
	s, err := session.Open(block, RandomWeights(block, 1), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batch, err := tensor.New(1, 4, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record(t.Context(), s, batch, trace.Kernels); !errors.Is(err, errNoTrace) {
		t.Errorf("got %v", err)
	}
	if blockRun(0).HasGPUTrace() || !gpuRun(0).HasGPUTrace() {
		t.Error("a record of the CPU is of a GPU's tracer, or the other way round")
	}
	if p := profilerOf(t, block, blockGraph()).profile([]trace.Record{blockRun(0)}, 2); p.GPU != nil {
		t.Errorf("a run on the CPU has a part of a GPU: %+v", p.GPU)
	}
}

// A GPU's limits are those of the ReLU's kernel and of the copies round it.
func TestCopyLimits(t *testing.T) {
	r := gpuRun(0)
	for i := range r.Nodes {
		if n := &r.Nodes[i]; n.Layer == "relu" {
			n.Layer, n.Op = "copy", "Relu"
		}
	}
	// 120 µs of kernels for 2·128 MiB; 400,000 bytes in 40 µs, 40 in 10.
	l := copyLimits(r)
	for what, rate := range map[string][2]float64{
		"memory": {l.GBs, 2 * float64(128<<20) / 120e-6 / 1e9}, "to the card": {l.ToDeviceGBs, 10}, "to the host": {l.ToHostGBs, 0.004},
	} {
		if got, want := rate[0], rate[1]; got < want*0.999 || got > want*1.001 {
			t.Errorf("%s: got %g GB/s, want %g", what, got, want)
		}
	}
	better := l.Better(Limits{GFLOPS: 1, ToDeviceGBs: 11, ToHostGBs: 0.001})
	if better != (Limits{GFLOPS: 1, GBs: l.GBs, ToDeviceGBs: 11, ToHostGBs: l.ToHostGBs}) {
		t.Errorf("%+v", better)
	}
}
