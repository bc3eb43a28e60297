package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/certificate"
	"tfcnn/internal/quote"
)

// NetLayer is a layer of a verified network, beside its verdict.
type NetLayer struct {
	Name, Kind string
	In         [][]int // the shapes that it reads
	Out        []int
	// Note says why correct kernels differ in the numbers that are unspecified.
	Note          string
	NaN, Infinite int // in TensorFlow's output
}

// checkRow is a check as a row of the page.
type checkRow struct {
	Chain        bool // of layers whose rows stand above
	Name, Kind   string
	In           []string // shapes that a layer reads
	Out          string
	Session      string
	Images       string
	Compared     bool
	Part         float64 // of the bound
	Bad          bool
	Error, Share string
	ULPs, Bound  string
	Class, Text  string
	Bits         string // of a run: equal to those of layers and chains, or not
}

// probeRow is the probes of one layer or chain.
type probeRow struct {
	Name, Alike string
	Kinds       []probeKind
	Class, Text string
}

// probeKind is the probes of one kind that pass, by their batches, or one that does not.
type probeKind struct {
	Kind string
	Each []string
}

// Text is the kind in one line, as "exact, images: 1, 8".
func (k probeKind) Text() string { return k.Kind + ": " + strings.Join(k.Each, ", ") }

// finding is the numbers of a check that were not compared, and the reason; or the
// check that failed, and its worst number.
type finding struct{ Name, Numbers, Reason string }

// netView is the checks of a network as the page shows them.
type netView struct {
	Layers []checkRow // with the chains below their last layers
	Chains bool
	Runs   []checkRow
	Probes []probeRow
	Exact  bool // there are exact probes
	Rest   []finding
	Failed []finding
}

func netChecks(v Verification) *netView {
	if v.Network == "" {
		return nil
	}
	view := &netView{}
	layers := map[string]NetLayer{}
	for _, l := range v.Layers {
		layers[l.Name] = l
	}
	var order []string
	rows, chains := map[string]checkRow{}, map[string][]checkRow{} // by the last layer
	for _, c := range v.Checks {
		row := rowOf(c)
		view.addRest(c, layers)
		if status := c.Verdict.Status; status == proof.Fail || status == proof.Precision {
			view.Failed = append(view.Failed, finding{names(c), kindOf(c), strings.TrimPrefix(c.Verdict.String(), "fail: ")})
		}
		switch last := c.Layers[len(c.Layers)-1]; c.Kind {
		case certificate.Layer:
			l := layers[last]
			row.Kind = c.Name
			row.In, row.Out = shapes(l.In), by(l.Out...)
			order, rows[last] = append(order, last), row
		case certificate.Chain:
			row.Chain, row.Kind = true, "as it runs"
			chains[last] = append(chains[last], row)
			view.Chains = true
		case certificate.Run:
			if c.EqualBits {
				row.Bits = "equal bits"
			}
			view.Runs = append(view.Runs, row)
		case certificate.Probe:
			view.addProbe(c)
			view.Exact = view.Exact || c.Name == "exact"
		}
	}
	for _, name := range order {
		view.Layers = append(append(view.Layers, rows[name]), chains[name]...)
	}
	return view
}

// kindOf is a check's kind in words.
func kindOf(c certificate.Check) string {
	switch words := count(c.Images, "image"); c.Kind {
	case certificate.Layer:
		return c.Name
	case certificate.Chain:
		return "as it runs"
	case certificate.Run:
		return c.Name + ", " + words
	default:
		return c.Name + " probe, " + words
	}
}

func rowOf(c certificate.Check) checkRow {
	v := c.Verdict
	row := checkRow{
		Name: names(c), Kind: c.Name, Session: c.Session, Images: count(c.Images, "image"),
		Class: statusClass(v.Status), Text: rowText(v), Bad: v.Status == proof.Fail,
		Compared: v.Compared() > 0 && v.Note == "",
	}
	if !row.Compared {
		return row
	}
	row.Part, row.Error, row.Bound, row.ULPs = v.Share, figures(v.MaxError), figures(v.Bound), figures(v.ULP)
	row.Share = strings.TrimSuffix(ofBound(v.Share), " of its bound")
	switch {
	case v.Share >= math.MaxFloat64 && v.Bound == 0 && v.MaxError > 0:
		row.Share = "must be exact"
	case v.Share >= math.MaxFloat64:
		row.Error, row.Bound, row.ULPs, row.Share = "not finite", "–", "–", "not finite"
	case v.Exact == v.Compared()+v.NaN:
		row.Share = "exact"
	}
	return row
}

// rowText is a verdict without the figures that have columns of their own.
func rowText(v proof.Verdict) string {
	switch {
	case v.Status == proof.Fail && v.Note != "":
		return v.Note
	case v.Status == proof.Fail:
		return fmt.Sprintf("fail: %s outside", grouped(v.Outside))
	case v.Elements == 0:
		return string(v.Status) + ": no numbers"
	}
	words := string(v.Status)
	if rest := v.Elements - v.Compared(); rest > 0 {
		words += fmt.Sprintf("; %s not compared", grouped(rest))
	}
	return words
}

