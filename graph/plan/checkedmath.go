package plan

import (
	"errors"
	"math"

	"tfcnn/graph"
)

// errTooLarge is the error of a network, or a batch of it, whose costs overflow an
// int64.
var errTooLarge = errors.New("costs more than 9,223,372,036,854,775,807, the largest number counted")

// checkedMath adds and multiplies numbers that are not negative, and records an
// overflow of int64. After an overflow the results are meaningless.
type checkedMath struct{ overflowed bool }

func (c *checkedMath) product(factors ...int64) int64 {
	n := int64(1)
	for _, f := range factors {
		if f > 0 && n > math.MaxInt64/f {
			c.overflowed, n = true, 0
		}
		n *= f
	}
	return n
}

func (c *checkedMath) sum(terms ...int64) int64 {
	n := int64(0)
	for _, t := range terms {
		n += t
		if n < 0 {
			c.overflowed, n = true, 0
		}
	}
	return n
}

// err returns errTooLarge after an overflow.
func (c *checkedMath) err() error {
	if c.overflowed {
		return &graph.Error{Reason: errTooLarge}
	}
	return nil
}
