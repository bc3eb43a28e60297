package session

import (
	"errors"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/internal/tensorflow"
)

// gpuRun is a run of the block on a GPU, in microseconds: copies, launches on
// the host, and the card's kernels, which run after they were launched.
func gpuRun(later int64) RunRecord {
	const gpu, stream = "/device:GPU:0", "/device:GPU:0/stream:13"
	on := func(name, layer, op string, start, end int64, w GPUWork) NodeRun {
		return NodeRun{
			Layer: layer, Name: name, Op: op, Device: stream, Ready: 1000 * start, Start: 1000 * start,
			KernelStart: 1000 * start, KernelEnd: 1000 * end, End: 1000 * end, Work: &w,
		}
	}
	launch := func(name, layer, op string, start, end int64, allocations ...Allocation) NodeRun {
		n := on(name, layer, op, start, end, GPUWork{})
		n.Device, n.Work, n.Allocations = gpu, nil, allocations
		return n
	}
	host := func(name, op string, start, end int64) NodeRun {
		n := launch(name, "", op, start, end)
		n.Device = tensorflow.CPU
		return n
	}
	return RunRecord{Call: time.Duration(2000+later) * time.Microsecond, Nodes: []NodeRun{
		host("_arg_input_0_1", "_Arg", 100, 101),
		on("edge_3_input", "", "", 102, 142, GPUWork{Kernel: "MemcpyH2D", Copy: "H2D", Bytes: 400_000}),
		launch("relu/Relu", "relu", "_FusedConv2D", 110, 120, Allocation{Bytes: 64}, Allocation{Bytes: -64}),
		launch("dense/MatMul", "dense", "MatMul", 121, 125),
		on("relu/Relu", "relu", "_FusedConv2D", 150, 160, GPUWork{Kernel: "transpose"}),
		on("relu/Relu", "relu", "_FusedConv2D", 160, 260, GPUWork{Kernel: "conv"}),
		on("relu/Relu", "relu", "_FusedConv2D", 260, 270, GPUWork{Kernel: "transpose"}),
		on("pool/Copy", "pool", "Copy", 270, 275, GPUWork{Kernel: "MemcpyD2D", Copy: "D2D", Bytes: 96}),
		on("dense/MatMul", "dense", "MatMul", 280, 300+later, GPUWork{Kernel: "gemm", ByTime: true}),
		on("", "", "", 300+later, 302+later, GPUWork{Kernel: "stray"}),
		on("MemcpyD2H", "", "", 310+later, 320+later, GPUWork{Kernel: "MemcpyD2H", Copy: "D2H", Bytes: 40, Pinned: true}),
		host("_retval_dense_0_0", "_Retval", 320+later, 321+later),
	}}
}

func TestProfileOfGPUSums(t *testing.T) {
	p := profilerOf(t, block).profile([]RunRecord{gpuRun(0), gpuRun(4), gpuRun(8)}, 2)
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
	if err := l.copyOnGPU(t.Context(), Options{Device: "cpu", Compute: graph.Float16}); err != nil {
		t.Fatal(err)
	}
	if l.GBs <= 0 || l.ToDeviceGBs != 0 || l.ToHostGBs != 0 || l.GFLOPS != 0 {
		t.Errorf("%+v", l)
	}
}

// A record without the tracer's part is no profile of a GPU.
func TestProfileWantsTracer(t *testing.T) {
	if err := blockRun(0).traced(); !errors.Is(err, errNoTrace) {
		t.Errorf("got %v", err)
	}
	if err := gpuRun(0).traced(); err != nil {
		t.Error(err)
	}
	if p := profilerOf(t, block).profile([]RunRecord{blockRun(0)}, 2); p.GPU != nil {
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
