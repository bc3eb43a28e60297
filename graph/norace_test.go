//go:build !race

package graph

// many is so large that an algorithm which looks at each pair of layers takes
// minutes: 5·10⁹ pairs. The test binary's time limit is the check.
const many = 100_000
