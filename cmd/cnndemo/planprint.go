package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/session/profile"
)

// print is the plan for people.
func (r planResult) print(w io.Writer) error {
	m := r.Memory
	fmt.Fprintf(w, "%s: images of %d×%d×%d, a batch of %s in %s\n", quote.Plain(r.Network),
		r.Input.Height, r.Input.Width, r.Input.Channels, report.Grouped(int64(m.Workload.Batch)), m.Workload.DType)
	bytes := m.Workload.DType.Bytes() * int64(m.Workload.Batch)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tkind\toutput\treceptive field\tparameters\tif dense\tmultiplications\tactivations")
	for _, l := range r.Layers {
		own := size(l.Activations * bytes)
		if l.InPlace {
			own = "="
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Kind, shapeText(l.Output), l.ReceptiveField,
			countOrDash(l.Parameters), ifDense(l), countOrDash(l.Multiplications), own)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", r.short())
	if r.Statistics > 0 {
		fmt.Fprintf(w, "beside the parameters %s statistics, the moving means and variances of batch norms\n", report.Grouped(r.Statistics))
	}
	fmt.Fprintf(w, "of the multiplications %s are multiply-accumulates (MACs): %s FLOPs, two a MAC\n", report.Grouped(r.MACs), grouped(r.FLOPs))
	if m.Refused != "" {
		fmt.Fprintf(w, "note: TensorFlow's kernels do not take this batch: %s\n", m.Refused)
	}
	printRequirement(w, "to run", m.Inference)
	if m.Training != nil {
		printRequirement(w, "to train with "+string(m.Workload.Optimizer), *m.Training)
	}
	if r.Largest != nil {
		r.printSavings(w)
	}
	for _, measured := range r.Measured {
		printMeasurement(w, measured, m)
	}
	return nil
}

// short is the summary in the words of the tutorial.
func (r planResult) short() string {
	largest := slices.MaxFunc(r.Layers, func(a, b graph.LayerPlan) int { return int(max(-1, min(1, a.Activations-b.Activations))) })
	each := r.Memory.Workload.DType.Bytes()
	one := largest.Activations * each
	hundred := "more than " + size(math.MaxInt64)
	if one <= math.MaxInt64/100 {
		hundred = size(100 * one)
	}
	bits := report.Grouped(8*one) + " bits"
	if 8*one >= 1e6 {
		bits = fmt.Sprintf("%.4g million bits", float64(8*one)/1e6)
	}
	return fmt.Sprintf("%s parameters; %s multiplications;\n%s, %s for one image (the largest output, of %s: %s numbers × %d bits = %s bits); %s for a batch of 100",
		report.Grouped(r.Parameters), report.Grouped(r.Multiplications),
		bits, size(one), largest.Name, report.Grouped(largest.Activations), 8*each, report.Grouped(8*one), hundred)
}

func printRequirement(w io.Writer, what string, r graph.Requirement) {
	about := ""
	if r.Bytes >= 1024 {
		about = ", " + size(r.Bytes)
	}
	fmt.Fprintf(w, "\n%s: %s bytes%s; for any batch %s, for each image %s more\n", what, report.Grouped(r.Bytes), about, report.Grouped(r.Fixed), report.Grouped(r.PerImage))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, p := range r.Parts {
		sign := map[bool]string{true: " ", false: "+"}[i == 0]
		fmt.Fprintf(t, "  %s %s\t%s\t= %s\n", sign, p.Name, report.Grouped(p.Bytes), p.Formula)
	}
	// A buffer of our own refuses no bytes.
	_ = t.Flush()
}

func (r planResult) printSavings(w io.Writer) {
	l := *r.Largest
	fmt.Fprintf(w, "\nthe largest batch in %s: %s", size(l.Memory), report.Grouped(int64(l.Batch)))
	if l.Batch > 0 {
		fmt.Fprintf(w, ", which needs %s bytes", report.Grouped(l.Bytes))
	}
	if l.Limit != "memory" {
		fmt.Fprintf(w, "; limited by %s", l.Limit)
	}
	fmt.Fprintf(w, "\nto need less than %s for a batch of %s:\n", size(r.Memory.Required().Bytes), report.Grouped(int64(r.Memory.Workload.Batch)))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  remedy\tbytes before\tafter\tsaved\twhat changes")
	for _, x := range r.Savings {
		after, saved := "-", "-"
		if x.Possible {
			after = report.Grouped(x.After)
			saved = fmt.Sprintf("%.0f %%", 100*float64(x.Before-x.After)/float64(x.Before))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", x.Name, report.Grouped(x.Before), after, saved, x.What)
	}
	_ = t.Flush()
}

// countOrDash is a count, or a dash where it is 0.
func countOrDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return report.Grouped(n)
}

// ifDense is a rough count: the table has no room for trillions.
func ifDense(l graph.LayerPlan) string {
	if l.Parameters == 0 {
		return "-"
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}} {
		if x := float64(l.Dense) / unit.size; x >= 1 {
			return fmt.Sprintf("%.4g%s", x, unit.name)
		}
	}
	return report.Grouped(l.Dense)
}

