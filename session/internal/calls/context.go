package calls

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrNoContext is the error of a method whose ctx is nil. Nothing is counted.
var ErrNoContext = errors.New("ctx is nil, want one, as context.Background()")

// Ended is the error of a ctx that has ended. It is never nil.
func Ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled // the ctx is broken: its Done is closed
}

// Guarded calls f on a goroutine of this module's own, where a panic would end
// the process: the panic becomes f's error.
func Guarded(f func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("internal fault: panic: %v", reason)
		}
	}()
	return f()
}

// Times is a·b for a, b ≥ 0, and the largest int64 where that overflows.
func Times(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}
