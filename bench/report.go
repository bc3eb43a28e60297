package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// writeReport writes the results for people, as Markdown.
func writeReport(w io.Writer, r results, contestants []contestant) error {
	var b strings.Builder
	b.WriteString("# Side by side\n\nWritten by `make bench`; every figure and every verdict below is worked out by it.\n\n")
	writeMachine(&b, r)
	writeTargets(&b, r.Targets)
	for _, m := range r.Rows {
		writeRow(&b, m)
	}
	writeContestants(&b, r, contestants)
	writeMethod(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeMachine(b *strings.Builder, r results) {
	m := r.Machine
	fmt.Fprintf(b, "%s, revision %s. %s, %d cores (%s), %.1f GiB, Linux %s, %s. Load average before the first row: %.2f.",
		r.Made.UTC().Format("2006-01-02 15:04 UTC"), r.Revision, m.Processor, m.Cores, m.Features, float64(m.Memory)/(1<<30), m.Kernel, m.Go, firstLoad(r))
	if m.OneDNN != "" {
		fmt.Fprintf(b, " TF_ENABLE_ONEDNN_OPTS=%s for all that run TensorFlow, but for those named no-onednn.", m.OneDNN)
	}
	b.WriteString("\n\n")
	if r.Unfinished {
		b.WriteString("**Unfinished:** more rows were to come.\n\n")
	}
	for _, f := range failures(r.Rows) {
		fmt.Fprintf(b, "**Failed:** %s\n\n", oneLine(f))
	}
}

// firstLoad is the load average before the row that was measured first: later
// ones have bench's own.
func firstLoad(r results) float64 {
	if len(r.Rows) == 0 {
		return 0
	}
	first := slices.MinFunc(r.Rows, func(a, b measured) int { return a.Begun.Compare(b.Begun) })
	return first.Load
}

func writeTargets(b *strings.Builder, targets []target) {
	b.WriteString("## Targets\n\n| row | target | against | value | reached |\n|---|---|---|---:|---|\n")
	for _, t := range targets {
		sign, verdict := "≤", "no"
		if t.AtLeast {
			sign = "≥"
		}
		if t.reached() {
			verdict = "yes"
		}
		value := fmt.Sprintf("%.3f (%s %g)", t.Value, sign, t.Limit)
		if t.Open != "" {
			value, verdict = "", "open: "+t.Open
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", t.Row, t.Text, t.Against, value, verdict)
	}
	b.WriteString("\nValues are our time over theirs, round by round, the median of that; for the product's rate, our share of it.\n\n")
}

func writeRow(b *strings.Builder, m measured) {
	fmt.Fprintf(b, "## %s\n\n%s. Measured from %s on.\n", m.Row, m.Title, m.Begun.UTC().Format("2006-01-02 15:04"))
	least, by := m.least()
	if m.Limits.Product.N > 0 {
		fmt.Fprintf(b, "In the same rounds: product %.0f GFLOP/s (%.0f–%.0f)", m.Limits.Product.Median/1e9, m.Limits.Product.Lower/1e9, m.Limits.Product.Upper/1e9)
		if least > 0 {
			fmt.Fprintf(b, ", copy of as many bytes %.1f GB/s (%.1f–%.1f); %.4g GFLOP and %.4g MB a call", m.Limits.Copy.Median/1e9, m.Limits.Copy.Lower/1e9, m.Limits.Copy.Upper/1e9, m.Work.FLOPs/1e9, float64(m.Work.Bytes)/1e6)
			fmt.Fprintf(b, ": at least %s ms, by the %s", milliseconds(least), by)
		}
		b.WriteString(".\n")
	}
	b.WriteString("\n")
	if m.Callers > 1 {
		b.WriteString("| contestant | calls/s | p50 ms | p99 ms | × ours | peak MB | difference |\n|---|---:|---:|---:|---:|---:|---:|\n")
	} else {
		b.WriteString("| contestant | median ms | quartiles | × ours | of the limit | first result s | peak MB | difference |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	}
	for _, f := range m.Contestants {
		switch {
		case f.Failed != "":
			fmt.Fprintf(b, "| %s | failed: %s |\n", f.Name, oneLine(f.Failed))
		case f.Cannot != "":
			fmt.Fprintf(b, "| %s | %s |\n", f.Name, oneLine(f.Cannot))
		case m.Callers > 1:
			fmt.Fprintf(b, "| %s | %.0f | %s | %s | %s | %.0f | %.1g |\n", f.Name, 1/f.perCall(), milliseconds(f.Seconds.Median), milliseconds(f.P99), ratio(f.Ratio), float64(f.PeakBytes)/1e6, f.Difference)
		default:
			fmt.Fprintf(b, "| %s | %s | %s–%s | %s | %s | %.2f | %.0f | %.1g |\n", f.Name, milliseconds(f.Seconds.Median), milliseconds(f.Seconds.Lower), milliseconds(f.Seconds.Upper), ratio(f.Ratio), share(least, f.Seconds.Median), f.First, float64(f.PeakBytes)/1e6, f.Difference)
		}
	}
	b.WriteString("\n")
}

// milliseconds has three digits that count.
func milliseconds(seconds float64) string {
	switch ms := 1000 * seconds; {
	case ms >= 100:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f", ms)
	case ms >= 1:
		return fmt.Sprintf("%.2f", ms)
	default:
		return fmt.Sprintf("%.4f", ms)
	}
}

func ratio(s spread) string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Lower, s.Upper)
}

func share(least, took float64) string {
	if least == 0 || took == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*least/took)
}

// oneLine makes a text fit a cell of a table.
func oneLine(text string) string {
	const most = 300
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "/")
	if len(text) > most {
		text = text[:most] + " …"
	}
	return text
}

// writeContestants says who took part, with which versions.
func writeContestants(b *strings.Builder, r results, contestants []contestant) {
	b.WriteString("## Contestants\n\n| name | what | versions |\n|---|---|---|\n")
	for _, c := range contestants {
		about := ""
		for _, m := range r.Rows {
			at := slices.IndexFunc(m.Contestants, func(f figure) bool { return f.Name == c.name && f.About != "" })
			if at >= 0 {
				about = m.Contestants[at].About
				break
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.name, c.title, about)
	}
	b.WriteString("\n")
}

func writeMethod(b *strings.Builder, r results) {
	fmt.Fprintf(b, `## How

- Each contestant is a process of its own for each row, given the same weights and the same images. In each of %d rounds (half as many for cold starts) each has its turn, in an order that rotates; all others are stopped meanwhile (SIGSTOP). Two calls of a turn go unmeasured before the others.
- A call is measured from a plain array in memory to plain arrays in memory. ONNX Runtime and PyTorch get their arrays in their own layouts, so nobody's time has a transposition that its layout does not ask for. All have as many threads as there are cores, by their own defaults.
- Median and quartiles are of single calls. "× ours" is a contestant's time over ours, round by round: the median and quartiles of that. With callers at the same time a round's time is the time that all took together, a call.
- "of the limit" is the time that the call needs by the limits of the same rounds over the time that it took: its multiplications with weights at the rate of a %d² float32 product in TensorFlow, or its bytes (input read and output written, once) at the rate of a copy by all cores, whichever takes longer.
- "first result" is from the start of the process to its first result; files lie in the page cache. "peak" is the most of the process in RAM (VmHWM), libraries and weights included. PyTorch's wheel is the one with CUDA, which is what the package index has; its libraries for GPUs are loaded too.
- "difference" is the largest from our result, as a share of the span of our numbers; above %g (%g in TF32 and float16) a contestant counts as wrong, and the run fails.
- PyTorch runs eagerly, without torch.compile; TensorFlow without XLA. An empty cell or a reason in place of figures: the contestant has no means for the row.
`, r.Rounds, 2048, agreement, coarse)
}