func grouped(n uint64) string {
	const half = 1 << 63
	if n < half {
		return report.Grouped(int64(n))
	}
	return fmt.Sprint(n)
}

// size is a number of bytes in the unit that suits it: 11.4 MiB.
func size(bytes int64) string { return report.Bytes(bytes) }

// printMeasurement prints the peak beside the forecast.
func printMeasurement(w io.Writer, m profile.Measurement, forecast graph.Memory) {
	oneDNN := "oneDNN not known"
	if m.OneDNN != nil {
		oneDNN = map[bool]string{true: "oneDNN on", false: "oneDNN off"}[*m.OneDNN]
	}
	fmt.Fprintf(w, "\nmeasured: TensorFlow %s on %s, %s, a batch of %d, the largest of %d runs\n", m.TensorFlow, m.Device, oneDNN, m.Batch, m.Runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  activations\tforecast %s\tmeasured %s\t%+.1f %%\tTensorFlow's record, its peak at %s (%s)\n", report.Grouped(m.Activations.Forecast), report.Grouped(m.Activations.Measured), 100*m.Activations.Deviation(), m.PeakLayer, m.PeakOp)
	if p := m.Process; p != nil {
		fmt.Fprintf(t, "  weights\tforecast %s\tmeasured %s\t+%s\tthe process while a session opens, with its graph\n", report.Grouped(p.Weights.Forecast), report.Grouped(p.Weights.Measured), size(p.Weights.Measured-p.Weights.Forecast))
	}
	_ = t.Flush()
	if len(m.Differences) > 0 || m.Unexplained != 0 {
		fmt.Fprintf(w, "  forecast for %s %s, for the busiest, %s, %s; by name, the measured peak is\n", m.PeakLayer, report.Grouped(m.AtPeak), forecast.Busiest, report.Grouped(m.Activations.Forecast))
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "    \t%s\tforecast for %s\n", report.Grouped(m.AtPeak), m.PeakLayer)
		for _, d := range m.Differences {
			fmt.Fprintf(t, "    %s\t%s\t%s: %s\n", map[bool]string{true: "+", false: "-"}[d.Bytes >= 0], report.Grouped(max(d.Bytes, -d.Bytes)), strings.TrimSpace(d.Layer+" "+d.Op), d.What)
		}
		fmt.Fprintf(t, "    +\t%s\tunexplained\n", report.Grouped(m.Unexplained))
		_ = t.Flush()
	}
	if p := m.Process; p != nil {
		printGrowth(w, "the first run, of one image", p.First, "code, threads and the optimizer of graphs among it")
		if p.Run != nil {
			printGrowth(w, "the first run of the batch", *p.Run, "packed blocks of Eigen and oneDNN, and freed memory that C keeps, among it")
		}
	}
}

// printGrowth prints the growth of the process, with its causes.
func printGrowth(w io.Writer, when string, g profile.Growth, rest string) {
	fmt.Fprintf(w, "  in %s the process grew by %s\n", when, report.Grouped(g.Measured))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "    \t%s\tTensorFlow's record of that run\n", report.Grouped(g.Recorded))
	term := func(n int64, what string) {
		fmt.Fprintf(t, "    %s\t%s\t%s\n", map[bool]string{true: "+", false: "-"}[n >= 0], report.Grouped(max(n, -n)), what)
	}
	for _, k := range g.Kernels {
		term(k.Bytes, fmt.Sprintf("%s %s: %s; not in the record", k.Layer, k.Op, k.What))
	}
	if g.Pool != nil {
		term(*g.Pool, "oneDNN's pool of memory: a second process, without it, grew by so much "+map[bool]string{true: "less", false: "more"}[*g.Pool >= 0])
	}
	term(g.Unexplained, "unexplained, "+rest)
	_ = t.Flush()
}
