package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"tfcnn/graph/verdict"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
)

// layerView is the proof of one layer over all sizes of image.
type layerView struct {
	Layer   string
	Verdict *proof.Verdict // counts of all sizes, the worst number of one
	Text    verdictView
	Worst   *worstView
	Exact   bool
	Chart   template.HTML
	Bars    []bar
	Bad     bool
	size    int // whose number is the worst
}

// worstView is the number whose error is the largest share of its bound.
type worstView struct {
	Image     string
	Position  string // in the image's output
	Got, Want string
	ErrorText string
	ShareText string
	Part      float64
	To        string // the figure with the ring, where the page shows it
}

// joinVerdicts adds up the verdicts of two groups of images; the figures of
// the worst number are those of the worse one.
func joinVerdicts(a, b proof.Verdict) (v proof.Verdict, second bool) {
	v = a.Merge(b, 0)
	second = b.Status.Worse(a.Status) != a.Status || a.Status == b.Status && b.Share > a.Share
	return v, second
}

func layerViews(run Run) []layerView {
	var list []layerView
	for i := range run.Sizes[0].Ops {
		l := layerView{Layer: run.Sizes[0].Ops[i].Layer}
		for k, size := range run.Sizes {
			if i >= len(size.Ops) || size.Ops[i].Verdict == nil {
				continue
			}
			if l.Verdict == nil {
				v := *size.Ops[i].Verdict
				l.Verdict, l.size = &v, k
				continue
			}
			v, second := joinVerdicts(*l.Verdict, *size.Ops[i].Verdict)
			l.Verdict = &v
			if second {
				l.size = k
			}
		}
		l.fill(run, i)
		list = append(list, l)
	}
	return list
}

func (l *layerView) fill(run Run, i int) {
	l.Text = verdictOf(l.Verdict)
	v := l.Verdict
	if v == nil {
		return
	}
	l.Exact = v.Status == proof.Pass && v.Exact == v.Elements
	l.Bad = v.Status == proof.Fail
	if !l.Exact && v.Histogram != nil {
		l.Bars = bars(v.Histogram)
		l.Chart = histogramChart(l.Bars, histogramLabel(l.Layer, l.Bars))
	}
	if v.Share == 0 || len(v.Worst) < 2 {
		return
	}
	size := run.Sizes[l.size]
	op := size.Ops[i]
	l.Worst = worst(v)
	if n := v.Worst[0]; n < len(size.Images) {
		l.Worst.Image = quote.Plain(size.Images[n])
	}
	l.Worst.Position = op.position(v.Worst)
}

// position names a number of the output by its index.
func (op Op) position(index []int) string {
	last := index[len(index)-1]
	if len(index) != 4 {
		return fmt.Sprintf("feature %d", last)
	}
	channel := fmt.Sprintf("channel %d", last)
	switch {
	case last < len(op.Maps):
		channel = "map " + op.Maps[last]
	case op.Colours:
		channel = []string{"red", "green", "blue"}[last]
	}
	return fmt.Sprintf("row %d, column %d, %s", index[1], index[2], channel)
}

// worst is the figures of a verdict's worst number.
func worst(v *proof.Verdict) *worstView {
	w := &worstView{Got: text(v.Got, 32), Want: text(v.Want, 64), Part: v.Share}
	switch {
	case v.Share >= math.MaxFloat64 && v.MaxError == 0:
		w.ErrorText, w.ShareText = "one of the two is not finite", "wrong whatever the bound"
	case v.Bound == 0:
		w.ErrorText, w.ShareText = "an error of "+figures(v.MaxError)+" where the number had to be exact", "had to be exact"
	default:
		w.ErrorText = fmt.Sprintf("an error of %s, with a bound of %s", figures(v.MaxError), figures(v.Bound))
		w.ShareText = ofBound(v.Share)
	}
	return w
}

// text is a number in as many digits as tell it from its neighbours.
func text(x verdict.Number, bits int) string {
	return strings.Replace(strconv.FormatFloat(float64(x), 'g', -1, bits), "-", "−", 1)
}

func verdictOf(v *proof.Verdict) verdictView {
	headline, sentence := verdictWords(v)
	class := "none"
	if v != nil {
		class = statusClass(v.Status)
	}
	return verdictView{class, headline, sentence}
}

// runVerdict is the verdict over all layers.
func runVerdict(layers []layerView) verdictView {
	var all *proof.Verdict
	for _, l := range layers {
		switch {
		case l.Verdict == nil:
		case all == nil:
			v := *l.Verdict
			all = &v
		default:
			v, _ := joinVerdicts(*all, *l.Verdict)
			all = &v
		}
	}
	return verdictOf(all)
}

// histogramLabel describes a chart for readers who cannot see it.
func histogramLabel(what string, list []bar) string {
	var parts []string
	for _, b := range list {
		if b.Count > 0 {
			parts = append(parts, grouped(b.Count)+" "+b.Label)
		}
	}
	return "Errors of " + what + " as shares of their bounds: " + strings.Join(parts, "; ")
}
