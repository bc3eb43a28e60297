// Package proof compares what a device computed with the reference, and gives the
// verdict. It knows no session: a Backend is handed to it.
//
//	want, err := ref.Apply(ctx, op, input, filter)
//	verdict := proof.Compare(want, got)
//	fmt.Println(verdict) // pass: largest error 1.9e-06 is 0.021 of its bound
package proof

import "tfcnn/graph/verdict"

// Verdict and Status are those of the public package graph/verdict.
type (
	Verdict = verdict.Verdict
	Status  = verdict.Status
)

// The statuses of package graph/verdict, from good to bad.
const (
	Pass      = verdict.Pass
	Overflow  = verdict.Overflow
	Precision = verdict.Precision
	Nothing   = verdict.Nothing
	NotHeld   = verdict.NotHeld
	Fail      = verdict.Fail
)

// Statuses are all of them, from good to bad.
var Statuses = verdict.Statuses
