package proof

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"tfcnn/internal/strict"
)

// Number is a float64 whose JSON form may be a number or one of the strings
// "NaN", "Inf" and "-Inf".
type Number float64

// String is the shortest text that reads back as the same number.
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

// MarshalJSON writes what is not finite as a string.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); finite(x) {
		return json.Marshal(x)
	}
	return []byte(`"` + n.String() + `"`), nil
}

// UnmarshalJSON reads a number or one of the three strings.
func (n *Number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*n = Number(math.NaN())
	case `"Inf"`:
		*n = Number(math.Inf(1))
	case `"-Inf"`:
		*n = Number(math.Inf(-1))
	default:
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil || !finite(x) || text[0] == '"' {
			return fmt.Errorf(`%s is no number, want a number, "NaN", "Inf" or "-Inf"`, strict.Excerpt(text))
		}
		*n = Number(x)
	}
	return nil
}
