package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangs is how long a process may take that should have ended: the test fails,
// and does not wait for ever.
const hangs = 30 * time.Second

// program starts cnndemo.
func program(t *testing.T, stdout io.Writer, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path, err := exec.LookPath("cnndemo")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, arguments...)
	cmd.Env = append(os.Environ(), "TF_ENABLE_ONEDNN_OPTS=0")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, &stderr
}

// end waits until a process that was sent a signal has ended, and checks how.
func end(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer, want string) {
	t.Helper()
	sent := time.Now()
	hung := time.AfterFunc(hangs, func() { cmd.Process.Kill() })
	defer hung.Stop()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("exit status %d, stderr %q, want %d and %q", got, stderr, exitInterrupted, want)
	}
	t.Logf("ended %v after the signal", time.Since(sent).Round(time.Millisecond))
}

func fifo(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writer opens a FIFO when a process reads it, which then waits for what comes.
func writer(t *testing.T, path string) *os.File {
	t.Helper()
	for start := time.Now(); time.Since(start) < hangs; time.Sleep(5 * time.Millisecond) {
		file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			t.Cleanup(func() { file.Close() })
			return file
		}
	}
	t.Fatalf("nobody reads %s", path)
	return nil
}

const nothingWritten = "cnndemo: interrupted, nothing was written\n"

// A read that waits for ever: one signal ends the command, wherever the file is
// named.
func TestInterruptWaiting(t *testing.T) {
	image := filepath.Join(t.TempDir(), "a.png")
	if err := writeImage(image, 8, 8); err != nil {
		t.Fatal(err)
	}
	for i, arguments := range [][]string{
		{"run", image, "--filter", "FIFO.npy"},
		{"run", image, "FIFO.png"},
		{"verify", "--net", "lenet5", "--weights", "FIFO.npz"},
		{"verify", "--net", "lenet5", "FIFO.png"},
		{"verify", "--cases", "FIFO.json"},
		{"verify", "--against", "FIFO.json"},
		{"nets", "FIFO.json"},
		{"plan", "FIFO.json"},
		{"draw", "FIFO.json"},
		{"profile", "FIFO.json"},
		{"profile", "lenet5", "--weights", "FIFO.npz"},
		{"profile", "lenet5", "FIFO.png"},
	} {
		t.Run(strings.Join(arguments[:len(arguments)-1], " "), func(t *testing.T) {
			t.Parallel()
			last := &arguments[len(arguments)-1]
			*last = fifo(t, *last)
			out := filepath.Join(t.TempDir(), "made", "out")
			if arguments[0] == "run" {
				arguments = append(arguments, "--out", out)
			}
			cmd, stderr := program(t, nil, arguments...)
			writer(t, *last)
			if err := cmd.Process.Signal([]os.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]); err != nil {
				t.Fatal(err)
			}
			end(t, cmd, stderr, nothingWritten)
			if _, err := os.Stat(filepath.Dir(out)); !os.IsNotExist(err) {
				t.Errorf("the output folder is still there: %v", err)
			}
		})
	}
}

// A command ends at a signal while it waits in open(2), for the other end of a FIFO.
func TestInterruptOpening(t *testing.T) {
	first, second := fifo(t, "a.json"), fifo(t, "b.json")
	cmd, stderr := program(t, nil, "verify", "--cases", first, "--cases", second)
	w := writer(t, first)
	if _, err := io.WriteString(w, `{"cases":[{"op":"relu","input":{"shape":[1],"data":[1]}}]}`); err != nil {
		t.Fatal(err)
	}
	w.Close()
	time.Sleep(200 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	end(t, cmd, stderr, nothingWritten)
}

// A command ends at a signal in a computation that takes no context, and in a write to
// a pipe without a reader.
func TestInterruptPlan(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"input":{"height":8,"width":8,"channels":1},"layers":[{"type":"relu"}`)
	for range 60_000 {
		text.WriteString(`,{"type":"relu"}`)
	}
	text.WriteString("]}")
	path := fifo(t, "net.json")
	read, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer full.Close()
	cmd, stderr := program(t, full, "plan", path)
	w := writer(t, path)
	if err := syscall.SetNonblock(int(w.Fd()), false); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		t.Fatal(err)
	}
	w.Close()
	time.Sleep(100 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	end(t, cmd, stderr, nothingWritten)
}

// The worker of random cases ends with the command.
func TestInterruptRandom(t *testing.T) {
	cmd, stderr := program(t, nil, "verify", "--random", "100000000")
	var workers []int
	for start := time.Now(); len(workers) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > hangs {
			t.Fatal("no worker was started")
		}
		workers = children(t, cmd.Process.Pid)
	}
	time.Sleep(300 * time.Millisecond) // some cases run
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	end(t, cmd, stderr, nothingWritten)
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		left := slices.DeleteFunc(slices.Clone(workers), func(pid int) bool {
			state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || bytes.Contains(state, []byte(") Z "))
		})
		if len(left) == 0 {
			return
		}
		if time.Since(start) > hangs {
			t.Fatalf("workers are left: %v", left)
		}
	}
}

// children are the processes that a process has started.
func children(t *testing.T, parent int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		t.Skip("no /proc")
	}
	var list []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, pid)
		}
	}
	return list
}

// supervise ends with the status of a command that returns, and with 130 where it does
// not.
func TestSupervise(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	wait := func() { <-release }
	for _, tt := range []struct {
		name    string
		signals int
		command func(ctx context.Context, w *work, ready func()) int // ready sends the signals
		status  int
		text    string
	}{
		{"done", 0, func(_ context.Context, _ *work, ready func()) int { ready(); return exitCheck }, exitCheck, ""},
		{"heeds its context", 1, func(ctx context.Context, _ *work, ready func()) int { ready(); <-ctx.Done(); return exitInterrupted }, exitInterrupted, nothingWritten},
		{"was through", 1, func(ctx context.Context, _ *work, ready func()) int { ready(); <-ctx.Done(); return 0 }, 0, ""},
		{"does not return", 1, func(_ context.Context, _ *work, ready func()) int { ready(); wait(); return 0 }, exitInterrupted, nothingWritten},
		{"undoes", 1, func(_ context.Context, w *work, ready func()) int {
			undone := make(chan struct{})
			defer w.begin(func() { close(undone) })()
			ready()
			<-undone // and then never returns
			wait()
			return 0
		}, exitInterrupted, nothingWritten},
		{"cannot undo", 1, func(_ context.Context, w *work, ready func()) int {
			defer w.begin(wait)()
			ready()
			wait()
			return 0
		}, exitInterrupted, ""},
		{"cannot undo, two signals", 3, func(_ context.Context, w *work, ready func()) int {
			defer w.begin(wait)()
			ready()
			wait()
			return 0
		}, exitInterrupted, ""},
		{"has written", 1, func(_ context.Context, w *work, ready func()) int {
			w.wrote("a.xml")
			w.wrote("b\n.json")
			ready()
			wait()
			return 0
		}, exitInterrupted, "cnndemo: interrupted after it had written a.xml, \"b\\n.json\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			signals := make(chan os.Signal, 3)
			ready := func() {
				for range tt.signals {
					signals <- syscall.SIGINT
				}
			}
			var stderr bytes.Buffer
			w := new(work)
			status := supervise(signals, &stderr, w, func(ctx context.Context) int { return tt.command(ctx, w, ready) })
			if status != tt.status || stderr.String() != tt.text {
				t.Errorf("status %d, %q, want %d, %q", status, &stderr, tt.status, tt.text)
			}
		})
	}
}
