// Package proof holds what a device computed against the reference and says
// what came of it. It knows no session: a Backend is handed to it.
//
//	want, err := ref.Apply(ctx, op, input, filter)
//	verdict := proof.Compare(want, got)
//	fmt.Println(verdict) // pass: largest error 1.9e-06 is 0.021 of its bound
package proof

import (
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
)

// Status is what came of a comparison.
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
	// Nothing: there are numbers, and none of them was held to a number: all are
	// NaN on both sides, unspecified, or not finite where sums may overflow.
	Nothing Status = "proves nothing"
	// Fail: a number outside its bound, or another shape.
	Fail Status = "fail"
)

// Statuses are all of them, from good to bad.
var Statuses = []Status{Pass, Overflow, Precision, Nothing, Fail}

// Verdict is the outcome of one comparison. Errors are absolute. Got and Want
// may be NaN or infinite, which JSON writes as strings; all other figures are
// finite. Note says what no figure does, as a wrong shape.
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
	Unspecified int     `json:"unspecified"`   // elements of which nothing is asked
	NaN         int     `json:"nan,omitempty"` // elements of Exact that are NaN on both sides
	// NotHeld counts the elements that no bound is known of: a verdict with some is
	// no pass.
	NotHeld int    `json:"not_held,omitempty"`
	Note    string `json:"note,omitempty"`
	// Histogram counts the numbers that were compared, all but Overflowed and
	// Unspecified, by error; see HistogramBuckets. A number that is not finite
	// and right has no error. Missing where the shapes differ.
	Histogram []int `json:"histogram,omitempty"`
}

// OK reports whether numbers were held to the reference and none failed; a
// precision alarm is OK, and so is a tensor without numbers.
func (v Verdict) OK() bool { return v.Status.OK() }

// OK reports whether the status is neither Fail nor Nothing.
func (s Status) OK() bool { return s != Fail && s != Nothing }

// held is how many elements were held to a number: an infinity counts.
func (v Verdict) held() int { return v.Elements - v.NaN - v.Overflowed - v.Unspecified - v.NotHeld }

// String is the verdict in one line.
func (v Verdict) String() string {
	switch {
	case v.Note != "" && v.Status == Fail:
		return fmt.Sprintf("%s: %s", v.Status, v.Note)
	case v.Status == Fail && (!finite(float64(v.Got)) || !finite(float64(v.Want))):
		return fmt.Sprintf("%s: %d of %d numbers outside: at %s got %v, want %v", v.Status, v.Outside, v.Elements, tensor.FormatShape(v.Worst), v.Got, v.Want)
	case v.Status == Fail:
		return fmt.Sprintf("%s: %d of %d numbers outside: at %s got %v, want %v ± %.3g, error %.3g",
			v.Status, v.Outside, v.Elements, tensor.FormatShape(v.Worst), v.Got, v.Want, v.Bound, v.MaxError)
	case v.Status == Precision:
		return fmt.Sprintf("%s: largest error is %.3g of √n·u·Σ|x·w|, float32 kernels stay below %d on data of random signs; within the bound", v.Status, v.Level, ref.AlarmLevel)
	case v.NotHeld > 0 && v.Status == Nothing:
		return fmt.Sprintf("%s: no bound is known for %d of %d numbers", v.Status, v.NotHeld, v.Elements)
	case v.Elements == 0:
		return fmt.Sprintf("%s: the output has no numbers", v.Status)
	case v.Status == Nothing:
		return fmt.Sprintf("%s: of %d numbers none was compared%s", v.Status, v.Elements, v.exceptions())
	case v.Exact == v.Elements:
		return fmt.Sprintf("%s: all %d numbers exact%s", v.Status, v.Elements, v.exceptions())
	}
	return fmt.Sprintf("%s: largest error %.3g is %.3g of its bound%s", v.Status, v.MaxError, v.Share, v.exceptions())
}

// exceptions counts the elements that were not held to a number, by reason.
func (v Verdict) exceptions() string {
	text := ""
	if v.NaN > 0 {
		text += fmt.Sprintf("; %d NaN on both sides", v.NaN)
	}
	if v.Unspecified > 0 {
		text += fmt.Sprintf("; nothing asked of %d numbers, where kernels differ", v.Unspecified)
	}
	if v.Overflowed > 0 {
		text += fmt.Sprintf("; %d not finite, where partial sums may overflow", v.Overflowed)
	}
	return text
}

