package proof

import (
	"fmt"
	"math"

	"tfcnn/graph/verdict"
)

// Number is a number of a case, in JSON as a verdict.Number.
type Number verdict.Number

// String returns the shortest text that reads back as the same number.
func (n Number) String() string { return verdict.Number(n).String() }

// MarshalJSON writes what is not finite as a string.
func (n Number) MarshalJSON() ([]byte, error) { return verdict.Number(n).MarshalJSON() }

// UnmarshalJSON reads a number, "NaN", "Inf" or "-Inf".
func (n *Number) UnmarshalJSON(text []byte) error { return (*verdict.Number)(n).UnmarshalJSON(text) }

// float32 returns the number rounded to float32.
func (n Number) float32() (float32, error) {
	x := float32(n)
	if math.IsInf(float64(x), 0) && finite(float64(n)) {
		return 0, fmt.Errorf("%v is beyond float32's range", n)
	}
	return x, nil
}
