package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/session/profile"
)

// print is the profile for people.
func (r profileResult) print(w io.Writer) error {
	fmt.Fprintln(w, r.title())
	fmt.Fprintf(w, "TensorFlow %s on %s, oneDNN %s; %s\n", r.TensorFlow, r.Device, onOff(r.OneDNN), r.runsText())
	fmt.Fprintln(w, r.limitsText())
	if r.Note != "" {
		fmt.Fprintf(w, "note: %s\n", r.Note)
	}
	fmt.Fprintln(w)
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tkind\tTensorFlow ran\ttime\tshare\tmultiplications\tGFLOP/s\tbytes\tGB/s\tallocated\tof limit")
	for _, l := range r.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Layer, l.Kind, profileCells(l))
	}
	for _, k := range r.Other {
		fmt.Fprintf(t, "(no layer)\t\t%s\t%s%s\n", cmp.Or(k.Op, k.Kernel), seconds(k.Seconds), strings.Repeat("\t", 7))
	}
	_ = t.Flush() // into memory
	fmt.Fprintln(&text)
	share := func(part float64) string { return percent(part, r.Step.Median) }
	t = tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "kernels of layers\t%s\t%s\t%s\n", seconds(r.Covered.Median), share(r.Covered.Median), r.overlapText())
	fmt.Fprintf(t, "the framework\t%s\t%s\tbefore them %s, between them %s, after them %s\n", seconds(r.Framework.Sum()), share(r.Framework.Sum()),
		seconds(r.Framework.Before), seconds(r.Framework.Between), seconds(r.Framework.After))
	for _, line := range r.gpuRows() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", line.What, seconds(line.Seconds), share(line.Seconds), line.Note)
	}
	fmt.Fprintf(t, "a step\t%s\t\t%s\n", seconds(r.Step.Median), rangeText(r.Step))
	fmt.Fprintf(t, "the whole call\t%s\t\t%s\n", seconds(r.Call.Median), rangeText(r.Call))
	fmt.Fprintf(t, "the same, recorded\t%s\t\t%s\n", seconds(r.Traced.Median), rangeText(r.Traced))
	_ = t.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// runsText names the runs whose medians the figures are.
func (r profileResult) runsText() string {
	return fmt.Sprintf("%s of %s, medians", count(r.Runs, "run"), count(r.Images, "image"))
}

func (r profileResult) overlapText() string {
	if r.SideBySide < 1e-6 {
		return ""
	}
	return fmt.Sprintf("the layers' times are %s more in all, since some ran side by side", seconds(r.SideBySide))
}

// profileCells are a layer's columns from the kernels on.
func profileCells(l profile.Layer) string {
	others := strings.Repeat("\t", 8) // a row of fewer cells ends the columns
	switch {
	case l.In != "":
		return "in " + l.In + others
	case len(l.Kernels) == 0:
		return "nothing to run" + others
	}
	rate := func(of int64, x float64) string {
		if of == 0 {
			return "-"
		}
		return fmt.Sprintf("%.3g", x)
	}
	limit := "-"
	if l.OfLimit > 0 {
		limit = fmt.Sprintf("%.0f %%", 100*l.OfLimit)
	}
	return strings.Join([]string{
		strings.Join(ops(l), ", "), seconds(l.Time.Median), fmt.Sprintf("%.1f %%", 100*l.Share),
		countOrDash(l.Multiplications), rate(l.FLOPs, l.GFLOPS), size(l.Bytes), rate(l.Bytes, l.GBs), size(l.Allocated), limit,
	}, "\t")
}

// ops are TensorFlow's operations of a layer, each once, and a mark where a
// kernel was found by time.
func ops(l profile.Layer) []string {
	var list []string
	for _, k := range l.Kernels {
		op := k.Op
		if k.ByTime {
			op += " (by time)"
		}
		if !slices.Contains(list, op) {
			list = append(list, op)
		}
	}
	return list
}

func rangeText(s profile.Spread) string {
	return fmt.Sprintf("from %s to %s", seconds(s.Least), seconds(s.Most))
}

// seconds is a time in three figures.
func seconds(s float64) string {
	switch {
	case s < 1e-3:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g s", s)
}

func percent(part, whole float64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*part/whole)
}

func onOff(on *bool) string {
	switch {
	case on == nil:
		return "not known"
	case *on:
		return "on"
	}
	return "off"
}

// count is a number of things: "1 run", "20 runs".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return report.Grouped(int64(n)) + " " + what + "s"
}

// page is the profile as its page shows it.
func (r profileResult) page() report.Profile {
	p := report.Profile{
		TensorFlow: r.TensorFlow, Device: r.Device, Note: r.Note, OneDNN: r.OneDNN, Command: r.Command, Title: r.title(),
		Images: r.Images, Runs: r.Runs, GFLOPS: r.Limits.GFLOPS, GBs: r.Limits.GBs,
		Step: r.Step.Median, Covered: r.Covered.Median, SideBySide: r.SideBySide,
		Before: r.Framework.Before, Between: r.Framework.Between, After: r.Framework.After,
		Call: r.Call.Median, Traced: r.Traced.Median, OnGPU: r.gpuRows(),
		ToDevice: r.Limits.ToDeviceGBs, ToHost: r.Limits.ToHostGBs,
	}
	for _, l := range r.Layers {
		p.Layers = append(p.Layers, report.ProfiledLayer{
			Name: l.Layer, Kind: l.Kind, Output: l.Output, In: l.In, With: l.With, Kernels: ops(l),
			Seconds: l.Time.Median, Least: l.Time.Least, Most: l.Time.Most, Share: l.Share,
			Multiplications: l.Multiplications, FLOPs: l.FLOPs, Bytes: l.Bytes, Allocated: l.Allocated,
			GFLOPS: l.GFLOPS, GBs: l.GBs, Intensity: l.Intensity,
			ComputeLimit: l.ComputeLimit, MemoryLimit: l.MemoryLimit, OfLimit: l.OfLimit,
		})
	}
	for _, k := range r.Other {
		p.Layers = append(p.Layers, report.ProfiledLayer{Name: cmp.Or(k.Node, k.Kernel), Kind: "of no layer", Kernels: []string{cmp.Or(k.Op, k.Kernel)}, Seconds: k.Seconds})
	}
	return p
}
