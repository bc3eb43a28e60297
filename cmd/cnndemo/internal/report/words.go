package report

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
)

// grouped is a whole number with a comma between thousands.
func grouped[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Grouped is a whole number with a comma between thousands.
func Grouped(n int64) string { return grouped(n) }

// count is a number of things: "1 row", "3 rows".
func count[N int | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// decimal is a float32 in as few digits as tell it from its neighbours; whole
// numbers have commas.
func decimal(v float32) string {
	if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1e9 {
		return grouped(int64(f))
	}
	return strings.Replace(strconv.FormatFloat(float64(v), 'g', -1, 32), "-", "−", 1)
}

// figures is a number in three figures.
func figures(v float64) string {
	digits := fmt.Sprintf("%.2e", v)
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) >= 0.001 && math.Abs(v) < 1e6:
		digits = strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(digits)
}

// Bytes is a number of bytes in the unit that suits it, as terminal and pages
// have it: 11.4 MiB.
func Bytes(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	x, at := float64(n), 0
	for ; (x >= 1024 || x <= -1024) && at < len(units)-1; at++ {
		x /= 1024
	}
	if at == 0 {
		return fmt.Sprintf("%d %s", n, units[0])
	}
	return fmt.Sprintf("%.1f %s", x, units[at])
}

// duration is a time as people say it; "–" where there is none.
func duration(seconds float64) string {
	switch {
	case seconds <= 0:
		return "–"
	case seconds < 0.001:
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	case seconds < 0.01:
		return fmt.Sprintf("%.1f ms", seconds*1e3)
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// by joins sizes: 214×320.
func by(sizes ...int) string {
	var text []string
	for _, n := range sizes {
		text = append(text, strconv.Itoa(n))
	}
	return strings.Join(text, "×")
}

// byOrNone is by of two sizes, or "–" for a layer that has none.
func byOrNone(sizes [2]int) string {
	if sizes == [2]int{} {
		return "–"
	}
	return by(sizes[:]...)
}

// list joins words: a, b and c.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// short is a file's name without its folder, quoted.
func short(name string) string { return quote.Plain(filepath.Base(name)) }

// verdictWords is the outcome of all comparisons: a headline, and a sentence.
func verdictWords(v *proof.Verdict) (headline, sentence string) {
	if v == nil {
		return "Not verified", "The run did not compare its numbers with the reference, as --no-verify asks."
	}
	n := grouped(v.Elements)
	rest := ""
	if v.Unspecified > 0 {
		rest += fmt.Sprintf(" Nothing is asked of %s (%s), where correct kernels differ.", count(v.Unspecified, "number"), v.UnspecifiedShare())
	}
	if v.NaN > 0 {
		rest += fmt.Sprintf(" %s NaN on both sides, which compares nothing.", isAre(v.NaN))
	}
	if v.Overflowed > 0 {
		rest += fmt.Sprintf(" %s not finite, where partial sums may leave float32’s range.", isAre(v.Overflowed))
	}
	largest := fmt.Sprintf("The largest error is %s.", ofBound(v.Share))
	if v.MaxError == 0 {
		largest = "None has any error."
	}
	switch {
	case v.Status == proof.Fail && v.Note != "":
		return "The output has the wrong shape", v.Note + "."
	case v.Status == proof.Fail:
		return fmt.Sprintf("%s of %s numbers %s outside %s bounds", grouped(v.Outside), n, map[bool]string{true: "lies", false: "lie"}[v.Outside == 1], map[bool]string{true: "its", false: "their"}[v.Outside == 1]),
			"A correct float32 kernel cannot be this far from the reference." + rest
	case v.Status == proof.Precision:
		return fmt.Sprintf("All %s numbers are within their bounds, but less precise than float32", n),
			fmt.Sprintf("On numbers of random signs the errors are up to %s times their level, more than float32 kernels make: the device seems to round its inputs.%s", figures(v.Level), rest)
	case v.Elements == 0:
		return "There are no numbers", "The output is empty, as the reference’s."
	case v.Status == proof.NotHeld:
		return fmt.Sprintf("No bound is known for %s of %s numbers: they were not compared", grouped(v.Unbounded), n), strings.TrimSpace(rest)
	case v.Status == proof.Nothing:
		return fmt.Sprintf("Of %s numbers none was compared: this proves nothing", n), strings.TrimSpace(rest)
	case v.Exact == v.Elements:
		return fmt.Sprintf("All %s numbers are exact", n),
			"Every number has to equal the reference’s to the last bit, and does." + rest
	case v.Status == proof.Overflow:
		return fmt.Sprintf("All %s numbers are within their bounds, or not finite where that is right", n), largest + rest
	}
	return fmt.Sprintf("All %s numbers are within their bounds", n), largest + rest
}

func isAre(n int) string {
	if n == 1 {
		return "1 is"
	}
	return grouped(n) + " are"
}

// ofBound is a share of a bound in words.
func ofBound(share float64) string {
	switch {
	case share == 0:
		return "0 % of its bound"
	case share < 1e-4:
		return fmt.Sprintf("%.1e of its bound", share)
	case share < 0.01:
		return fmt.Sprintf("%.2g %% of its bound", 100*share)
	case share < 2:
		return fmt.Sprintf("%.3g %% of its bound", 100*share)
	case share >= math.MaxFloat64:
		return "wrong whatever the bound"
	}
	return figures(share) + " times its bound"
}
