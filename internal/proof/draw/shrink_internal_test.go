package draw

import (
	"encoding/json"
	"testing"

	"tfcnn/internal/proof"
)

// A smaller case is another case that can be written and read, and leaves the case
// that it was made of as it was.
func TestSmallerCases(t *testing.T) {
	text := func(c Case) string {
		t.Helper()
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, op := range proof.Operations() {
		smaller := 0
		for i, tried := 0, 0; tried < 3; i++ {
			c := Draw(3, i, []string{op})
			before := text(c)
			if len(before) > 2000 {
				continue // that shrinks in the same ways, and takes longer
			}
			tried++
			for _, other := range smallerCases(c) {
				smaller++
				written := text(other)
				var read Case
				if err := json.Unmarshal([]byte(written), &read); err != nil {
					t.Fatalf("%s: %v", written, err)
				}
				if again := text(read); again != written {
					t.Errorf("%s\ncame back as\n%s", written, again)
				}
				if written == before {
					t.Errorf("%s is no smaller", before)
				}
			}
			if after := text(c); after != before {
				t.Errorf("%s\nwas changed to\n%s", before, after)
			}
		}
		if smaller == 0 {
			t.Errorf("%s has no smaller cases", op)
		}
	}
}
