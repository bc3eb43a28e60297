package baseline_test

import (
	"bytes"
	"os"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/internal/proof/baseline"
)

// FuzzRead: records have as many numbers as their shapes say.
func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("testdata/baseline.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(small(f)))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b baseline.Baseline
		err := hostile.Read(t, "proof: baseline fuzz: ", len(text), hostile.Limits{}, func() (err error) {
			b, err = baseline.Read("fuzz", bytes.NewReader(text))
			return err
		})
		if err != nil {
			return
		}
		for _, r := range b.Records {
			if x := r.Tensor(); r.Shape != nil && x.Check() != nil || (r.Shape == nil) != (r.Refusal != "") {
				t.Errorf("%q: %v, refusal %q", r.Name, x.Check(), r.Refusal)
			}
		}
	})
}
