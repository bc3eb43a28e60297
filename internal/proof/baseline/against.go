package baseline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// Change is the difference between a case of a baseline and the same case now.
type Change string

const (
	// Equal: the same shape and the same bits.
	Equal Change = "equal bits"
	// Within: other bits, and both outputs are within the bound of the exact
	// value, so that they differ by twice the bound at most (claim 35: Two right outputs).
	Within Change = "within bound"
	// Outside: a number of one of the two is further from the exact value than
	// its bound, or differs from a value that must be exact; two that differ by more than
	// twice the bound are always among these. So are another shape
	// and an output where there was a refusal, or the reverse.
	Outside Change = "outside"
	// SameRefusal and RefusalChanged: refused then and now, with the same text
	// or another.
	SameRefusal    Change = "same refusal"
	RefusalChanged Change = "refusal changed"
	// Mended: not right then, and right now; of certificates, which keep verdicts and no
	// numbers.
	Mended Change = "right now"
	// New: the baseline has no such case.
	New Change = "new"
	// Missing: the baseline has it, and it was not run.
	Missing Change = "missing"
	// CaseChanged: the case has another operation, attribute or operand, so
	// that the outputs cannot be compared.
	CaseChanged Change = "case changed"
)

// Changes are all of them, in the order of reports.
var Changes = []Change{Equal, Within, SameRefusal, RefusalChanged, Mended, New, Outside, Missing, CaseChanged}

// Failed reports whether the change is a fault: of one of the outputs, or of the
// comparison, which says nothing of such a case.
func (c Change) Failed() bool { return c == Outside || c == Missing || c == CaseChanged }

// CaseChange is the change of one case. Figures are of the elements whose bits
// differ.
type CaseChange struct {
	File   string `json:"file"`
	Name   string `json:"name"`
	Op     string `json:"op"`
	Change Change `json:"change"`
	// Was and Is are the statuses against the reference, then and now.
	Was proof.Status `json:"was,omitempty"`
	Is  proof.Status `json:"is,omitempty"`

	Elements  int `json:"elements,omitempty"`
	Differing int `json:"differing,omitempty"`
	Outside   int `json:"outside,omitempty"`
	// The largest differences, each over all elements of which both numbers
	// are finite; NaN with another payload and −0 for 0 are 0 ULP.
	MaxULP        uint64  `json:"max_ulp,omitempty"`
	MaxDifference float64 `json:"max_difference,omitempty"`
	// Share is the largest |a−b|/2B, for elements that have a bound.
	Share float64 `json:"share_of_bound,omitempty"`
	// The element with that share, or the first that is outside.
	Worst  []int         `json:"worst,omitempty"`
	Before *proof.Number `json:"before,omitempty"`
	Now    *proof.Number `json:"now,omitempty"`
	// Note is a sentence about a difference that has no figure, as another shape.
	Note string `json:"note,omitempty"`
	// Repeat is the case, a file for verify --cases, where Change.Failed.
	Repeat json.RawMessage `json:"repeat,omitempty"`
	// Of is "certificate" where the change is not since a baseline.
	Of string `json:"-"`
}

// ID returns the case's name in one line, as proof.Outcome.ID.
func (c CaseChange) ID() string { return proof.CaseKey{File: c.File, Op: c.Op, Name: c.Name}.String() }

// Text returns the change in one line, without the case's name.
func (c CaseChange) Text() string {
	var text strings.Builder
	text.WriteString(string(c.Change))
	if c.Note != "" {
		fmt.Fprintf(&text, ": %s", c.Note)
	}
	if c.Differing > 0 {
		fmt.Fprintf(&text, ": %d of %d numbers differ", c.Differing, c.Elements)
		if c.Outside > 0 {
			fmt.Fprintf(&text, ", %d outside", c.Outside)
		} else {
			fmt.Fprintf(&text, ", by at most %d ULP and %.3g, %.3g of what the bound allows", c.MaxULP, c.MaxDifference, c.Share)
		}
		fmt.Fprintf(&text, "; at %s %v in the baseline, %v here", tensor.FormatShape(c.Worst), c.Before, c.Now)
	}
	if c.Was != c.Is && c.Was != "" && c.Is != "" {
		fmt.Fprintf(&text, "; %s in the %s, %s here", c.Was, cmp.Or(c.Of, "baseline"), c.Is)
	}
	return text.String()
}

