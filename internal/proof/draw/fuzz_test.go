package draw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// FuzzServe: a worker answers every job that it can read once, by its number,
// and ends with the input.
func FuzzServe(f *testing.F) {
	for i, op := range proof.Operations() {
		f.Add(fmt.Appendf(nil, "{\"id\":1,\"seed\":3,\"number\":%d,\"ops\":[%q]}\n", i, op))
		c, err := draw.Draw(9, i, []string{op}).MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(fmt.Appendf(nil, "{\"id\":2,\"case\":%s}\n{\"id\":3,\"seed\":1}\n", c))
	}
	f.Add([]byte(`{"id":1,"ops":["conv3d"]}`))
	f.Add([]byte(`{"id":1,"case":{"op":"pad","input":{"shape":[1,1,1,1],"data":[1]},"padding":[[16000000,16000000],[20,20]]}}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := draw.Serve(ctx, bytes.NewReader(lines), &out, tampered("right"))
		jobs := map[int]int{}
		for decoder := json.NewDecoder(bytes.NewReader(lines)); ; {
			var job struct {
				ID int `json:"id"`
			}
			if decoder.Decode(&job) != nil {
				break
			}
			jobs[job.ID]++
		}
		for answers := json.NewDecoder(&out); ; {
			var answer struct {
				ID      int
				Outcome proof.Outcome
			}
			if err := answers.Decode(&answer); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("answers are no JSON: %v", err)
			}
			if jobs[answer.ID]--; jobs[answer.ID] < 0 {
				t.Errorf("an answer to %d, which is no job", answer.ID)
			}
			_ = answer.Outcome.Text()
			if o := answer.Outcome; o.Repeat != nil {
				if _, err := proof.Read("repeat", o.Repeat); err != nil {
					t.Errorf("%s cannot be repeated: %v", o.Repeat, err)
				}
			}
		}
		if err != nil {
			return
		}
		for id, n := range jobs {
			if n != 0 {
				t.Errorf("job %d was read, and not answered", id)
			}
		}
	})
}
