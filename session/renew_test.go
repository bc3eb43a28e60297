package session_test

import (
	"context"
	"os"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// A session that meets new sizes of batches all the time has its threads
// renewed, while it runs; one that meets none has not.
func TestThreadsAreRenewed(t *testing.T) {
	if on, _ := session.OneDNNInUse(); !on {
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
			t.Fatalf("%d pictures: other bits", n)
		}
	}
	settled := func() int {
		time.Sleep(50 * time.Millisecond) // for one that an earlier test has set off
		return session.Renewals()
	}
	before := settled()
	run(most)
	for begun := time.Now(); time.Since(begun) < 200*time.Millisecond; {
		run(7)
	}
	if got := settled(); got > before+1 { // the steps of earlier tests count
		t.Errorf("the same sizes again and again have renewed threads %d times", got-before)
	}

	before = settled()
	threads := tasks(t)
	for n := 1; n <= most; n++ {
		run(n)
	}
	if got := settled(); got < before+2 {
		t.Errorf("%d sizes have renewed threads %d times, want more", most, got-before)
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