// Difference is a property in which two machines differ.
type Difference struct {
	What string `json:"what"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

// Comparison compares a run with a baseline.
type Comparison struct {
	Baseline string         `json:"baseline"`      // the file's name
	Of       string         `json:"-"`             // "certificate" where the file is no baseline
	Made     Made           `json:"made,omitzero"` // the baseline's; zero of a certificate
	Machine  []Difference   `json:"machine_differences"`
	Counts   map[Change]int `json:"counts"`
	// EqualBits reports whether bits that differ are a failure, too.
	EqualBits bool         `json:"equal_bits_wanted"`
	Cases     []CaseChange `json:"cases"`

	records map[proof.CaseKey]*Record
	// format1 has the file and the name of each case of a baseline of format 1;
	// nil with other formats.
	format1 map[[2]string]bool
	order   []*Record
}

// NewComparison begins to compare a run, on the machine that made describes, with
// a baseline. Add takes the outcomes; Finish adds the cases that are missing then.
func NewComparison(b Baseline, made Made, equalBits bool) *Comparison {
	c := &Comparison{
		Baseline: b.Name, Made: b.Made, Machine: b.Made.Differences(made), Counts: map[Change]int{},
		EqualBits: equalBits, records: map[proof.CaseKey]*Record{},
	}
	if b.Format == 1 {
		c.format1 = map[[2]string]bool{}
	}
	for i := range b.Records {
		r := &b.Records[i]
		c.records[r.key()] = r
		if c.format1 != nil {
			c.format1[[2]string{r.File, r.Name}] = true
		}
		c.order = append(c.order, r)
	}
	return c
}

// Add compares an outcome that Case.Run gave and that was not released.
func (c *Comparison) Add(o proof.Outcome) {
	change := CaseChange{File: o.File, Name: o.Name, Op: o.Op, Change: New, Is: o.Status}
	if r := c.find(o.Key()); r != nil {
		change.Was = r.Status
		change.Note = change.compare(*r, o).note()
		delete(c.records, r.key())
		// Its numbers are not needed any more.
		r.bits = nil
	}
	if c.Failed(change.Change) {
		change.Repeat = o.CaseFile()
	}
	c.add(change)
}

// find returns the record of a case. A baseline of format 1 knows it by its file
// without folders, and called the second case of a name in it "name (2)",
// for every operation.
func (c *Comparison) find(key proof.CaseKey) *Record {
	r := c.records[key]
	if r != nil || c.format1 == nil {
		return r
	}
	key.File = path.Base(key.File)
	name := key.Name
	for i := 2; c.records[key] == nil && c.format1[[2]string{key.File, key.Name}]; i++ {
		key.Name = fmt.Sprintf("%s (%d)", name, i)
	}
	return c.records[key]
}

func (c *Comparison) add(change CaseChange) {
	c.Counts[change.Change]++
	c.Cases = append(c.Cases, change)
}

// Finish adds the cases that the baseline has and that were not run.
func (c *Comparison) Finish() {
	for _, r := range c.order {
		if c.records[r.key()] == r {
			c.add(CaseChange{File: r.File, Name: r.Name, Op: r.Op, Change: Missing, Was: r.Status})
		}
	}
	c.records, c.order = nil, nil
}

// Failed reports whether a change is a failure of this comparison.
func (c *Comparison) Failed(change Change) bool {
	return change.Failed() || c.EqualBits && change == Within
}

// Failures returns the number of cases that failed.
func (c *Comparison) Failures() int {
	n := 0
	for change, count := range c.Counts {
		if c.Failed(change) {
			n += count
		}
	}
	return n
}

// Summary returns the counts in one line.
func (c *Comparison) Summary() string {
	parts := []string{fmt.Sprintf("%d %s", c.Counts[Equal], Equal)}
	for _, change := range Changes[1:] {
		if n := c.Counts[change]; n > 0 || change == Within || change == Outside {
			parts = append(parts, fmt.Sprintf("%d %s", n, change))
		}
	}
	return fmt.Sprintf("against %s: %s", c.Baseline, strings.Join(parts, ", "))
}

// compare sets the change of the case and its figures.
func (c *CaseChange) compare(r Record, o proof.Outcome) finding {
	switch {
	case r.Case != o.Digest:
		c.Change = CaseChanged
		return finding{kind: otherCase}
	case r.Refusal != "" && o.Output == nil && r.Refusal == o.Refused():
		c.Change = SameRefusal
	case r.Refusal != "" && o.Output == nil:
		c.Change = RefusalChanged
		return finding{kind: otherRefusal, before: r.Refusal, here: o.Refused()}
	case r.Refusal != "":
		c.Change = Outside
		return finding{kind: computedHere, before: r.Refusal}
	case o.Output == nil:
		c.Change = Outside
		return finding{kind: refusedHere, here: o.Refused()}
	case !slices.Equal(r.Shape, o.Output.Shape):
		c.Change = Outside
		return finding{kind: otherShape, was: r.Shape, is: o.Output.Shape}
	default:
		return c.compareNumbers(r, o)
	}
	return finding{}
}

func (c *CaseChange) compareNumbers(r Record, o proof.Outcome) finding {
	c.Elements = len(o.Output.Data)
	// Without a reference of this shape, as where it refuses a case that the device
	// computes, no bound limits the difference of two right outputs.
	want := o.Reference
	if want != nil && !slices.Equal(want.Shape, o.Output.Shape) {
		want = nil
	}
	worst, share := -1, -1.0
	for i, now := range o.Output.Data {
		then := r.at(i)
		if math.Float32bits(then) == math.Float32bits(now) {
			continue
		}
		c.Differing++
		part := 0.0
		if isFinite(float64(then)) && isFinite(float64(now)) {
			difference := math.Abs(float64(then) - float64(now))
			c.MaxULP = max(c.MaxULP, ulps(then, now))
			c.MaxDifference = max(c.MaxDifference, difference)
			if want != nil && want.State[i] != ref.Unspecified && want.Bound[i] > 0 {
				part = difference / (2 * want.Bound[i])
				c.Share = max(c.Share, part)
			}
		}
		if want == nil || !right(*want, i, then) || !right(*want, i, now) {
			c.Outside++
			part = math.Inf(1)
		}
		if part > share {
			worst, share = i, part
		}
	}
	switch {
	case c.Differing == 0:
		c.Change = Equal
		return finding{}
	case c.Outside > 0:
		c.Change = Outside
	default:
		c.Change = Within
	}
	then, now := proof.Number(r.at(worst)), proof.Number(o.Output.Data[worst])
	c.Worst, c.Before, c.Now = o.Output.Index(worst), &then, &now
	if c.Outside == 0 || want == nil {
		return finding{}
	}
	f := finding{kind: outsideBound, wrong: sideBoth, bound: want.Bound[worst], answer: want.Value[worst]}
	switch {
	case right(*want, worst, r.at(worst)):
		f.wrong = sideHere
	case right(*want, worst, o.Output.Data[worst]):
		f.wrong = sideBefore
	}
	return f
}

// right reports whether a number passes as element i, as in proof.Compare.
func right(want ref.Result, i int, x float32) bool {
	value, number := want.Value[i], float64(x)
	switch {
	case want.State[i] == ref.Unspecified:
		return true
	case isFinite(number) && isFinite(value):
		return math.Abs(number-value) <= want.Bound[i]
	case number == value || number != number && value != value:
		return true
	}
	return want.State[i] == ref.OverflowPossible && !isFinite(number)
}

func isFinite(x float64) bool { return x-x == 0 }

// ulps returns the number of float32 from a to b, both finite. 0 and −0 are one.
func ulps(a, b float32) uint64 {
	rank := func(x float32) int64 {
		bits := int64(math.Float32bits(x))
		if bits >= 1<<31 {
			return 1<<31 - bits
		}
		return bits
	}
	distance := rank(a) - rank(b)
	return uint64(max(distance, -distance))
}

// Differences lists the properties in which two machines differ, the date left
// out.
func (m Made) Differences(now Made) []Difference {
	list := []Difference{}
	compare := func(what, was, is string) {
		if was != is {
			list = append(list, Difference{what, was, is})
		}
	}
	compare("TensorFlow", m.TensorFlow, now.TensorFlow)
	compare("device", m.Device, now.Device)
	compare("oneDNN", m.OneDNN, now.OneDNN)
	compare("processor", m.Processor, now.Processor)
	compare("processor features", only(m.Features, now.Features), only(now.Features, m.Features))
	compare("threads", fmt.Sprint(m.Threads), fmt.Sprint(now.Threads))
	return list
}

// only lists the names of a that b does not have.
func only(a, b []string) string {
	var list []string
	for _, name := range a {
		if !slices.Contains(b, name) {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "none of its own"
	}
	return strings.Join(list, " ")
}
