package tensorflow

import "sync/atomic"

var tuned atomic.Bool

// Tune allows this module to change the process that it runs in, for the rest of
// the process's life. Package session/tuned calls it when it is imported.
func Tune() { tuned.Store(true) }

// Tuned reports whether Tune was called.
func Tuned() bool { return tuned.Load() }
