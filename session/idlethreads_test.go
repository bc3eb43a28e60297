package session_test

import (
	"context"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/process"
)

// New batch sizes make a process end its idle threads while it runs; sizes that come
// again do not.
func TestIdleThreadsEnd(t *testing.T) {
	needsTuned(t)
	if on, _ := tensorflow.OneDNNInUse(); !on {
		t.Skip("oneDNN is off: threads keep nothing")
	}
	net := graph.Network{
		Input:  graph.Input{Height: 6, Width: 6, Channels: 2},
		Layers: []graph.Layer{graph.Conv2D{Filters: 3, Size: graph.Square(3)}, graph.MaxPool{Size: graph.Square(2)}},
	}
	weights, _ := whole(net, 1)
	s, err := session.Open(net, weights, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const most = 1000
	batch := batchOf(net, most, 3)
	want, err := s.Run(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	run := func(n int) {
		t.Helper()
		got, err := s.Run(context.Background(), tensor.Tensor{Shape: []int{n, 6, 6, 2}, Data: batch.Data[:n*6*6*2]})
		if err != nil {
			t.Fatal(err)
		}
		if !equal(got, tensor.Tensor{Shape: got.Shape, Data: want.Data[:len(got.Data)]}) {
			t.Fatalf("%d images: other bits", n)
		}
	}
	before := session.Cleanups()
	threads := tasks(t)
	sizes := func() {
		for n := 1; n <= most; n++ {
			run(n)
			if n%128 == 0 {
				time.Sleep(50 * time.Millisecond) // one cleanup at a time
			}
		}
	}
	sizes()
	met := session.Cleanups()
	if met < before+3 {
		t.Errorf("%d sizes made %d cleanups, want 3 or more", most, met-before)
	}
	for range 3 {
		sizes()
	}
	if got := session.Cleanups(); got != met {
		t.Errorf("sizes that came again made %d cleanups", got-met)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		now, ended := tasks(t), 0
		for id := range threads {
			if !now[id] {
				ended++
			}
		}
		if ended > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d threads none has ended", len(threads))
		}
	}
}

// Where many threads are in TensorFlow, a cleanup starts few others.
func TestCleanupNeedsFewThreads(t *testing.T) {
	needsTuned(t)
	if os.Getenv("TFCNN_TEST_CLEANUP") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "TestCleanupNeedsFewThreads$", "-test.v")
		cmd.Env = append(os.Environ(), "TFCNN_TEST_CLEANUP=1", "TF_ENABLE_ONEDNN_OPTS=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s, err := session.Open(slow, slow.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batch := batchOf(slow, 1, 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := s.Run(context.Background(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // for them to be in TensorFlow; nothing depends on it
	const extra = 6                   // Go starts some by itself
	debug.SetMaxThreads(pprof.Lookup("threadcreate").Count() + extra)
	for range 5 {
		session.EndIdleThreads()
	}
	group.Wait()
}

// With KeepThreads no idle threads are ended.
func TestKeepThreads(t *testing.T) {
	if os.Getenv("TFCNN_TEST_KEEP") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "TestKeepThreads$", "-test.v")
		cmd.Env = append(os.Environ(), "TFCNN_TEST_KEEP=1", "TF_ENABLE_ONEDNN_OPTS=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := process.Configure(process.Options{KeepThreads: true}); err != nil {
		t.Fatal(err)
	}
	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}},
	}
	s, err := session.Open(net, nil, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := 1; n <= 600; n++ { // without KeepThreads, two cleanups
		if _, err := s.Run(context.Background(), batchOf(net, n, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := session.Cleanups(); n != 0 {
		t.Errorf("got %d cleanups, want 0", n)
	}
}

// tasks are the process's threads.
func tasks(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip(err)
	}
	list := map[string]bool{}
	for _, e := range entries {
		list[e.Name()] = true
	}
	return list
}
