package proof_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"tfcnn/internal/ref"
)

var update = flag.Bool("update", false, "write testdata/bounds.txt anew")

// Bounds are no wider and no narrower than they were: for each case of the case
// files, the sums of its bounds and levels, and how many of its numbers have each
// state, in float32 and in the arithmetics of GPUs where they differ. A bound that
// is too wide hides errors, and no device is ever outside it.
func TestBoundsAreKept(t *testing.T) {
	const golden = "testdata/bounds.txt"
	var text strings.Builder
	for _, file := range cases(t) {
		for _, c := range file.Cases {
			before := ""
			for _, a := range []ref.Arithmetic{{}, {TF32: true}, {FFT: true}, {TF32: true, FFT: true}} {
				r, err := ref.ApplyLevels(t.Context(), a, ref.MeasureLevels, c.Op, c.Operands...)
				if err != nil {
					break
				}
				bound, level, states := 0.0, 0.0, [3]int{}
				for i, b := range r.Bound {
					bound += b
					level += r.Level[i]
					states[r.State[i]]++
				}
				// Six digits are the same on machines that fuse additions.
				line := fmt.Sprintf("bound %.6g level %.6g states %v", bound, level, states)
				if line != before {
					fmt.Fprintf(&text, "%s %s {TF32:%v FFT:%v}: %s\n", c.Op.Kind(), c.Name, a.TF32, a.FFT, line)
				}
				before = line
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, kept := strings.Split(text.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(kept)) {
		var a, b string
		if i < len(got) {
			a = got[i]
		}
		if i < len(kept) {
			b = kept[i]
		}
		if a != b {
			t.Errorf("line %d: got %q, want %q; -update writes %s anew", i+1, a, b, golden)
		}
	}
}
