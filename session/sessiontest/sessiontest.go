// Package sessiontest finds sessions that a test has not closed.
//
//	func TestService(t *testing.T) {
//		sessiontest.NoLeaks(t)
//		…
//	}
package sessiontest

import (
	"testing"

	"tfcnn/internal/leak"
)

// NoLeaks fails the test, when it and what it has registered with Cleanup
// after this call are through, for each session that was opened since and is
// not closed, and names the place that opened it. Sessions that tests beside
// it have open count too: it is not for tests that run in parallel.
func NoLeaks(t testing.TB) {
	t.Helper()
	begun := leak.Now()
	t.Cleanup(func() {
		for _, l := range leak.Since(begun) {
			t.Errorf("sessiontest: %s", l)
		}
	})
}

// Main runs a package's tests, for its TestMain, and gives the code to exit
// with: that of the tests, or 1 where they pass and have left sessions open,
// which are named on stderr.
//
//	func TestMain(m *testing.M) { os.Exit(sessiontest.Main(m)) }
func Main(m interface{ Run() int }) int {
	code := m.Run()
	for _, l := range leak.Since(0) {
		println("sessiontest:", l.String())
		code = max(code, 1)
	}
	return code
}
