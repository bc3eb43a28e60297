package main

import (
	"errors"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// A run with an operation over its budget of unspecified numbers has status 1, and page
// and JUnit show the operation as not held.
func TestRandomOverBudget(t *testing.T) {
	within := draw.OpCount{Op: "relu", Computed: 20, Verdict: proof.Verdict{Status: proof.Pass, Elements: 1000, Unspecified: 400}}
	over := draw.OpCount{Op: "lrn", Computed: 40, OverBudget: true, Verdict: proof.Verdict{Status: proof.Overflow, Elements: 10000, Unspecified: 800}}
	r := randomResult{RandomResult: draw.RandomResult{Seed: 7, Cases: 60, Ops: []draw.OpCount{within}}}
	if err := randomFault(r); err != nil {
		t.Errorf("no operation is over its budget: %v", err)
	}
	r.Ops = append(r.Ops, over)
	var exit *exitError
	err := randomFault(r)
	if want := "verify: lrn: not held: 800 of 10000 numbers are unspecified (8 %), at most 2 % may be, seed 7"; !errors.As(err, &exit) || exit.status != exitCheck || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var v report.Verification
	fillRandom(&v, r)
	if v.Counts[proof.Pass] != 1 || v.Counts[proof.NotHeld] != 1 || v.Outcomes[1].Text() != "not held: 800 of 10000 numbers are unspecified (8 %), at most 2 % may be" {
		t.Errorf("%+v", v)
	}
	r.Failures = make([]proof.Outcome, 2)
	if want := "verify: 2 of 60 cases failed, seed 7"; randomFault(r).Error() != want {
		t.Errorf("got %v, want %s", randomFault(r), want)
	}
	kinds := []draw.KindCount{{Kind: "conv2d", Parts: 2, OverBudget: true, Verdict: proof.Verdict{Status: proof.Pass, Elements: 10000, Unspecified: 800}}}
	networks := randomResult{Networks: &draw.NetworksResult{From: "seed 7", Networks: 5, Kinds: kinds}}
	if want := "verify: conv2d in networks: not held: 800 of 10000 numbers are unspecified (8 %), at most 2 % may be, seed 7"; randomFault(networks).Error() != want {
		t.Errorf("got %v, want %s", randomFault(networks), want)
	}
	if list := networkOutcomes(*networks.Networks); len(list) != 1 || list[0].Status != proof.NotHeld {
		t.Errorf("%+v", list)
	}
	networks.Networks.Failures = make([]proof.Outcome, 3)
	networks.Failures = make([]proof.Outcome, 1)
	if want := "verify: 1 of 0 cases failed, seed 0; 3 of 5 networks failed, seed 7"; randomFault(networks).Error() != want {
		t.Errorf("got %v, want %s", randomFault(networks), want)
	}
}
