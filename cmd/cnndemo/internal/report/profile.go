package report

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// Profile is where a network's time goes, for its page. Times are seconds.
type Profile struct {
	TensorFlow, Device, Command string
	Note                        string // what makes the limits doubtful, or ""
	OneDNN                      *bool
	Title                       string
	Images, Runs                int
	GFLOPS, GBs                 float64 // of the machine
	ToDevice, ToHost            float64 // GB/s of copies to a GPU and from it
	Layers                      []ProfiledLayer

	Step, Covered, SideBySide float64
	Before, Between, After    float64 // the framework's part of a step
	Call, Traced              float64
	OnGPU                     []GPURow // none on the CPU
}

// GPURow is a part of a step on a GPU that is no layer's kernel.
type GPURow struct {
	What    string
	Seconds float64
	Note    string
}

// ProfiledLayer is one layer of a Profile.
type ProfiledLayer struct {
	Name, Kind string
	Output     []int
	In         string   // the layer that this one is computed and counted with
	With       []string // layers that are counted here
	Kernels    []string // TensorFlow's operations; none where there was nothing to run

	Seconds, Least, Most, Share float64
	Multiplications, FLOPs      int64
	Bytes, Allocated            int64
	GFLOPS, GBs                 float64
	Intensity                   float64 // FLOPs a byte
	ComputeLimit, MemoryLimit   float64
	OfLimit                     float64 // share of the roofline
}

// ran reports whether the layer has a row of its own.
func (l ProfiledLayer) ran() bool { return l.In == "" && len(l.Kernels) > 0 }

// limit is the shortest time that the machine needs for the layer.
func (l ProfiledLayer) limit() float64 { return max(l.ComputeLimit, l.MemoryLimit) }

// profilePage is a profile as its template reads it.
type profilePage struct {
	frame
	Note     string
	Bars     []profileBar
	Roofline template.HTML
	Points   int
	Layers   []profileRow
	Rest     []restRow
	Images   int
}

// profileBar is a layer's row in the chart.
type profileBar struct {
	Name, With, Time, Share, Limit, By string
	Chart                              template.HTML
}

// profileRow is a layer's row in the table.
type profileRow struct {
	Name, Kind, Output, In, Kernels string
	Ran                             bool
	Cells                           []string
}

type restRow struct {
	What, Time, Share, Note string
}

// WriteProfile writes the page of a profile.
func WriteProfile(w io.Writer, p Profile) error {
	text, err := render("profile", func(a assets) any { return profileView(a, p) })
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("report: page: %w", err)
	}
	return nil
}

func profileView(a assets, p Profile) profilePage {
	page := profilePage{frame: frame{CSS: a.css, JS: a.js, Policy: a.policy, Command: "profile", Title: p.Title, Heading: p.Title}, Images: p.Images}
	page.Facts = []fact{
		{Name: "TensorFlow", Value: p.TensorFlow},
		{Name: "Device", Value: strings.TrimPrefix(p.Device, "/device:")},
		{Name: "oneDNN", Value: onOff(p.OneDNN)},
		{Name: "Measured", Value: fmt.Sprintf("%s of %s, medians", count(p.Runs, "run"), count(p.Images, "image"))},
		p.limits(),
		{Name: "Repeat with", Value: p.Command, Code: true},
	}
	page.Note = p.Note
	page.Nav = []link{{"#time", "Time by layer"}, {"#roofline", "Roofline"}, {"#rest", "Beside the layers"}, {"#numbers", "All numbers"}}
	page.Verdict = p.verdict()
	page.Bars = p.bars()
	chart := newRoofline(p)
	page.Roofline, page.Points = chart.draw(), len(chart.points)
	for _, l := range p.Layers {
		page.Layers = append(page.Layers, l.row())
	}
	page.Rest = p.rest()
	return page
}

// limits describes the limits of the machine, or of the GPU.
func (p Profile) limits() fact {
	product := fmt.Sprintf("%s GFLOP/s in a product of 2048×2048, %s GB/s in a ", figures(p.GFLOPS), figures(p.GBs))
	if len(p.OnGPU) == 0 {
		return fact{Name: "This machine", Value: product + "copy"}
	}
	return fact{Name: "This GPU", Value: product + fmt.Sprintf("ReLU of 128 MiB; %s GB/s to it, %s GB/s from it", figures(p.ToDevice), figures(p.ToHost))}
}

// verdict is a line with the time of a run and the layer that takes most of it.
func (p Profile) verdict() verdictView {
	v := verdictView{Class: "measured", Headline: fmt.Sprintf("A run of %s takes %s", count(p.Images, "image"), threeFigures(p.Call))}
	rows := p.rows()
	if len(rows) == 0 || p.Step <= 0 {
		return v
	}
	slices.SortStableFunc(rows, func(a, b ProfiledLayer) int { return int(1e9 * (b.Seconds - a.Seconds)) })
	need := 0.0
	for _, l := range rows {
		need += l.limit()
	}
	v.Sentence = fmt.Sprintf("Of a step in TensorFlow %s went to %s, %s to the framework. At this machine’s limits the layers would need %s.",
		percent(rows[0].Share), rows[0].Name, percent((p.Before+p.Between+p.After)/p.Step), threeFigures(need))
	return v
}

