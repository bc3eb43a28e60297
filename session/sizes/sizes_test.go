package sizes_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/leak"
	"tfcnn/session"
	"tfcnn/session/graphs"
	"tfcnn/session/sizes"
)

// freeNet takes images of any size.
var freeNet = graph.Network{
	Input: graph.Input{Channels: 3},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "conv1", Filters: 8, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
		graph.MaxPool{Size: graph.Square(2)},
		graph.GlobalAvgPool{},
		graph.Dense{Units: 4},
	},
}

func at(t testing.TB, height, width int) graph.Network {
	t.Helper()
	net, err := freeNet.At(height, width)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// slow takes 9 billion multiplications an image.
var slow = graph.Network{
	Input:  graph.Input{Height: 300, Width: 300, Channels: 64},
	Layers: []graph.Layer{graph.Conv2D{Filters: 64, Size: graph.Square(5), Padding: graph.Same}},
}

func batchOf(net graph.Network, n int, seed uint64) tensor.Tensor {
	random := rand.New(rand.NewPCG(seed, seed))
	x := tensor.MustNew(n, net.Input.Height, net.Input.Width, net.Input.Channels)
	for i := range x.Data {
		x.Data[i] = float32(random.NormFloat64())
	}
	return x
}

// Three hundred images of forty sizes, from four goroutines, give the outputs of fresh
// sessions, and no more sessions are open than MaxSessions.
func TestSizes(t *testing.T) {
	before := capi.LiveAllocations()
	weights := at(t, 8, 8).InitialWeights(1)
	s, err := sizes.Open(freeNet, weights, sizes.Options{Options: session.Options{Device: "cpu"}, MaxSessions: 6})
	if err != nil {
		t.Fatal(err)
	}
	want := map[[2]int]tensor.Tensor{}
	for h := range 8 {
		for w := range 5 {
			net := at(t, 4+3*h, 6+5*w)
			fresh, err := session.Open(net, weights, session.Options{Device: "cpu"})
			if err != nil {
				t.Fatal(err)
			}
			out, err := fresh.Run(t.Context(), batchOf(net, 1, uint64(h*w)))
			if err != nil {
				t.Fatal(err)
			}
			want[[2]int{h, w}] = out
			if err := fresh.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 9))
			for range 75 {
				h, w := random.IntN(8), random.IntN(5)
				batch := batchOf(at(t, 4+3*h, 6+5*w), 1, uint64(h*w))
				got := want[[2]int{h, w}].Clone()
				clear(got.Data)
				var err error
				if random.IntN(2) == 0 {
					got, err = s.Run(t.Context(), batch)
				} else {
					err = s.RunOutputsInto(t.Context(), []tensor.Tensor{got}, batch)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if equal, _ := tensor.Equal(got, want[[2]int{h, w}]); !equal {
					t.Errorf("%dx%d: not the output of a fresh session", 4+3*h, 6+5*w)
				}
				if n := s.Stats().Sessions; n > 6+2*4 { // those in use, or being closed, may be more
					t.Errorf("%d sessions are open", n)
				}
			}
		})
	}
	group.Wait()
	for s.Stats().Sessions > 6 { // some are being closed
		time.Sleep(time.Millisecond)
	}
	stats := s.Stats()
	if stats.Runs != 300 || stats.Images != 300 || stats.Opened <= 40 || stats.Opened > 300 || stats.Opened-stats.Closed != int64(stats.Sessions) {
		t.Errorf("%+v", stats)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if stats := s.Stats(); stats.Sessions != 0 || stats.Runs != 300 || stats.Opened != stats.Closed {
		t.Errorf("after Close: %+v", stats)
	}
	if _, err := s.Run(t.Context(), batchOf(at(t, 4, 6), 1, 1)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if after := capi.LiveAllocations(); after != before {
		t.Errorf("native memory is left: %+v, before %+v", after, before)
	}
}

// The same size again and again, and sizes in a cycle that fits, open no
// session twice; by bytes as many are kept as fit.
func TestSizesKeep(t *testing.T) {
	weights := at(t, 8, 8).InitialWeights(1)
	memory, err := plan.MemoryOf(at(t, 8, 8), plan.Workload{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		o      sizes.Options
		count  int
		opened int64
	}{
		{sizes.Options{MaxSessions: 3}, 3, 3},
		{sizes.Options{MaxSessions: 2}, 3, 15}, // each comes when it has just gone
		{sizes.Options{Bytes: 3 * memory.Inference.Fixed}, 3, 3},
		{sizes.Options{Bytes: 3*memory.Inference.Fixed - 1}, 3, 15},
		{sizes.Options{Bytes: 1}, 1, 1},
	} {
		tt.o.Device = "cpu"
		s, err := sizes.Open(freeNet, weights, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			for i := range tt.count {
				if _, err := s.Run(t.Context(), batchOf(at(t, 8+i, 8), 2, 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := s.Stats().Opened; got != tt.opened {
			t.Errorf("%+v: %d sessions were opened, want %d", tt.o, got, tt.opened)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSizesRefuse(t *testing.T) {
	weights := at(t, 8, 8).InitialWeights(1)
	s, err := sizes.Open(freeNet, weights, sizes.Options{Options: session.Options{Device: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for want, batch := range map[string]tensor.Tensor{
		"batch is [1,8,8,1], want [N,H,W,3]": tensor.MustNew(1, 8, 8, 1),
		"batch is [], want [N,H,W,3]":        {},
		"batch is [1,0,8,3]":                 tensor.MustNew(1, 0, 8, 3),
		"max_pool1":                          tensor.MustNew(1, 1, 1, 3), // opening fails, for this size
	} {
		if _, err := s.Run(t.Context(), batch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := s.Run(t.Context(), tensor.MustNew(1, 8, 8, 3)); err != nil {
		t.Error(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Run(done, tensor.MustNew(1, 9, 9, 3)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	flat := graph.Network{Input: graph.Input{Channels: 3}, Layers: []graph.Layer{graph.Flatten{}, graph.Dense{Name: "fc", Units: 2}}}
	one, err := flat.At(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	fixed, err := sizes.Open(flat, one.InitialWeights(1), sizes.Options{Options: session.Options{Device: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	defer fixed.Close()
	if _, err := fixed.Run(t.Context(), tensor.MustNew(1, 4, 4, 3)); err != nil {
		t.Error(err)
	}
	if _, err := fixed.Run(t.Context(), tensor.MustNew(1, 4, 5, 3)); err == nil || !strings.Contains(err.Error(), "fc/filter") {
		t.Errorf("weights of another size: %v", err)
	}
	if _, err := session.Open(freeNet, weights, session.Options{}); err == nil || !strings.Contains(err.Error(), "are free") {
		t.Errorf("Open: %v", err)
	}
	if _, err := sizes.Open(graph.Network{}, nil, sizes.Options{}); err == nil {
		t.Error("no network: no error")
	}
	if _, err := sizes.Open(freeNet, weights, sizes.Options{MaxSessions: -1}); err == nil {
		t.Error("-1 sessions: no error")
	}
}

// Open Sessions are one leak, however many sessions they have opened.
func TestOneLeak(t *testing.T) {
	begun := leak.Now()
	s, err := sizes.Open(freeNet, at(t, 8, 8).InitialWeights(1), sizes.Options{Options: session.Options{Device: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := s.Run(t.Context(), batchOf(at(t, 8+i, 8), 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if open := leak.Since(begun); len(open) != 1 || open[0].What != "session of free height and width" || !strings.Contains(open[0].OpenedAt, "TestOneLeak") {
		t.Errorf("%v, want the Sessions alone", open)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if open := leak.Since(begun); len(open) != 0 {
		t.Errorf("after Close: %v", open)
	}
}

// A session is not closed under its users.
func TestSizesInUse(t *testing.T) {
	net := slow
	net.Input.Height, net.Input.Width = 0, 0
	s, err := sizes.Open(net, slow.InitialWeights(1), sizes.Options{Options: session.Options{Device: "cpu"}, MaxSessions: 1})
	if err != nil {
		t.Fatal(err)
	}
	large := batchOf(slow, 1, 1)
	finished := make(chan error, 1)
	go func() { _, err := s.Run(context.Background(), large); finished <- err }()
	for s.Stats().InFlight == 0 && len(finished) == 0 {
		time.Sleep(time.Millisecond)
	}
	for i := range 3 {
		if _, err := s.Run(t.Context(), tensor.MustNew(1, 4, 4+i, 64)); err != nil {
			t.Error(err)
		}
	}
	if err := <-finished; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Close refuses the runs that wait for a shared Limit, of every size.
func TestSizesCloseRefuses(t *testing.T) {
	limit := session.NewLimit(1, 0)
	root := tfgo.NewRoot()
	queue := op.FIFOQueueV2(root, []tf.DataType{tf.Float})
	taken := op.QueueDequeueV2(root, queue, []tf.DataType{tf.Float})
	waits, err := graphs.Open(root, graphs.Options{Device: "cpu", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	take, err := waits.Function(graphs.Signature{Fetches: map[string]tf.Output{"taken": taken[0]}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := make(chan error, 1)
	go func() { _, err := take.Run(ctx, nil); left <- err }() // has the limit until it is closed
	until(t, func() bool { return waits.Stats().InFlight == 1 })

	s, err := sizes.Open(freeNet, at(t, 8, 8).InitialWeights(1), sizes.Options{Options: session.Options{Device: "cpu", Limit: limit}})
	if err != nil {
		t.Fatal(err)
	}
	const runs = 20
	ended := make(chan error, runs)
	for i := range runs {
		go func() { _, err := s.Run(context.Background(), batchOf(at(t, 8+i%2, 8), 1, 1)); ended <- err }()
	}
	until(t, func() bool { return s.Stats().Waiting == runs })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range runs {
		if err := <-ended; !errors.Is(err, session.ErrClosed) {
			t.Errorf("a run that waited: %v", err)
		}
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := waits.Close(); err != nil {
		t.Error(err)
	}
}

// until waits for a condition.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited for a minute")
		}
	}
}

// A new size does not wait for a run of a closed session that has lost its caller.
func TestSizesDoNotWaitForTheAbandoned(t *testing.T) {
	net := slow
	net.Input.Height, net.Input.Width = 0, 0
	s, err := sizes.Open(net, slow.InitialWeights(1), sizes.Options{Options: session.Options{Device: "cpu"}, MaxSessions: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	large := batchOf(slow, 3, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s.Stats().InFlight == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := s.Run(ctx, large); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), tensor.MustNew(1, 4, 4, 64)); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats(); n.InFlight != 1 || n.Opened != 2 || n.Closed != 0 {
		t.Errorf("after a run of another size: %+v, want the abandoned run in flight", n)
	}
}