// Compare holds a device's tensor to the reference. Between finite numbers a
// difference up to the bound passes; NaN must meet NaN, and an infinity the
// same infinity, unless the element's state allows more.
func Compare(want ref.Result, got tensor.Tensor) Verdict {
	return compare(want, got.Shape, len(got.Data), func(i int) (float64, float64) { return float64(got.Data[i]), 0 })
}

// CompareExpectation holds numbers that were written down to the reference.
// They are float32, perhaps computed by a float32 kernel and then rounded to
// be written, so that each may be off by the bound plus one rounding. A NaN that
// was written down is what is asked for, so that it counts as held.
func CompareExpectation(want ref.Result, expected tensor.Tensor) Verdict {
	v := compare(want, expected.Shape, len(expected.Data), func(i int) (float64, float64) {
		return float64(expected.Data[i]), rounding(want.Value[i])
	})
	return v.expectingNaN()
}

// expectingNaN is the verdict where the NaN in it are asked for.
func (v Verdict) expectingNaN() Verdict {
	if v.Status == Nothing && v.NaN > 0 {
		v.Status = Pass
	}
	return v
}

// rounding is the most that rounding to float32 changes a number: half a unit
// in its last place.
func rounding(x float64) float64 {
	if x != x || math.IsInf(x, 0) {
		return 0
	}
	near := float64(float32(x))
	if math.IsInf(near, 0) {
		return 0
	}
	return math.Abs(x - near)
}

// compare asks at for each number and for the slack on top of its bound.
func compare(want ref.Result, shape []int, n int, at func(i int) (number, slack float64)) Verdict {
	v := Verdict{Status: Pass, Elements: len(want.Value)}
	if !slices.Equal(want.Shape, shape) || n != len(want.Value) {
		v.Status, v.Outside = Fail, v.Elements
		v.Note = fmt.Sprintf("output is %s, want %s", tensor.FormatShape(shape), tensor.FormatShape(want.Shape))
		return v
	}
	v.Histogram = make([]int, HistogramBuckets)
	worst, share := -1, -1.0
	for i, value := range want.Value {
		number, slack := at(i)
		bound := want.Bound[i] + slack
		switch want.State[i] {
		case ref.Unspecified:
			v.Unspecified++
			continue
		case ref.NoBound:
			v.NotHeld++
			continue
		}
		if !finite(number) || !finite(value) {
			switch {
			case want.State[i] == ref.OverflowPossible && !finite(number):
				v.Overflowed++
			case number == value || number != number && value != value:
				v.Exact++
				v.Histogram[0]++
				if number != number {
					v.NaN++
				}
			default:
				v.Outside++
				v.Histogram[outside]++
				if share < math.Inf(1) {
					worst, share = i, math.Inf(1)
				}
			}
			continue
		}
		if bound == 0 {
			v.Exact++
		}
		err := math.Abs(number - value)
		part := 0.0
		switch {
		case err == 0:
		case bound == 0:
			part = math.MaxFloat64
		default:
			part = err / bound
		}
		if err > bound {
			v.Outside++
			v.Histogram[outside]++
		} else {
			v.Histogram[bucket(err, bound)]++
		}
		if level := want.Level[i]; level > 0 {
			v.Level = max(v.Level, err/level)
		}
		if part > share {
			worst, share = i, part
		}
	}
	if worst >= 0 {
		number, slack := at(worst)
		v.Worst = tensor.Tensor{Shape: want.Shape}.Index(worst)
		v.Got, v.Want = Number(number), Number(want.Value[worst])
		if share < math.Inf(1) {
			v.MaxError, v.Share, v.Bound = math.Abs(number-want.Value[worst]), share, want.Bound[worst]+slack
			v.ULP = v.MaxError / ref.Spacing(want.Value[worst])
		} else {
			// A number that is not finite where it must be, or the reverse.
			v.Share = math.MaxFloat64
		}
	}
	switch {
	case v.Outside > 0:
		v.Status = Fail
	case v.Elements > 0 && v.held() == 0 || v.NotHeld > 0:
		v.Status = Nothing
	case v.Level > ref.AlarmLevel:
		v.Status = Precision
	case v.Overflowed > 0:
		v.Status = Overflow
	}
	return v
}

func finite(x float64) bool { return x-x == 0 }

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
// after the first n pictures.
func (v Verdict) Merge(next Verdict, n int) Verdict {
	if len(next.Worst) > 0 {
		next.Worst = slices.Clone(next.Worst)
		next.Worst[0] += n
	}
	worse := v
	switch {
	case v.Status == Nothing && v.NotHeld == 0 && next.held() > 0:
		worse = next // numbers of the whole were held
	case next.Status == Nothing && next.NotHeld == 0 && v.held() > 0:
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
