// Package fault gives the errors of image files their kinds.
//
//	return fault.Damaged("JPEG: broken or truncated file: %d bytes are missing", n)
//	…
//	if errors.Is(err, fault.ErrDamaged) { … }
package fault

import (
	"errors"
	"fmt"
)

// The kinds of a fault. Package images documents and exports them.
var (
	ErrDamaged     = errors.New("damaged image")
	ErrUnsupported = errors.New("no image that is decoded")
	ErrTooLarge    = errors.New("image too large")
)

// fault is an error of a kind. Its text does not repeat the kind.
type fault struct{ kind, reason error }

func (f *fault) Error() string   { return f.reason.Error() }
func (f *fault) Unwrap() []error { return []error{f.kind, f.reason} }

// Damaged formats an error that wraps ErrDamaged.
func Damaged(format string, a ...any) error {
	return &fault{ErrDamaged, fmt.Errorf(format, a...)}
}

// Unsupported formats an error that wraps ErrUnsupported.
func Unsupported(format string, a ...any) error {
	return &fault{ErrUnsupported, fmt.Errorf(format, a...)}
}

// TooLarge formats an error that wraps ErrTooLarge.
func TooLarge(format string, a ...any) error {
	return &fault{ErrTooLarge, fmt.Errorf(format, a...)}
}
