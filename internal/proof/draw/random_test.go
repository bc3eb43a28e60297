package draw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/ref"
)

// TestMain is the worker too, where the environment says so.
func TestMain(m *testing.M) {
	if how := os.Getenv("TFCNN_TEST_WORKER"); how != "" {
		jobs, answers, err := draw.Protocol()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if text, found := strings.CutPrefix(how, "answers "); found {
			fmt.Fprint(answers, text)
			time.Sleep(time.Hour) // a worker that lives on
		}
		if how == "deaf" {
			time.Sleep(time.Hour)
		}
		var backend proof.Backend = tampered(how)
		if how == "operations alone" {
			backend = struct{ proof.Backend }{backend}
		}
		if err := draw.Serve(context.Background(), jobs, answers, backend); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Text of a library on a worker's standard output is not read as answers.
func TestWorkerPrints(t *testing.T) {
	var printed bytes.Buffer
	w := watch("prints")
	command := w.Command
	w.Command = func() *exec.Cmd {
		c := command()
		c.Stdout = &printed
		return c
	}
	result, err := draw.Random{Seed: 3, Cases: 20, Ops: []string{"relu"}, Parallel: 2}.Run(t.Context(), w)
	w.Close()
	if err != nil || len(result.Failures) > 0 || result.Deaths > 0 || result.Ops[0].Computed == 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if !strings.Contains(printed.String(), "onednn_verbose,") {
		t.Errorf("stdout has %q", printed.String())
	}
}

// A worker that writes a text that is no answer, and lives on, ends the run with an
// error: the run does not hang, and no case fails.
func TestWorkerGarbage(t *testing.T) {
	for text, want := range map[string]string{
		"onednn_verbose,v1,info\n": "proof: worker: answer: not JSON at byte 1: invalid character 'o'",
		"[]\n":                     "proof: worker: answer: not JSON",
		`{"id":77}`:                "proof: worker: answer to job 77, which is not open",
		`{"id":"x"}`:               "proof: worker: answer: not JSON",
	} {
		w := watch("answers " + text)
		w.Limit = time.Hour
		_, err := draw.Random{Seed: 3, Cases: 20, Parallel: 2}.Run(t.Context(), w)
		w.Close()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// A worker that does not read its jobs hangs, also where the pipe is full.
func TestWorkerReadsNothing(t *testing.T) {
	w := watch("deaf")
	defer w.Close()
	c := draw.Draw(1, 0, []string{"relu"})
	c.Operands[0] = tensor.Tensor{Shape: []int{1 << 17}, Data: make([]float32, 1<<17)}
	o, err := w.Run(t.Context(), c)
	if err != nil || o.Failure != "the process died: nothing came of it within 300ms" {
		t.Errorf("%q, %v", o.Failure, err)
	}
}

// Outside a Watch there is no protocol.
func TestProtocolIsRefused(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "TFCNN_TEST_WORKER=right")
	text, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "only another process starts a worker") {
		t.Errorf("%q, %v", text, err)
	}
}

// tampered is a backend that gives the reference's numbers, but for the fault that
// its name says.
type tampered string

func (r tampered) Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error) {
	conv, is := op.(ir.Conv2D)
	result, err := ref.Apply(ctx, op, operands...)
	if err != nil {
		if r == "accepts" && strings.Contains(err.Error(), "stride is") {
			return tensor.Tensor{}, nil
		}
		return tensor.Tensor{}, err
	}
	got := tensor.Tensor{Shape: result.Shape, Data: make([]float32, len(result.Value))}
	for i, v := range result.Value {
		got.Data[i] = float32(v)
	}
	if r == "prints" {
		fmt.Println("onednn_verbose,v1,primitive,exec,cpu")
	}
	once, isOnce := strings.CutPrefix(string(r), "killed once ")
	switch {
	case r == "killed" && is && conv.Dilations[0] > 1, isOnce && is && os.Mkdir(once, 0o700) == nil:
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return tensor.Tensor{}, err
		}
		select {}
	case r == "dies" && is && conv.Dilations[0] > 1:
		os.Exit(7)
	case r == "hangs" && is && conv.Groups > 1:
		select {}
	case r == "wrong" && is && conv.Strides[1] > 1 && len(got.Data) > 0:
		got.Data[len(got.Data)-1] += 1000
	case r == "refuses" && is && conv.Padding.Kind == ir.Same:
		return tensor.Tensor{}, errors.New("no SAME today")
	}
	return got, nil
}

// watch returns a Watch whose worker has a fault. The limit is short where the worker
// hangs; elsewhere a machine under load must not pass it.
func watch(how string) *draw.Watch {
	limit := time.Minute
	if how == "hangs" || how == "deaf" {
		limit = 300 * time.Millisecond
	}
	return &draw.Watch{Limit: limit, Command: func() *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "TFCNN_TEST_WORKER="+how)
		return c
	}}
}

