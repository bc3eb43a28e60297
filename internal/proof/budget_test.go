package proof_test

import (
	"testing"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/prooftest"
)

// An output of which more than 2 % is unspecified is not held, and no verdict gets
// better by that.
func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		name string
		of   proof.Verdict
		is   proof.Status
		text string
	}{
		{"at the budget", proof.Verdict{Status: proof.Pass, Elements: 100, Unspecified: 2, Share: 0.5}, proof.Pass, "pass: largest error 0 is 0.5 of its bound; nothing asked of 2 numbers (2 %), where kernels differ"},
		{"above it", proof.Verdict{Status: proof.Pass, Elements: 149, Unspecified: 3}, proof.NotHeld, "not held: 3 of 149 numbers are unspecified (2.01 %), at most 2 % may be"},
		{"overflow, above it", proof.Verdict{Status: proof.Overflow, Elements: 100, Unspecified: 50, Overflowed: 1}, proof.NotHeld, "not held: 50 of 100 numbers are unspecified (50 %), at most 2 % may be"},
		{"nothing was compared", proof.Verdict{Status: proof.Nothing, Elements: 4, Unspecified: 4}, proof.Nothing, "proves nothing: of 4 numbers none was compared; nothing asked of 4 numbers (100 %), where kernels differ"},
		{"a failure", proof.Verdict{Status: proof.Fail, Elements: 4, Unspecified: 2, Note: "wrong"}, proof.Fail, "fail: wrong"},
		{"no bound is known", proof.Verdict{Status: proof.NotHeld, Elements: 4, Unspecified: 2, Unbounded: 1}, proof.NotHeld, "not held: no bound is known for 1 of 4 numbers"},
		{"no numbers", proof.Verdict{Status: proof.Pass}, proof.Pass, "pass: the output has no numbers"},
	} {
		got := tt.of.Budgeted()
		if got.Status != tt.is || got.String() != tt.text {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.text)
		}
	}
	for share, v := range map[string]proof.Verdict{
		"0 %":      {},
		"0.02 %":   {Elements: 5000, Unspecified: 1},
		"0.0123 %": {Elements: 81037, Unspecified: 10},
		"12.5 %":   {Elements: 8, Unspecified: 1},
	} {
		if got := v.UnspecifiedShare(); got != share {
			t.Errorf("%d of %d: %s, want %s", v.Unspecified, v.Elements, got, share)
		}
	}
}

// The status of a case is the worse of its two verdicts, and a case that is no pass says
// why and can be repeated, also where it was drawn.
func TestWorseOfTwo(t *testing.T) {
	// Partial sums may overflow, so an infinity is right on both sides: of the file it is
	// the only number, of the device there is none.
	const text = `{"name":"n","op":"conv2d","input":{"shape":[1,1,1,2],"data":[3e38,-3e38]},"filter":{"shape":[1,1,2,1],"data":[1,1]},"expect":{"shape":[1,1,1,1],"data":["Inf"]}}`
	c := prooftest.File(t, "f.json", `{"cases":[`+text+`]}`).Cases[0]
	for _, drawn := range []bool{false, true} {
		if drawn {
			c = c.Copy()
		}
		o, err := c.Run(t.Context(), reference{})
		if err != nil || o.Status != proof.Nothing || o.Cause != proof.NumbersCause || o.Failure == "" || !o.Device.OK() || !(o.Seconds > 0) {
			t.Errorf("drawn %v: %+v, %v", drawn, o, err)
		}
		again, err := proof.Read("repeat", o.Repeat)
		if err != nil || len(again.Cases) != 1 || again.Cases[0].Name != "n" {
			t.Errorf("drawn %v: repeats as %s, %v", drawn, o.Repeat, err)
		}
	}
}
