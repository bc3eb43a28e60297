// Package verdict says how numbers compare with a reference that has error bounds.
//
//	v, err := verify.Network(ctx, net, weights, images, verify.Options{})
//	for _, layer := range v.Layers {
//		fmt.Println(layer.Layer, layer.Verdict) // pass: largest error 1.9e-06 is 0.021 of its bound
//	}
//
// docs/verdicts.md explains each status and each figure.
package verdict

import "slices"

// Status is the outcome of a comparison.
type Status string

// The statuses, from good to bad. Fail and Precision are errors of the device; Nothing
// and NotHeld are no pass.
const (
	// Pass: every number within its bound.
	Pass Status = "pass"
	// Overflow: all within their bounds but for numbers whose partial sums
	// may leave float32's range, where infinities are as right.
	Overflow Status = "overflow possible"
	// Precision: within the bounds, but on numbers drawn with random signs the errors
	// are larger than float32 kernels make: the device seems to round its inputs
	// (bfloat16, TF32) and has not declared it.
	Precision Status = "precision"
	// Nothing: there are numbers, and none of them was compared with a number: all are
	// NaN on both sides, unspecified, or not finite where sums may overflow (docs/claims.md,
	// claim 33: Outputs that prove nothing).
	Nothing Status = "proves nothing"
	// NotHeld: for some numbers no bound is known, so that nothing was compared with
	// them; or more than MostUnspecified of the numbers are unspecified.
	NotHeld Status = "not held"
	// Fail: a number outside its bound, or another shape.
	Fail Status = "fail"
)

// Statuses are all of them, from good to bad.
var Statuses = []Status{Pass, Overflow, Precision, Nothing, NotHeld, Fail}

// Verdict is the outcome of one comparison. Errors are absolute. Got and Want
// may be NaN or infinite, which JSON writes as strings; all other figures are
// finite.
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

	// Level is the largest error in units of the error that rounding comes to in the
	// mean (docs/precision.md). It is a figure, and the status Precision judges by it
	// only on numbers drawn with random signs. 0 where no levels were asked for.
	Level       float64 `json:"level"`
	Exact       int     `json:"exact"`         // elements that must be equal
	Overflowed  int     `json:"overflowed"`    // elements not finite where that is allowed
	Unspecified int     `json:"unspecified"`   // elements of which nothing is asked
	NaN         int     `json:"nan,omitempty"` // elements of Exact that are NaN on both sides
	// Unbounded counts the elements without a known bound: a verdict with some is no
	// pass.
	Unbounded int `json:"not_held,omitempty"`
	// Note is text for what no figure says, as a wrong shape.
	Note string `json:"note,omitempty"`
	// Histogram counts the numbers that were compared, all but Overflowed and
	// Unspecified, by error; see HistogramBuckets. A number that is not finite
	// and right has no error. Missing where the shapes differ.
	Histogram []int `json:"histogram,omitempty"`
}

// OK reports whether numbers were compared with the reference and none failed, in
// precision neither; a tensor without numbers is OK.
func (v Verdict) OK() bool { return v.Status.OK() }

// OK reports whether the status is none of Precision, Nothing, NotHeld and Fail.
func (s Status) OK() bool { return s.rank() < Precision.rank() }

// Compared returns how many elements were compared with a number; an infinity counts.
func (v Verdict) Compared() int {
	return v.Elements - v.NaN - v.Overflowed - v.Unspecified - v.Unbounded
}

// rank returns the place of a status from good to bad.
func (s Status) rank() int {
	return slices.Index(Statuses, s)
}

// Worse returns the worse of two statuses.
func (s Status) Worse(other Status) Status {
	if other.rank() > s.rank() {
		return other
	}
	return s
}

// Merge returns the verdict of a batch of which v is the verdict of the first n images,
// and next that of the images after them.
func (v Verdict) Merge(next Verdict, n int) Verdict {
	if len(next.Worst) > 0 {
		next.Worst = slices.Clone(next.Worst)
		next.Worst[0] += n
	}
	worse := v
	switch {
	case v.Status == Nothing && next.Compared() > 0:
		worse = next // numbers of the batch were compared
	case next.Status == Nothing && v.Compared() > 0:
	case next.Status.rank() > v.Status.rank() || next.Status == v.Status && next.Share > v.Share:
		worse = next
	}
	worse.Elements = v.Elements + next.Elements
	worse.Outside = v.Outside + next.Outside
	worse.Exact = v.Exact + next.Exact
	worse.Overflowed = v.Overflowed + next.Overflowed
	worse.Unspecified = v.Unspecified + next.Unspecified
	worse.NaN = v.NaN + next.NaN
	worse.Unbounded = v.Unbounded + next.Unbounded
	worse.Level = max(v.Level, next.Level)
	worse.Histogram = addHistograms(v.Histogram, next.Histogram)
	return worse
}
