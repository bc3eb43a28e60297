// Package tuning remembers whether the program has imported session/tuned, which
// allows this module to change the process that it runs in.
package tuning

import "sync/atomic"

var allowed atomic.Bool

// Allow allows it for the rest of the process's life.
func Allow() { allowed.Store(true) }

// Allowed reports whether Allow was called.
func Allowed() bool { return allowed.Load() }
