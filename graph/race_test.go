//go:build race

package graph

// The race detector makes each step many times as long; that time is linear is seen
// without it.
const many = 3_000