// rows are the layers that have one of their own.
func (p Profile) rows() []ProfiledLayer {
	var list []ProfiledLayer
	for _, l := range p.Layers {
		if l.ran() {
			list = append(list, l)
		}
	}
	return list
}

// bars are the layers' times beside the least times that the limits allow.
func (p Profile) bars() []profileBar {
	longest := 0.0
	for _, l := range p.rows() {
		longest = max(longest, l.Seconds, l.limit())
	}
	var list []profileBar
	for _, l := range p.rows() {
		b := profileBar{Name: l.Name, Time: threeFigures(l.Seconds), Share: percent(l.Share), Limit: "–", By: l.by()}
		if len(l.With) > 0 {
			b.With = "with " + list3(l.With)
		}
		if l.limit() > 0 {
			b.Limit = percent(l.OfLimit)
		}
		b.Chart = timeBars(l, longest)
		list = append(list, b)
	}
	return list
}

// by names the limit that bounds the layer.
func (l ProfiledLayer) by() string {
	switch {
	case l.limit() == 0:
		return ""
	case l.ComputeLimit > l.MemoryLimit:
		return "multiplications"
	}
	return "bytes"
}

// timeBars draws three bars: the time, and the least times of multiplications and of
// bytes.
func timeBars(l ProfiledLayer, longest float64) template.HTML {
	if longest <= 0 {
		return ""
	}
	bar := func(class string, y, height, seconds float64) string {
		if seconds <= 0 {
			return ""
		}
		return fmt.Sprintf(`<rect class="%s" y="%s" width="%.2f" height="%s"/>`, class, px(y), max(0.3, 100*seconds/longest), px(height))
	}
	return template.HTML(`<svg class="timebars" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true" focusable="false">` +
		bar("p-time", 1, 8, l.Seconds) + bar("p-flops", 10.5, 3.5, l.ComputeLimit) + bar("p-bytes", 15.5, 3.5, l.MemoryLimit) + `</svg>`)
}

func (l ProfiledLayer) row() profileRow {
	r := profileRow{Name: l.Name, Kind: l.Kind, Output: by(l.Output...), In: l.In, Kernels: strings.Join(l.Kernels, ", "), Ran: l.ran()}
	if !r.Ran {
		return r
	}
	some := func(has int64, text string) string {
		if has == 0 {
			return "–"
		}
		return text
	}
	limit := "–"
	if l.OfLimit > 0 {
		limit = percent(l.OfLimit)
	}
	r.Cells = []string{
		threeFigures(l.Seconds), threeFigures(l.Least), threeFigures(l.Most), percent(l.Share),
		some(l.Multiplications, grouped(l.Multiplications)), some(l.FLOPs, figures(l.GFLOPS)),
		some(l.Bytes, Bytes(l.Bytes)), some(l.Bytes, figures(l.GBs)), some(l.FLOPs, figures(l.Intensity)),
		Bytes(l.Allocated), limit,
	}
	return r
}

// rest is the time of a run that belongs to no layer.
func (p Profile) rest() []restRow {
	row := func(what string, seconds float64, note string) restRow {
		r := restRow{What: what, Time: threeFigures(seconds), Share: "–", Note: note}
		if p.Step > 0 {
			r.Share = percent(seconds / p.Step)
		}
		return r
	}
	kernels := "the time in which at least one ran"
	if p.SideBySide >= 1e-6 {
		kernels += fmt.Sprintf("; the layers’ times are %s more in all, since some ran side by side", threeFigures(p.SideBySide))
	}
	rows := []restRow{
		row("Kernels of layers", p.Covered, kernels),
		row("Framework, before them", p.Before, "the step is handed to a thread, constants and arguments are handed on"),
		row("Framework, between them", p.Between, "the executor looks for the next node, takes memory and gives it back"),
		row("Framework, after them", p.After, "results are handed out"),
	}
	for _, r := range p.OnGPU {
		rows = append(rows, row(strings.ToUpper(r.What[:1])+r.What[1:], r.Seconds, r.Note))
	}
	return append(rows,
		row("A step", p.Step, "from the first node’s being ready until the last is done"),
		row("The whole call", p.Call, "with the copies of images and results, without a record"),
		row("The same, recorded", p.Traced, "what this page was made from"),
	)
}

// threeFigures is a time in three figures.
func threeFigures(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return fmt.Sprintf("%.3g µs", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	}
	return fmt.Sprintf("%.3g s", seconds)
}

func percent(share float64) string {
	if share > 0 && share < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// list3 joins words, and counts those past the third.
func list3(words []string) string {
	const most = 3
	if len(words) <= most {
		return list(words)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}