// addProbe adds a probe to the row of its layers.
func (view *netView) addProbe(c certificate.Check) {
	name, kind := names(c), c.Name
	if len(c.Rounding) > 0 {
		kind += " but for " + list(c.Rounding)
	}
	at := slices.IndexFunc(view.Probes, func(r probeRow) bool { return r.Name == name })
	if at < 0 {
		var alike []string
		for _, layers := range c.Alike {
			alike = append(alike, names(certificate.Check{Layers: layers}))
		}
		at = len(view.Probes)
		view.Probes = append(view.Probes, probeRow{Name: name, Alike: strings.Join(alike, "; "), Text: string(proof.Pass)})
	}
	row := &view.Probes[at]
	row.Text = string(proof.Status(row.Text).Worse(c.Verdict.Status))
	row.Class = statusClass(proof.Status(row.Text))
	if c.Verdict.Status != proof.Pass {
		row.Kinds = append(row.Kinds, probeKind{fmt.Sprintf("%s, %s, %s", kind, count(c.Images, "image"), c.Session), []string{rowText(c.Verdict)}})
		return
	}
	images := grouped(c.Images)
	k := slices.IndexFunc(row.Kinds, func(k probeKind) bool { return k.Kind == kind+", images" })
	if k < 0 {
		row.Kinds = append(row.Kinds, probeKind{kind + ", images", []string{images}})
	} else if !slices.Contains(row.Kinds[k].Each, images) {
		row.Kinds[k].Each = append(row.Kinds[k].Each, images)
	}
}

// addRest adds the numbers of a check of which nothing was compared, by reason.
func (view *netView) addRest(c certificate.Check, layers map[string]NetLayer) {
	v := c.Verdict
	add := func(n int, reason string) {
		if n > 0 {
			view.Rest = append(view.Rest, finding{names(c), fmt.Sprintf("%s of %s", grouped(n), count(v.Elements, "number")), reason})
		}
	}
	why := "correct kernels differ"
	if c.Kind == certificate.Layer {
		if note := layers[c.Layers[0]].Note; note != "" {
			why += ": " + note
		}
	}
	add(v.Unspecified, why)
	unknown := "no bound is known"
	if v.Note != "" {
		unknown += ": " + v.Note
	}
	add(v.Unbounded, unknown)
	add(v.NaN, "NaN on both sides, which compares nothing")
	add(v.Overflowed, "not finite, where partial sums may leave float32’s range")
	if l := layers[c.Layers[0]]; c.Kind == certificate.Layer && l.NaN+l.Infinite > 0 {
		view.Rest = append(view.Rest, finding{names(c), count(v.Elements, "number"), fmt.Sprintf("for information: TensorFlow gave %s NaN and %s infinite", grouped(l.NaN), grouped(l.Infinite))})
	}
}

// shapes are the shapes of several inputs; those behind the first have a plus before
// them.
func shapes(list [][]int) (parts []string) {
	for i, shape := range list {
		if i > 0 {
			parts = append(parts, "+ "+by(shape...))
		} else {
			parts = append(parts, by(shape...))
		}
	}
	return parts
}

// names joins the names of a check's layers; those of a call are outputs.
func names(c certificate.Check) string {
	var list []string
	for _, name := range c.Layers {
		list = append(list, quote.Plain(name))
	}
	if c.Kind == certificate.Run {
		return strings.Join(list, ", ")
	}
	return strings.Join(list, " → ")
}

// kindCount is the number of a network's checks of each kind, in words.
func kindCount(checks []certificate.Check, includes func(proof.Status) bool) string {
	var parts []string
	for _, kind := range certificate.Kinds {
		n := 0
		for _, c := range checks {
			if c.Kind == kind && includes(c.Verdict.Status) {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, count(n, string(kind)))
		}
	}
	return list(parts)
}

// againstView is a comparison with a baseline or certificate as the page shows it.
type againstView struct {
	Summary string
	Of      string
	Changes []changeRow
	Machine []baseline.Difference
}

type changeRow struct {
	Name, Text, Class string
}

func againstOf(c *baseline.Comparison) *againstView {
	if c == nil {
		return nil
	}
	view := &againstView{Summary: quote.Plain(c.Summary()), Of: "baseline", Machine: c.Machine}
	if c.Of != "" {
		view.Of = c.Of
	}
	for _, change := range c.Cases {
		if change.Change == baseline.Equal || change.Change == baseline.SameRefusal {
			continue
		}
		row := changeRow{Name: change.ID(), Text: change.Text(), Class: "pass"}
		if c.Failed(change.Change) {
			row.Class = "fail"
		}
		view.Changes = append(view.Changes, row)
	}
	return view
}
