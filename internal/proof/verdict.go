// Package proof compares what a device computed with the reference, and gives a
// verdict. It knows no session: a Backend is handed to it.
//
//	want, err := ref.Apply(ctx, op, input, filter)
//	verdict := proof.Compare(want, got)
//	fmt.Println(verdict) // pass: largest error 1.9e-06 is 0.021 of its bound
package proof

import (
	"slices"
)

// Status is the result of a comparison.
type Status string

// From good to bad. Only Fail is an error of the device; Nothing is no pass.
const (
	// Pass: every number within its bound.
	Pass Status = "pass"
	// Overflow: all within their bounds but for numbers whose partial sums
	// may leave float32's range, where infinities are as right.
	Overflow Status = "overflow possible"
	// Precision: within the bounds, but with errors larger than float32
	// kernels make: the device seems to round its inputs (bfloat16, TF32).
	Precision Status = "precision"
	// Nothing: there are numbers, and none of them was compared with a number: all
	// are NaN on both sides, unspecified, or not finite where sums may overflow.
	Nothing Status = "proves nothing"
	// Fail: a number outside its bound, or another shape.
	Fail Status = "fail"
)

// Statuses are all of them, from good to bad.
var Statuses = []Status{Pass, Overflow, Precision, Nothing, Fail}

// Verdict is the outcome of one comparison. Errors are absolute. Got and Want
// may be NaN or infinite, which JSON writes as strings; all other figures are
// finite. Note is a sentence about a fault that has no figure, as a wrong shape.
type Verdict struct {
	Status   Status `json:"status"`
	Elements int    `json:"elements"`
	Outside  int    `json:"outside"` // elements that fail

	// The element whose error is the largest share of its bound.
	MaxError float64 `json:"max_error"`
	Bound    float64 `json:"bound"`
	// Share is MaxError/Bound; 0 where both are 0, and math.MaxFloat64 where
	// a number that must be exact is not.
	Share float64 `json:"share_of_bound"`
	ULP   float64 `json:"ulp"`             // MaxError in units in the last place of Want, as a float32
	Worst []int   `json:"worst,omitempty"` // its index
	Got   Number  `json:"got"`
	Want  Number  `json:"want"`

	// Level is the largest error in units of √n·u·Σ|x·w|; see
	// ref.AlarmLevel.
	Level       float64 `json:"level"`
	Exact       int     `json:"exact"`         // elements that must be equal
	Overflowed  int     `json:"overflowed"`    // elements not finite where that is allowed
	Unspecified int     `json:"unspecified"`   // elements in which correct kernels differ
	NaN         int     `json:"nan,omitempty"` // elements of Exact that are NaN on both sides
	// NotHeld counts the elements without a known bound: a verdict with such
	// elements is no pass.
	NotHeld int    `json:"not_held,omitempty"`
	Note    string `json:"note,omitempty"`
	// Histogram counts the numbers that were compared, all but Overflowed and
	// Unspecified, by error; see HistogramBuckets. A number that is not finite
	// and right has no error. Missing where the shapes differ.
	Histogram []int `json:"histogram,omitempty"`
}

// OK reports whether numbers were compared with the reference and none failed; a
// precision alarm is OK, and so is a tensor without numbers.
func (v Verdict) OK() bool { return v.Status.OK() }

// OK reports whether the status is neither Fail nor Nothing.
func (s Status) OK() bool { return s != Fail && s != Nothing }

// compared returns the number of elements that were compared with a number: an
// infinity counts.
func (v Verdict) compared() int {
	return v.Elements - v.NaN - v.Overflowed - v.Unspecified - v.NotHeld
}

// rank orders statuses from good to bad.
func (s Status) rank() int {
	return slices.Index(Statuses, s)
}

// Worse is the worse of two statuses.
func (s Status) Worse(other Status) Status {
	if other.rank() > s.rank() {
		return other
	}
	return s
}

// Merge joins the verdicts of two parts of a batch: v's, and one that comes
// after the first n images.
func (v Verdict) Merge(next Verdict, n int) Verdict {
	if len(next.Worst) > 0 {
		next.Worst = slices.Clone(next.Worst)
		next.Worst[0] += n
	}
	worse := v
	switch {
	case v.Status == Nothing && v.NotHeld == 0 && next.compared() > 0:
		worse = next // numbers of the whole were compared
	case next.Status == Nothing && next.NotHeld == 0 && v.compared() > 0:
	case next.Status.rank() > v.Status.rank() || next.Status == v.Status && next.Share > v.Share:
		worse = next
	}
	worse.Elements = v.Elements + next.Elements
	worse.Outside = v.Outside + next.Outside
	worse.Exact = v.Exact + next.Exact
	worse.Overflowed = v.Overflowed + next.Overflowed
	worse.Unspecified = v.Unspecified + next.Unspecified
	worse.NaN = v.NaN + next.NaN
	worse.NotHeld = v.NotHeld + next.NotHeld
	worse.Level = max(v.Level, next.Level)
	worse.Histogram = addHistograms(v.Histogram, next.Histogram)
	return worse
}
