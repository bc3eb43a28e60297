package verdict

import (
	"fmt"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
)

// String returns the verdict in one line.
func (v Verdict) String() string {
	switch {
	case v.Note != "" && (v.Status == Fail || v.Status == NotHeld):
		return fmt.Sprintf("%s: %s", v.Status, v.Note)
	case v.Status == Fail && (!finite(float64(v.Got)) || !finite(float64(v.Want))):
		return fmt.Sprintf("%s: %d of %d numbers outside: at %s got %v, want %v", v.Status, v.Outside, v.Elements, tensor.FormatShape(v.Worst), v.Got, v.Want)
	case v.Status == Fail:
		return fmt.Sprintf("%s: %d of %d numbers outside: at %s got %v, want %v ± %.3g, error %.3g",
			v.Status, v.Outside, v.Elements, tensor.FormatShape(v.Worst), v.Got, v.Want, v.Bound, v.MaxError)
	case v.Status == Precision:
		return fmt.Sprintf("%s: largest error is %.3g times its level, float32 kernels stay below %d on numbers of random signs; within the bound", v.Status, v.Level, ref.AlarmLevel)
	case v.Status == NotHeld && v.Unbounded == 0:
		return fmt.Sprintf("%s: %d of %d numbers are unspecified (%s), at most %s may be", v.Status, v.Unspecified, v.Elements, v.UnspecifiedShare(), percent(MostUnspecified))
	case v.Status == NotHeld:
		return fmt.Sprintf("%s: no bound is known for %d of %d numbers", v.Status, v.Unbounded, v.Elements)
	case v.Elements == 0:
		return fmt.Sprintf("%s: the output has no numbers", v.Status)
	case v.Status == Nothing:
		return fmt.Sprintf("%s: of %d numbers none was compared%s", v.Status, v.Elements, v.exceptions())
	case v.Exact == v.Elements:
		return fmt.Sprintf("%s: all %d numbers exact%s", v.Status, v.Elements, v.exceptions())
	}
	return fmt.Sprintf("%s: largest error %.3g is %.3g of its bound%s", v.Status, v.MaxError, v.Share, v.exceptions())
}

// exceptions returns the counts of the elements that were not compared, by reason.
func (v Verdict) exceptions() string {
	text := ""
	if v.NaN > 0 {
		text += fmt.Sprintf("; %d NaN on both sides", v.NaN)
	}
	if v.Unspecified > 0 {
		text += fmt.Sprintf("; nothing asked of %d numbers (%s), where kernels differ", v.Unspecified, v.UnspecifiedShare())
	}
	if v.Overflowed > 0 {
		text += fmt.Sprintf("; %d not finite, where partial sums may overflow", v.Overflowed)
	}
	return text
}
