package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"tfcnn/graph/verdict"
)

// bar is one column of a histogram.
type bar struct {
	Label string // as people say it
	Tick  string // under the column
	Count int
	Bad   bool
}

// shareText is a share of a bound in percent, in two figures.
func shareText(share float64) string {
	if percent := 100 * share; percent >= 10 {
		return strconv.FormatFloat(percent, 'f', 0, 64)
	}
	return strconv.FormatFloat(100*share, 'g', 2, 64)
}

// bars names the buckets of a verdict's histogram.
func bars(histogram []int) []bar {
	if len(histogram) != verdict.HistogramBuckets {
		return nil
	}
	list := make([]bar, len(histogram))
	for k, n := range histogram {
		low, high := verdict.BucketEnds(k)
		b := bar{Count: n}
		switch {
		case k == 0:
			b.Label, b.Tick = "no error", "0"
		case math.IsInf(high, 1):
			b.Label, b.Tick, b.Bad = "outside the bound", "out", true
		default:
			b.Tick = shareText(high)
			b.Label = "up to " + shareText(high) + " % of the bound"
			if low > 0 {
				b.Label = "from " + shareText(low) + " to " + shareText(high) + " % of the bound"
			}
		}
		list[k] = b
	}
	return list
}

// histogramChart draws the columns, their heights in proportion to the
// counts; a column that is not empty can be seen.
func histogramChart(list []bar, label string) template.HTML {
	const step, width, height, top, bottom = 44.0, 32.0, 120.0, 22.0, 22.0
	most := 1
	for _, b := range list {
		most = max(most, b.Count)
	}
	var d strings.Builder
	fmt.Fprintf(&d, `<svg class="histogram" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, step*float64(len(list)), top+height+bottom, template.HTMLEscapeString(label))
	fmt.Fprintf(&d, `<path class="c-base" d="M0 %.1fH%.1f"/>`, top+height+.5, step*float64(len(list)))
	for i, b := range list {
		x := step*float64(i) + (step-width)/2
		class := ""
		if b.Bad {
			class = " c-bad"
		}
		if b.Count > 0 {
			h := max(2, height*float64(b.Count)/float64(most))
			fmt.Fprintf(&d, `<rect class="c-bar%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, top+height-h, width, h)
			fmt.Fprintf(&d, `<text class="c-count%s" x="%.1f" y="%.1f">%s</text>`, class, x+width/2, top+height-h-5, compact(b.Count))
		}
		fmt.Fprintf(&d, `<text class="c-tick%s" x="%.1f" y="%.1f">%s</text>`, class, x+width/2, top+height+15, b.Tick)
	}
	d.WriteString(`</svg>`)
	return template.HTML(d.String())
}

// compact is a count in few letters: 950, 12.3k, 4.5M.
func compact(n int) string {
	switch f := float64(n); {
	case n < 1000:
		return fmt.Sprint(n)
	case n < 99_950:
		return fmt.Sprintf("%.1fk", f/1e3)
	case n < 999_500:
		return fmt.Sprintf("%.0fk", f/1e3)
	case n < 99_950_000:
		return fmt.Sprintf("%.1fM", f/1e6)
	}
	return fmt.Sprintf("%.0fM", float64(n)/1e6)
}

// meter draws a part of a whole as a line that fills; above 1 it is full and
// marked. It says nothing to a screen reader: the number stands beside it.
func meter(part float64, bad bool) template.HTML {
	class := "m-part"
	if bad {
		class += " m-bad"
	}
	return template.HTML(fmt.Sprintf(`<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false">`+
		`<rect class="m-whole" width="100" height="6"/><rect class="%s" width="%.2f" height="6"/></svg>`, class, 100*min(max(part, 0), 1)))
}
