package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/session"
)

// profileOnGPU is a profile as session.Profile makes it on a GPU, by hand.
func profileOnGPU() profileResult {
	const gpu, stream = "/device:GPU:0", "/device:GPU:0/stream:"
	node := func(name, layer, op, device string, start, end int64, w *session.GPUWork) session.NodeRun {
		return session.NodeRun{Name: name, Layer: layer, Op: op, Device: device, Ready: start, Start: start, KernelStart: start, KernelEnd: end, End: end, Work: w}
	}
	spread := func(s float64) session.Spread { return session.Spread{Median: s, Least: s, Most: s} }
	return profileResult{Network: "net", Weights: "drawn", From: "1 picture", Profile: session.Profile{
		TensorFlow: "2.21.0", Device: gpu, Pictures: 1, Runs: 1,
		Limits: session.Limits{GFLOPS: 5e4, GBs: 2500, ToDeviceGBs: 12, ToHostGBs: 24},
		Layers: []session.LayerProfile{{
			Layer: "c", Kind: "conv2d", Time: spread(100e-6), Share: 0.5,
			Kernels: []session.KernelProfile{{Node: "c/Relu", Op: "_FusedConv2D", Kernel: "conv_kernel", Seconds: 90e-6}, {Node: "c/Relu", Op: "_FusedConv2D", Kernel: "other", Seconds: 10e-6, ByTime: true}},
		}},
		Other: []session.KernelProfile{{Kernel: "stray_kernel", Seconds: 2e-6}},
		Step:  spread(200e-6), Covered: spread(100e-6),
		GPU: &session.GPUProfile{
			Kernels: spread(102e-6), Launches: spread(30e-6), Named: 1, ByTime: 2, Unknown: 3,
			ToDevice: session.Copies{Count: 1, Bytes: 3 << 20, Time: spread(50e-6), GBs: 62.9},
			ToHost:   session.Copies{Count: 1, Pinned: 1, Bytes: 1024},
		},
		Records: []session.RunRecord{{Nodes: []session.NodeRun{
			node("MemcpyH2D", "", "", stream+"15", 0, 50_000, &session.GPUWork{Kernel: "MemcpyH2D", Copy: "H2D", Bytes: 3 << 20}),
			node("c/Relu", "c", "_FusedConv2D", gpu, 10_000, 20_000, nil),
			node("c/Relu", "c", "_FusedConv2D", stream+"13", 50_000, 150_000, &session.GPUWork{Kernel: "conv_kernel", ByTime: true}),
		}}},
	}}
}

// On a GPU the terminal, the page and the trace tell the card's kernels, the
// host's launches and the copies apart.
func TestProfileOnGPUIsShown(t *testing.T) {
	r := profileOnGPU()
	var terminal, page bytes.Buffer
	if err := r.print(&terminal); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteProfile(&page, r.page()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"this GPU: 5e+04 GFLOP/s in a product of 2048×2048, 2.5e+03 GB/s in a ReLU of 128 MiB; 12 GB/s to it, 24 GB/s from it",
		"all kernels on the GPU  102 µs", "51.0 %  of all runs: 1 kernel named by the record, 2 by the time of their launch, 3 of no node",
		"launching them          30 µs",
		"copies to the GPU       50 µs", "1, 3.0 MiB, 0 with page-locked memory, 62.9 GB/s",
		"1, 1.0 KiB, 1 with page-locked memory",
		"stray_kernel", "_FusedConv2D, _FusedConv2D (by time)  100 µs",
	} {
		if !strings.Contains(terminal.String(), want) {
			t.Errorf("terminal lacks %q:\n%s", want, &terminal)
		}
	}
	for _, want := range []string{"This GPU", "Copies to the GPU", "1, 3.0 MiB, 0 with page-locked memory", "Launching them", "stray_kernel"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("page lacks %q", want)
		}
	}
	trace := r.timeline()
	if want := []string{"runs", "GPU:0/stream:15", "GPU:0", "GPU:0/stream:13"}; !slices.Equal(trace.Tracks, want) {
		t.Errorf("tracks %q", trace.Tracks)
	}
	copied, kernel := trace.Slices[1], trace.Slices[3]
	if copied.Name != "MemcpyH2D" || copied.Category != "copy" || copied.Args["copied_bytes"] != int64(3<<20) {
		t.Errorf("copy: %+v", copied)
	}
	if kernel.Name != "c" || kernel.Category != "conv2d" || kernel.Args["kernel"] != "conv_kernel" || kernel.Args["node_by"] != "time of launch" {
		t.Errorf("kernel: %+v", kernel)
	}
}
