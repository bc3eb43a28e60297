package ir

import "fmt"

// InputError is an error about the shape of an operation's input. The fault may lie in
// the operation or in the layer that makes the input.
type InputError struct{ reason error }

func (e *InputError) Error() string { return e.reason.Error() }

// Unwrap returns the reason.
func (e *InputError) Unwrap() error { return e.reason }

// InputErrorf is fmt.Errorf for an InputError.
func InputErrorf(format string, arguments ...any) error {
	return &InputError{fmt.Errorf(format, arguments...)}
}

// inputElements is CheckElements for an input.
func inputElements(what string, shape []int) error {
	if err := CheckElements(what, shape); err != nil {
		return &InputError{err}
	}
	return nil
}
