package proof

import (
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/graph/verdict"
	"tfcnn/internal/ref"
)

// Compare compares a device's tensor with the reference. Between finite numbers a
// difference up to the bound passes; NaN must meet NaN, and an infinity the
// same infinity, unless the element's state allows more (claim 30: Numbers within
// their bounds). Where the reference is judged by its levels, a larger error than ref.AlarmLevel times the level is Precision.
func Compare(want ref.Result, got tensor.Tensor) Verdict {
	return compare(want, got.Shape, len(got.Data), func(i int) (float64, float64) { return float64(got.Data[i]), 0 })
}

// CompareExpectation compares numbers of a case file with the reference. They are
// float32, perhaps computed by a float32 kernel and then rounded for the file, so
// that each may be off by the bound plus one rounding (claim 34: Written answers). A NaN in the file is
// expected, so that it counts as compared.
func CompareExpectation(want ref.Result, expected tensor.Tensor) Verdict {
	v := compare(want, expected.Shape, len(expected.Data), func(i int) (float64, float64) {
		return float64(expected.Data[i]), rounding(want.Value[i])
	})
	return expectingNaN(v)
}

// expectingNaN returns the verdict where its NaN are expected.
func expectingNaN(v Verdict) Verdict {
	if v.Status == Nothing && v.NaN > 0 {
		v.Status = Pass
	}
	return v
}

// rounding is what rounding to float32 changes in a number; 0 where the result is not
// finite.
func rounding(x float64) float64 {
	near := float64(float32(x))
	if !finite(near) {
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
	v.Histogram = make([]int, verdict.HistogramBuckets)
	worst, share := -1, -1.0
	for i, value := range want.Value {
		number, slack := at(i)
		bound := want.Bound[i] + slack
		switch want.State[i] {
		case ref.Unspecified:
			v.Unspecified++
			continue
		case ref.NoBound:
			v.Unbounded++
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
				v.Histogram[verdict.HistogramBuckets-1]++
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
		}
		v.Histogram[verdict.Bucket(err, bound)]++
		if want.Level != nil && want.Level[i] > 0 {
			v.Level = max(v.Level, err/want.Level[i])
		}
		if part > share {
			worst, share = i, part
		}
	}
	if worst >= 0 {
		number, slack := at(worst)
		v.Worst = tensor.Tensor{Shape: want.Shape}.Index(worst)
		v.Got, v.Want = verdict.Number(number), verdict.Number(want.Value[worst])
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
	case v.Unbounded > 0:
		v.Status = NotHeld
	case v.Elements > 0 && v.Compared() == 0:
		v.Status = Nothing
	case want.Judged && v.Level > ref.AlarmLevel:
		v.Status = Precision
	case v.Overflowed > 0:
		v.Status = Overflow
	}
	return v
}

func finite(x float64) bool { return x-x == 0 }