func TestRandom(t *testing.T) {
	for _, tt := range []struct {
		how     string
		failure string // "" none
		repeat  string // a part of the shrunk case
	}{
		{"right", "", ""},
		{"wrong", "device against the reference: fail: 1 of 1 numbers outside", `"strides":[1,`},
		{"dies", "the process died: exit status 7", `"dilations":[2,1]`},
		{"hangs", "the process died: nothing came of it within 300ms", `"groups":`},
		{"refuses", "device: no SAME today", `"padding":"SAME"`},
		{"accepts", `device: got "computed", want it refused with "`, `stride is`},
	} {
		w := watch(tt.how)
		run := draw.Random{Seed: 3, Cases: 60, Ops: []string{"conv2d"}, Parallel: 2, MostFailures: 2, ShrinkTime: 2 * time.Second}
		result, err := run.Run(t.Context(), w)
		w.Close()
		if err != nil {
			t.Fatalf("%s: %v", tt.how, err)
		}
		if (len(result.Failures) == 0) != (tt.failure == "") || (result.Deaths > 0) != (tt.how == "dies" || tt.how == "hangs") {
			t.Errorf("%s: %d failures, %d deaths", tt.how, len(result.Failures), result.Deaths)
		}
		if tt.failure == "" && (result.Cases != 60 || result.Ops[0].Computed+result.Ops[0].Refused+result.Ops[0].Uncompared != 60) {
			t.Errorf("%s: %+v", tt.how, result)
		}
		for _, o := range result.Failures {
			if !strings.HasPrefix(o.Failure, tt.failure) || !strings.Contains(string(o.Repeat), tt.repeat) {
				t.Errorf("%s: %s\n%s", tt.how, o.Failure, o.Repeat)
			}
			if n := len(o.Repeat); n > 500 && tt.how != "accepts" && tt.how != "hangs" {
				t.Errorf("%s: the smallest case has %d bytes: %s", tt.how, n, o.Repeat)
			}
			if _, err := proof.Read("repeat.json", o.Repeat); err != nil {
				t.Errorf("%s: %v", tt.how, err)
			}
		}
	}
}

// A worker that the system kills is no failure of a case: where the case runs
// alone it is, and where that is killed, too, the run ends with an error.
func TestRandomKilled(t *testing.T) {
	run := draw.Random{Seed: 3, Cases: 60, Ops: []string{"conv2d"}, Parallel: 2}
	w := watch("killed")
	_, err := run.Run(t.Context(), w)
	w.Close()
	if !errors.Is(err, draw.ErrKilled) || !strings.HasPrefix(err.Error(), "proof: case ") {
		t.Errorf("got %v", err)
	}
	w = watch("killed once " + filepath.Join(t.TempDir(), "killed"))
	result, err := run.Run(t.Context(), w)
	w.Close()
	if err != nil || len(result.Failures) > 0 || result.Deaths != 1 || result.Cases != 60 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestRandomStops(t *testing.T) {
	w := watch("hangs")
	defer w.Close()
	w.Limit = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := (draw.Random{Seed: 3, Cases: 60, Ops: []string{"conv2d"}, Parallel: 2}).Run(ctx, w); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Every operation that case files know can be drawn, the same each time, valid
// and not; and its JSON reads back the same case.
func TestDraw(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	for _, op := range proof.Operations() {
		valid, faults := 0, map[string]bool{}
		for i := range 80 {
			c := draw.Draw(5, i, []string{op})
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatalf("%s %d: %v", op, i, err)
			}
			again, err := json.Marshal(draw.Draw(5, i, []string{op}))
			if err != nil || string(again) != string(text) {
				t.Fatalf("%s %d: drawn twice\n%s\n%s", op, i, text, again)
			}
			var read proof.Case
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatalf("%s %d: %v\n%.300s", op, i, err, text)
			}
			if fmt.Sprintf("%#v", c.Op) != fmt.Sprintf("%#v", read.Op) || !sameOperands(c, read) {
				t.Fatalf("%s %d: read back as another case\n%.300s", op, i, text)
			}
			o, opErr := read.Op, refusal(read)
			switch {
			case c.Error == "":
				valid++
				if opErr != nil {
					t.Errorf("%s %d: %+v is refused: %v", op, i, o, opErr)
				}
			case opErr == nil && c.Error != "numbers, want":
				t.Errorf("%s %d: %+v passes, want %q", op, i, o, c.Error)
			default:
				faults[c.Error] = true
			}
		}
		if valid < 40 || len(faults) < 1 {
			t.Errorf("%s: %d valid cases, %d kinds of faults", op, valid, len(faults))
		}
	}
}

// refusal returns the error of the operation for the operands' shapes.
func refusal(c proof.Case) error {
	var shapes [][]int
	for _, x := range c.Operands {
		shapes = append(shapes, x.Shape)
	}
	_, err := c.Op.Shape(shapes...)
	return err
}

func sameOperands(a, b proof.Case) bool {
	return slices.EqualFunc(a.Operands, b.Operands, func(s, t tensor.Tensor) bool {
		return slices.Equal(s.Shape, t.Shape) && slices.EqualFunc(s.Data, t.Data, func(u, v float32) bool {
			return math.Float32bits(u) == math.Float32bits(v) || u != u && v != v
		})
	})
}
