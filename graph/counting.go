package graph

import (
	"errors"
	"math"
)

// errCount is the fault of a network, or a batch of it, whose costs an int64
// does not count.
var errCount = errors.New("costs more than 9,223,372,036,854,775,807, the largest number counted")

// counting adds and multiplies numbers that are not negative, and remembers
// whether one has ever outgrown an int64. What comes out after that is
// worthless.
type counting struct{ outgrown bool }

func (c *counting) product(factors ...int64) int64 {
	n := int64(1)
	for _, f := range factors {
		if f > 0 && n > math.MaxInt64/f {
			c.outgrown, n = true, 0
		}
		n *= f
	}
	return n
}

func (c *counting) sum(terms ...int64) int64 {
	n := int64(0)
	for _, t := range terms {
		n += t
		if n < 0 {
			c.outgrown, n = true, 0
		}
	}
	return n
}

// err is errCount where a number was outgrown.
func (c *counting) err() error {
	if c.outgrown {
		return &Error{Reason: errCount}
	}
	return nil
}
