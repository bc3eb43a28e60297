// Package sanitizers runs the tests of the cgo part and of sessions under tools that
// find memory errors: cgo's pointer checks, checkptr, a garbage collector that runs all
// the time and overwrites freed memory, the race detector and AddressSanitizer. For
// each tool it also runs code with a fault, which the tool must report: make hostile.
package sanitizers
