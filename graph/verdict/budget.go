package verdict

import "fmt"

// MostUnspecified is the budget of an output: the largest part of its numbers that may be
// unspecified.
const MostUnspecified = 0.02

// OverBudget reports whether more than MostUnspecified of the numbers are unspecified.
func (v Verdict) OverBudget() bool {
	return float64(v.Unspecified) > MostUnspecified*float64(v.Elements)
}

// Budgeted returns the verdict. Where it is OK and over its budget, its status becomes
// NotHeld.
func (v Verdict) Budgeted() Verdict {
	if v.OK() && v.OverBudget() {
		v.Status = NotHeld
	}
	return v
}

// UnspecifiedShare returns the part of the numbers that are unspecified, in per cent, as
// "0.31 %".
func (v Verdict) UnspecifiedShare() string {
	return percent(float64(v.Unspecified) / float64(max(v.Elements, 1)))
}

// percent returns a part of a whole as a text with three significant digits.
func percent(part float64) string { return fmt.Sprintf("%.3g %%", 100*part) }
