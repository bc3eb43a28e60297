package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
)

// verificationPage is a verification as its template reads it.
type verificationPage struct {
	frame
	Drawing template.HTML // of the network whose layers the cases are
	Chart   template.HTML
	Bars    []bar
	Groups  []caseGroup
}

type caseGroup struct {
	Status string
	Class  string
	Open   bool
	Cases  []caseView
}

type caseView struct {
	Name, File, Op, Text string
	Compared             bool // the device's numbers with the reference's
	Bad                  bool
	Part                 float64
	Share                string
	Repeat               string
}

func verificationView(a assets, v Verification) verificationPage {
	page := verificationPage{frame: frame{CSS: a.css, JS: a.js, Policy: a.policy, Command: "verify"}}
	page.Heading = fmt.Sprintf("%s on this machine", count(v.Cases, v.unit()))
	if v.Network != "" {
		page.Heading = v.Network
	}
	page.Title = page.Heading
	page.Facts = []fact{
		{Name: "TensorFlow", Value: v.TensorFlow},
		{Name: "Device", Value: strings.TrimPrefix(v.Device, "/device:")},
		{Name: "Precision", Value: v.Precision},
		{Name: "oneDNN", Value: onOff(v.OneDNN)},
		{Name: "Repeat with", Value: v.Command, Code: true},
	}
	page.Nav = []link{{"#errors", "All errors"}, {"#cases", "Cases"}}
	worst, sum := proof.Pass, []int(nil)
	numbers := 0
	for _, o := range v.Outcomes {
		worst = worst.Worse(o.Status)
		if o.Device != nil && o.Device.Histogram != nil {
			sum = sumHistogram(sum, o.Device.Histogram)
			numbers += o.Device.Elements
		}
	}
	if sum != nil {
		page.Bars = bars(sum)
		page.Chart = histogramChart(page.Bars, histogramLabel("all cases", page.Bars))
	}
	page.Verdict = verificationVerdict(v, worst, numbers)
	for _, status := range slices.Backward(proof.Statuses) {
		if g := groupOf(v.Outcomes, status); len(g.Cases) > 0 {
			g.Open = !status.OK() || status == worst
			page.Groups = append(page.Groups, g)
		}
	}
	return page
}

// unit is the thing that is counted: a case, or a layer or chain of a network.
func (v Verification) unit() string {
	if v.Network != "" {
		return "check"
	}
	return "case"
}

func sumHistogram(sum, more []int) []int {
	if sum == nil {
		return slices.Clone(more)
	}
	for k, n := range more {
		sum[k] += n
	}
	return sum
}

func verificationVerdict(v Verification, worst proof.Status, numbers int) verdictView {
	failed := v.Counts[proof.Fail]
	view := verdictView{Class: statusClass(worst), Sentence: fmt.Sprintf("%s were compared with the reference.", count(numbers, "number"))}
	switch worst {
	case proof.Fail:
		view.Headline = fmt.Sprintf("%d of %s failed", failed, count(v.Cases, v.unit()))
	case proof.NotHeld:
		view.Headline = fmt.Sprintf("%d of %s are not held", v.Counts[proof.NotHeld], count(v.Cases, v.unit()))
	case proof.Nothing:
		view.Headline = fmt.Sprintf("%d of %s prove nothing: no number was compared", v.Counts[proof.Nothing], count(v.Cases, v.unit()))
	case proof.Precision:
		view.Headline = fmt.Sprintf("%d of %s are less precise than float32", v.Counts[proof.Precision], count(v.Cases, v.unit()))
	default:
		view.Headline = fmt.Sprintf("All %s pass", count(v.Cases, v.unit()))
	}
	if n := v.Counts[proof.Overflow]; n > 0 {
		view.Sentence += fmt.Sprintf(" In %s partial sums may leave float32’s range, and infinities are as right as numbers.", count(n, v.unit()))
	}
	return view
}

// groupOf is the cases of one status, the largest share of a bound first.
func groupOf(outcomes []proof.Outcome, status proof.Status) caseGroup {
	g := caseGroup{Status: string(status), Class: statusClass(status)}
	for _, o := range outcomes {
		if o.Status != status {
			continue
		}
		c := caseView{Name: quote.Plain(o.Name), File: o.File, Op: o.Op, Text: o.Text()}
		// The device's numbers and those that the case expects: the worse.
		for _, v := range []*proof.Verdict{o.Device, o.Expectation} {
			if v == nil || v.Histogram == nil || c.Compared && v.Share <= c.Part {
				continue
			}
			c.Compared, c.Bad, c.Part = true, v.Status == proof.Fail, v.Share
			c.Share = strings.TrimSuffix(ofBound(v.Share), " of its bound")
			if v.Share >= math.MaxFloat64 {
				c.Share = "must be exact"
			}
		}
		if o.Repeat != nil {
			var text bytes.Buffer
			if err := json.Indent(&text, o.Repeat, "", "  "); err == nil {
				c.Repeat = text.String()
			}
		}
		g.Cases = append(g.Cases, c)
	}
	slices.SortStableFunc(g.Cases, func(a, b caseView) int { return cmp.Compare(b.Part, a.Part) })
	return g
}
