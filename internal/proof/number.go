package proof

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"tfcnn/internal/strict"
)

// Number is a float64 that JSON may have as a number or one of the strings
// "NaN", "Inf" and "-Inf", which are read in upper and lower case.
type Number float64

// String returns the shortest text that reads back as the same number.
func (n Number) String() string {
	switch x := float64(n); {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Inf"
	case math.IsInf(x, -1):
		return "-Inf"
	default:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
}

// float32 returns the number rounded to float32.
func (n Number) float32() (float32, error) {
	x := float32(n)
	if math.IsInf(float64(x), 0) && finite(float64(n)) {
		return 0, fmt.Errorf("%v is beyond float32's range", n)
	}
	return x, nil
}

// MarshalJSON writes a number that is not finite as a string.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); finite(x) {
		return json.Marshal(x)
	}
	return []byte(`"` + n.String() + `"`), nil
}

// UnmarshalJSON reads a number or one of the three strings.
func (n *Number) UnmarshalJSON(text []byte) error {
	wrong := func() error {
		return fmt.Errorf(`%s is no number, want a number, "NaN", "Inf" or "-Inf"`, strict.Excerpt(text))
	}
	if text[0] == '"' {
		word, err := strict.String(text)
		if err == nil {
			word, err = strict.Choice("number", word, []string{"NaN", "Inf", "-Inf"})
		}
		if err != nil {
			return wrong()
		}
		*n = map[string]Number{"NaN": Number(math.NaN()), "Inf": Number(math.Inf(1)), "-Inf": Number(math.Inf(-1))}[word]
		return nil
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !finite(x) {
		return wrong()
	}
	*n = Number(x)
	return nil
}
