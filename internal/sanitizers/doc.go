// Package sanitizers runs the tests of the cgo part and of sessions under whatever
// looks for wrong memory: cgo's pointer checks, checkptr, a garbage collector
// that runs all the time and overwrites what it frees, the race detector and
// AddressSanitizer. And it breaks the code on purpose, for each of them to see
// that it notices: make hostile.
package sanitizers
