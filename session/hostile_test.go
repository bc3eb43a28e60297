package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/profile"
)

// A session that is nil, or that Open has not made, is closed.
func TestNoSession(t *testing.T) {
	batch := batchOf(vocabulary, 1, 1)
	for _, s := range []*session.Session{nil, {}} {
		_, run := s.Run(t.Context(), batch)
		_, outputs := s.RunOutputs(t.Context(), batch, "conv1")
		_, _, traced := profile.Trace(t.Context(), s, batch)
		for _, err := range []error{run, outputs, traced, s.RunInto(t.Context(), batch, batch)} {
			if !errors.Is(err, session.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		if err := errors.Join(s.Close(), s.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
		if stats := s.Stats(); stats.Runs != 0 || s.Device() != "" {
			t.Errorf("%+v on %q", stats, s.Device())
		}
	}
}

// Ten thousand goroutines at once get their answers, or their ctx's error; the
// process keeps few threads, since Go ends it at ten thousand.
func TestTenThousandGoroutines(t *testing.T) {
	s, _ := open(t, vocabulary)
	batch := batchOf(vocabulary, 1, 1)
	want, err := s.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for i := range 10000 {
		group.Go(func() {
			run := ctx
			if i%2 == 0 {
				run = context.Background()
			}
			got, err := s.Run(run, batch)
			if err != nil {
				t.Error(err)
				return
			}
			if equal, at := tensor.Equal(got, want); !equal {
				t.Errorf("goroutine %d: number %d differs", i, at)
			}
		})
	}
	group.Wait()
	if threads := threadsOf(t); threads > 1000 {
		t.Errorf("the process has %d threads", threads)
	}
}

// threadsOf is the process's number of threads; ended calls keep theirs.
func threadsOf(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc to count threads in")
	}
	return len(list)
}

// A network of a thousand layers is a network.
func TestThousandLayers(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 3, Width: 3, Channels: 2}}
	for range 1000 {
		net.Layers = append(net.Layers, graph.Conv2D{Filters: 2, Size: graph.Square(1), Activation: graph.ReLUActivation})
	}
	weights := net.InitialWeights(1)
	for name, w := range weights {
		for i := range w.Data {
			w.Data[i] = 0
			if strings.HasSuffix(name, "/filter") && i%3 == 0 { // [1,1,2,2]: the identity
				w.Data[i] = 1
			}
		}
	}
	s, err := session.Open(net, weights, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	batch := tensor.Tensor{Shape: []int{1, 3, 3, 2}, Data: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}}
	got, err := s.Run(t.Context(), batch)
	if equal, at := tensor.Equal(got, batch); err != nil || !equal {
		t.Errorf("number %d differs: %v", at, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A batch that the system has no memory for is refused, and the session goes
// on. In a process of its own that may only have little more than it has; with
// nothing at all Go itself gives up.
func TestNoMemory(t *testing.T) {
	if os.Getenv("TFCNN_CHILD") != "limit" {
		for _, more := range []string{"150", "400"} {
			cmd := exec.Command(os.Args[0], "-test.run", "TestNoMemory$", "-test.v")
			cmd.Env = append(os.Environ(), "TFCNN_CHILD=limit", "TFCNN_MORE="+more)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS") {
				t.Errorf("%s MiB more: %v\n%s", more, err, out[:min(len(out), 3000)])
			}
		}
		return
	}
	net := graph.Network{
		Input:  graph.Input{Height: 500, Width: 500, Channels: 16},
		Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(100)}},
	}
	s, _ := open(t, net)
	if _, err := s.RunOutputs(t.Context(), batchOf(net, 1, 1)); err != nil {
		t.Fatal(err)
	}
	batch, err := tensor.New(40, 500, 500, 16) // 640 MB
	if err != nil {
		t.Fatal(err)
	}
	limit(t, os.Getenv("TFCNN_MORE"))
	// The limit is known before TensorFlow is asked: 640 MB of input.
	if free, known := tensorflow.FreeMemory(); !known || free > 400<<20 {
		t.Errorf("free: %d bytes, known: %v", free, known)
	}
	if _, err := s.Run(context.Background(), batch); !errors.Is(err, session.ErrMemory) || !strings.Contains(err.Error(), "RLIMIT_AS") {
		t.Errorf("640 MB: got %v, want ErrMemory by RLIMIT_AS", err)
	}
	large := graph.Network{
		Input:  graph.Input{Height: 1, Width: 1, Channels: 10_000},
		Layers: []graph.Layer{graph.Flatten{}, graph.Dense{Name: "large", Units: 15_000, NoBias: true}}, // 600 MB
	}
	if more, err := strconv.Atoi(os.Getenv("TFCNN_MORE")); err == nil && more >= 400 {
		// The numbers are the batch's: the process may have no others.
		weights := graph.Weights{"large/filter": {Shape: []int{10_000, 15_000}, Data: batch.Data[:150_000_000]}}
		if s, err := session.Open(large, weights, session.Options{Device: "cpu"}); !errors.Is(err, session.ErrMemory) {
			t.Errorf("600 MB of weights: got %v, want ErrMemory", err)
			s.Close()
		}
	}
	for _, run := range []func() error{
		func() error { _, err := s.Run(t.Context(), batch); return err },        // copied: its ctx can end
		func() error { _, err := s.RunOutputs(t.Context(), batch); return err }, // copied
	} {
		if err := run(); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "memory") {
			t.Errorf("640 MB: got %v, want an error that tells of memory", err)
		}
	}
	if _, err := s.Run(context.Background(), batchOf(net, 1, 1)); err != nil {
		t.Errorf("one image after that: %v", err)
	}
}

// limit lets the process's address space grow by so many MiB.
func limit(t *testing.T, mebibytes string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc to read the size from")
	}
	var pages, more uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(mebibytes, &more); err != nil {
		t.Fatal(err)
	}
	size := pages*uint64(os.Getpagesize()) + more<<20
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
		t.Fatal(err)
	}
}
