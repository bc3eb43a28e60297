package verdict

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"tfcnn/internal/strict"
)

// Number is a float64 whose JSON form is a number or one of the strings "NaN", "Inf"
// and "-Inf", which are read in upper and lower case.
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

// MarshalJSON writes what is not finite as a string.
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

func finite(x float64) bool { return x-x == 0 }
