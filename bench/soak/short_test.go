package main

import (
	"math"
	"testing"
	"time"
)

// Short forms of make soak: every call gets its own answer or its own error,
// no goroutine is left, and what is fed is not kept.
func TestSoak(t *testing.T) {
	short := Plan{Images: 24, Batches: 24, Cycles: 6, Seed: 1, Growth: math.Inf(1)} // the process still warms up
	t.Run("memory", func(t *testing.T) {
		plan := short
		plan.Runs = 3000
		report, err := Memory(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		// malloc keeps some 50 MB more by then than after the first tenth; 3,000
		// runs are fed 200.
		first, last := report.Samples[0], report.Samples[len(report.Samples)-1]
		if grown, fed := last.RSS-first.RSS, last.Fed-first.Fed; grown > fed/2 {
			t.Errorf("the process grew by %d bytes, %d were fed", grown, fed)
		}
	})
	t.Run("load", func(t *testing.T) {
		plan := short
		plan.Time, plan.Reopen = 3*time.Second, 100*time.Millisecond
		plan.Shares = Shares{Outputs: 0.05, Traced: 0.01, Bad: 0.1, Done: 0.02, During: 0.1, Deadline: 0.05}
		report, err := Load(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		for kind, n := range report.Counts {
			if n.Calls != n.Answers+n.Errors+n.Canceled+n.Closed {
				t.Errorf("%s: %+v do not add up", kind, *n)
			}
		}
		if report.Reopened == 0 {
			t.Error("no session was closed under its callers")
		}
	})
}
