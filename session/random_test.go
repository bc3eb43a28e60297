package session_test

import (
	"testing"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// randomCases is how many the test draws; make soak draws more.
const randomCases = 2500

// The draw of cnndemo verify --random, a few seconds of it: what must be
// refused is, with the fault's name, and all else is computed within its bound.
func TestRandomOperations(t *testing.T) {
	b := backend(t)
	computed, refused := map[string]int{}, map[string]int{}
	for i := range randomCases {
		c := draw.Draw(7, i, nil)
		o, err := c.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case o.Status == proof.Fail:
			t.Errorf("%s: %s: %s\nrepeat: %.2000s", o.Op, c.Name, o.Text(), o.Repeat)
		case o.Refusal != "":
			refused[o.Op]++
		default:
			computed[o.Op]++
		}
	}
	for _, op := range proof.Operations() {
		if computed[op] < 40 || refused[op] < 10 {
			t.Errorf("%s: only %d computed, %d refused", op, computed[op], refused[op])
		}
	}
}

// FuzzOperations has the fuzzer choose what is drawn.
func FuzzOperations(f *testing.F) {
	for i := range 24 {
		f.Add(uint64(1), i)
	}
	b := backend(f)
	f.Fuzz(func(t *testing.T, seed uint64, i int) {
		c := draw.Draw(seed, i, nil)
		o, err := c.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if o.Status == proof.Fail {
			t.Errorf("%s: %s\nrepeat: %s", o.Op, o.Text(), o.Repeat)
		}
	})
}
