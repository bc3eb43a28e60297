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

// NoLeaks fails the test for each session that was opened after this call and is open
// when the test ends, and names the place that opened the session. Functions that the
// test registers with Cleanup after NoLeaks run before the check. NoLeaks is not for
// tests that run in parallel: it counts the sessions of all of them.
func NoLeaks(t testing.TB) {
	t.Helper()
	begun := leak.Now()
	t.Cleanup(func() {
		for _, l := range leak.Since(begun) {
			t.Errorf("sessiontest: %s", l)
		}
	})
}

// Main runs a package's tests, for its TestMain, and returns the exit code: that of the
// tests, or 1 where they pass and leave sessions open, which Main names on stderr.
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
