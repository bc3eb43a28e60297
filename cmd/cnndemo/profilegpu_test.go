package main

import (
	"bytes"
	"strings"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/session/process"
	"tfcnn/session/profile"
)

// profileOnGPU is a profile as profile.Run makes it on a GPU, by hand.
func profileOnGPU() profileResult {
	const gpu = "/device:GPU:0"
	spread := func(s float64) profile.Spread { return profile.Spread{Median: s, Least: s, Most: s} }
	return profileResult{Network: "net", Weights: "drawn", From: "1 image", Profile: profile.Profile{
		Platform: process.Platform{TensorFlow: "2.21.0", Device: gpu}, Images: 1, Runs: 1,
		Limits: profile.Limits{GFLOPS: 5e4, GBs: 2500, ToDeviceGBs: 12, ToHostGBs: 24},
		Layers: []profile.Layer{{
			Layer: "c", Kind: "conv2d", Time: spread(100e-6), Share: 0.5,
			Kernels: []profile.Kernel{{Node: "c/Relu", Op: "_FusedConv2D", Kernel: "conv_kernel", Seconds: 90e-6}, {Node: "c/Relu", Op: "_FusedConv2D", Kernel: "other", Seconds: 10e-6, ByTime: true}},
		}},
		Other: []profile.Kernel{{Kernel: "stray_kernel", Seconds: 2e-6}},
		Step:  spread(200e-6), Covered: spread(100e-6),
		GPU: &profile.GPU{
			Kernels: spread(102e-6), Launches: spread(30e-6), Named: 1, ByTime: 2, Unknown: 3,
			ToDevice: profile.Copies{Count: 1, Bytes: 3 << 20, Time: spread(50e-6), GBs: 62.9},
			ToHost:   profile.Copies{Count: 1, Pinned: 1, Bytes: 1024},
		},
	}}
}

// On a GPU the terminal and the page tell the card's kernels, the
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
}
