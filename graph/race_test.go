//go:build race

package graph

// The race detector makes each step many times as long; the test without it shows that
// the time is linear.
const many = 3_000
