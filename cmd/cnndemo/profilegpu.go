package main

import (
	"fmt"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/session/profile"
)

// limitsText describes the limits of the machine, or of the GPU.
func (r profileResult) limitsText() string {
	l := r.Limits
	if r.GPU == nil {
		return fmt.Sprintf("this machine: %.3g GFLOP/s in a product of 2048×2048, %.3g GB/s in a copy", l.GFLOPS, l.GBs)
	}
	return fmt.Sprintf("this GPU: %.3g GFLOP/s in a product of 2048×2048, %.3g GB/s in a ReLU of 128 MiB; %.3g GB/s to it, %.3g GB/s from it",
		l.GFLOPS, l.GBs, l.ToDeviceGBs, l.ToHostGBs)
}

// gpuRows is the work of a step on a GPU beside the kernels of its layers; there is none
// on the CPU.
func (r profileResult) gpuRows() []report.GPURow {
	g := r.GPU
	if g == nil {
		return nil
	}
	found := fmt.Sprintf("of all runs: %s named by the record", count(g.Named, "kernel"))
	if g.ByTime > 0 {
		found += fmt.Sprintf(", %d by the time of their launch", g.ByTime)
	}
	if g.Unknown > 0 {
		found += fmt.Sprintf(", %d of no node", g.Unknown)
	}
	return []report.GPURow{
		{What: "all kernels on the GPU", Seconds: g.Kernels.Median, Note: found},
		{What: "launching them", Seconds: g.Launches.Median, Note: "the host's time, while kernels run"},
		{What: "copies to the GPU", Seconds: g.ToDevice.Time.Median, Note: copiesText(g.ToDevice)},
		{What: "copies from the GPU", Seconds: g.ToHost.Time.Median, Note: copiesText(g.ToHost)},
	}
}

func copiesText(c profile.Copies) string {
	switch {
	case c.Count == 0:
		return "none recorded"
	case c.Bytes == 0:
		return fmt.Sprintf("%d, of unknown size", c.Count)
	}
	text := fmt.Sprintf("%d, %s, %d with page-locked memory", c.Count, size(c.Bytes), c.Pinned)
	if c.GBs > 0 {
		text += fmt.Sprintf(", %.3g GB/s", c.GBs)
	}
	return text
}
