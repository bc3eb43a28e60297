package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tfcnn/graph/tensor"
)

// counter is a runner that takes a millisecond, and fails from call bad on.
type counter struct {
	calls atomic.Int64
	bad   int64
}

func (c *counter) Run(i int) (any, error) {
	n := c.calls.Add(1)
	if c.bad > 0 && n >= c.bad {
		return nil, fmt.Errorf("call %d", n)
	}
	time.Sleep(time.Millisecond)
	return float32(i), nil
}

func (c *counter) Numbers(result any) ([]tensor.Tensor, error) {
	return []tensor.Tensor{{Shape: []int{1}, Data: []float32{result.(float32)}}}, nil
}

func (c *counter) Close() error { return nil }

// serve answers some requests.
func serve(t *testing.T, prepare func(Job) (Runner, string, error), requests ...Request) []Reply {
	t.Helper()
	var in, out strings.Builder
	for _, r := range requests {
		if err := json.NewEncoder(&in).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Serve(strings.NewReader(in.String()), &out, prepare); err != nil {
		t.Fatal(err)
	}
	var replies []Reply
	for line := range strings.Lines(out.String()) {
		var r Reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("reply %q: %v", line, err)
		}
		replies = append(replies, r)
	}
	if len(replies) != len(requests) {
		t.Fatalf("%d replies to %d requests", len(replies), len(requests))
	}
	return replies
}

func TestServe(t *testing.T) {
	folder := t.TempDir()
	if err := (Job{Row: "r", Inputs: 3}).Write(folder); err != nil {
		t.Fatal(err)
	}
	runner := &counter{}
	replies := serve(t,
		func(j Job) (Runner, string, error) { return runner, "counter of " + j.Row, nil },
		Request{Do: "calls", Most: 1}, // before anything is prepared
		Request{Do: "prepare", Folder: folder},
		Request{Do: "calls", Warm: 2, Most: 5, Seconds: 100},
		Request{Do: "calls", Least: 4, Most: 100},
		Request{Do: "results", Folder: folder},
		Request{Do: "callers", Callers: 8, Seconds: 0.02},
		Request{Do: "dance"},
	)
	if replies[0].Error == "" || replies[6].Error == "" {
		t.Errorf("wrong requests are answered %+v, %+v", replies[0], replies[6])
	}
	if replies[1].About != "counter of r" {
		t.Errorf("prepare: %+v", replies[1])
	}
	if n := len(replies[2].Seconds); n != 5 || replies[2].Seconds[0] < 0.001 {
		t.Errorf("at most 5 calls of a millisecond: %v", replies[2].Seconds)
	}
	if n := len(replies[3].Seconds); n != 4 {
		t.Errorf("at least 4 calls, no time left: %d", n)
	}
	for i := range 3 {
		file, err := os.Open(filepath.Join(folder, ResultFile(i, 0)))
		if err != nil {
			t.Fatal(err)
		}
		x, err := tensor.ReadNPY(file)
		file.Close()
		if err != nil || x.Data[0] != float32(i) {
			t.Errorf("result of input %d is %v, %v", i, x, err)
		}
	}
	// Eight callers at once do more than one after the other could.
	if r := replies[5]; len(r.Seconds) < 16 || r.Wall < 0.02 || float64(len(r.Seconds))*0.001 < r.Wall {
		t.Errorf("callers: %d calls in %v s", len(r.Seconds), r.Wall)
	}
}

func TestServeFailures(t *testing.T) {
	folder := t.TempDir()
	if err := (Job{Inputs: 1}).Write(folder); err != nil {
		t.Fatal(err)
	}
	cannot := serve(t, func(Job) (Runner, string, error) { return nil, "", fmt.Errorf("groups: %w", ErrCannot) },
		Request{Do: "prepare", Folder: folder})
	if !cannot[0].Cannot || !strings.Contains(cannot[0].Error, "groups") {
		t.Errorf("cannot: %+v", cannot[0])
	}
	broken := serve(t, func(Job) (Runner, string, error) { return nil, "", errors.New("broken") },
		Request{Do: "prepare", Folder: folder}, Request{Do: "prepare", Folder: folder + "/none"})
	if broken[0].Cannot || broken[0].Error != "broken" || broken[1].Error == "" {
		t.Errorf("broken: %+v", broken)
	}
	late := serve(t, func(Job) (Runner, string, error) { return &counter{bad: 3}, "", nil },
		Request{Do: "prepare", Folder: folder}, Request{Do: "calls", Most: 5, Seconds: 1}, Request{Do: "callers", Callers: 2, Seconds: 1})
	if late[1].Error != "call 3" || late[1].Seconds != nil || !strings.Contains(late[2].Error, "call") {
		t.Errorf("failing calls: %+v", late)
	}
}
