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
	"tfcnn/internal/proof/certificate"
	"tfcnn/internal/quote"
)

// verificationPage is a verification as its template reads it.
type verificationPage struct {
	frame
	Drawing template.HTML // of the network whose layers the cases are
	Chart   template.HTML
	Bars    []bar
	Groups  []caseGroup
	Net     *netView // of a network; nil: cases
	Against *againstView
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
	page.Net, page.Against = netChecks(v), againstOf(v.Against)
	page.Nav = page.links()
	worst, sum := proof.Pass, []int(nil)
	numbers := 0
	for _, o := range v.Outcomes {
		worst = worst.Worse(o.Status)
		if o.Device != nil && o.Device.Histogram != nil && page.Net == nil {
			sum = sumHistogram(sum, o.Device.Histogram)
			numbers += o.Device.Elements
		}
	}
	for _, c := range v.Checks {
		worst = worst.Worse(c.Verdict.Status)
		numbers += c.Verdict.Compared()
		if c.Verdict.Histogram != nil && (c.Kind == certificate.Layer || c.Kind == certificate.Chain) {
			sum = sumHistogram(sum, c.Verdict.Histogram)
		}
	}
	subject := "all cases"
	if page.Net != nil {
		subject = "all layers"
	}
	if sum != nil {
		page.Bars = bars(sum)
		page.Chart = histogramChart(page.Bars, histogramLabel(subject, page.Bars))
	}
	page.Verdict = verificationVerdict(v, worst, numbers)
	for _, status := range slices.Backward(proof.Statuses) {
		if page.Net != nil {
			break
		}
		if g := groupOf(v.Outcomes, status); len(g.Cases) > 0 {
			g.Open = !status.OK() || status == worst
			page.Groups = append(page.Groups, g)
		}
	}
	return page
}

// links are the sections that the page has.
func (p verificationPage) links() []link {
	list := []link{{"#errors", "All errors"}}
	for _, l := range []struct {
		there bool
		link  link
	}{
		{p.Net == nil, link{"#cases", "Cases"}},
		{p.Net != nil && len(p.Net.Failed) > 0, link{"#failed", "What failed"}},
		{p.Net != nil, link{"#layers", "Layers"}},
		{p.Net != nil && len(p.Net.Runs) > 0, link{"#returned", "What Run returned"}},
		{p.Net != nil && len(p.Net.Probes) > 0, link{"#probes", "Probes"}},
		{p.Net != nil && len(p.Net.Rest) > 0, link{"#rest", "Not compared"}},
		{p.Against != nil, link{"#against", "Against"}},
	} {
		if l.there {
			list = append(list, l.link)
		}
	}
	return list
}

// unit is the thing that is counted: a case, or a comparison of a network's numbers.
func (v Verification) unit() string {
	if v.Network != "" {
		return "comparison"
	}
	return "case"
}

// all are the outcomes, counted.
func (v Verification) all() string {
	if v.Network == "" {
		return count(v.Cases, v.unit())
	}
	return kindCount(v.Checks, func(proof.Status) bool { return true })
}

// some are those outcomes of a status, counted.
func (v Verification) some(status proof.Status) string {
	if v.Network == "" {
		return fmt.Sprintf("%d of %s", v.Counts[status], count(v.Cases, v.unit()))
	}
	return kindCount(v.Checks, func(s proof.Status) bool { return s == status })
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
	view := verdictView{Class: statusClass(worst), Sentence: fmt.Sprintf("%s were compared with the reference.", count(numbers, "number"))}
	switch worst {
	case proof.Fail:
		view.Headline = v.some(proof.Fail) + " failed"
	case proof.NotHeld:
		view.Headline = v.some(proof.NotHeld) + " are not held"
	case proof.Nothing:
		view.Headline = fmt.Sprintf("%s prove nothing: no number was compared", v.some(proof.Nothing))
	case proof.Precision:
		view.Headline = v.some(proof.Precision) + " are less precise than float32"
	default:
		view.Headline = fmt.Sprintf("All %s pass", v.all())
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
