package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// onePool is the least that a session can do: what is measured is the call.
var onePool = graph.Network{
	Input:  graph.Input{Height: 4, Width: 4, Channels: 1},
	Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}},
}

// measured are the networks of the benchmarks, and the sizes of their batches.
func measured(tb testing.TB) map[string]graph.Network {
	tb.Helper()
	list := map[string]graph.Network{"pool4x4": onePool}
	for _, name := range []string{"tutorial", "lenet5", "resnet18"} {
		net, err := nets.Load(name)
		if err != nil {
			tb.Fatal(err)
		}
		list[name] = net
	}
	return list
}

// imagesFor draws images for a network.
func imagesFor(tb testing.TB, net graph.Network, n int) tensor.Tensor {
	tb.Helper()
	x, err := tensor.New(n, net.Input.Height, net.Input.Width, net.Input.Channels)
	if err != nil {
		tb.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range x.Data {
		x.Data[i] = random.Float32()
	}
	return x
}

// openedFor opens a session that is warm for n images.
func openedFor(tb testing.TB, net graph.Network, o session.Options) *session.Session {
	tb.Helper()
	o.Device = "cpu"
	s, err := session.Open(net, net.InitialWeights(1), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkRun measures a call on a warm session, by what it is made with:
// RunInto and Run, with a ctx that cannot end and one that can.
//
//	go test -run=NONE -bench=Run -count=10 ./session | tee new.txt; benchstat old.txt new.txt
func BenchmarkRun(b *testing.B) {
	cancelable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, net := range measured(b) {
		for _, n := range []int{1, 8} {
			s := openedFor(b, net, session.Options{WarmUp: []int{n}})
			batch := imagesFor(b, net, n)
			into, err := s.Run(context.Background(), batch)
			if err != nil {
				b.Fatal(err)
			}
			for way, call := range map[string]func() error{
				"RunInto":        func() error { return s.RunInto(context.Background(), into, batch) },
				"RunIntoContext": func() error { return s.RunInto(cancelable, into, batch) },
				"Run":            func() error { _, err := s.Run(context.Background(), batch); return err },
				"RunOutputs":     func() error { _, err := s.RunOutputs(context.Background(), batch); return err },
			} {
				b.Run(fmt.Sprintf("net=%s/batch=%d/call=%s", name, n, way), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := call(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			s.Close()
		}
	}
}

// BenchmarkParallel measures many goroutines on one session.
func BenchmarkParallel(b *testing.B) {
	net, err := nets.Load("lenet5")
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range []session.Executor{session.Single, session.Parallel} {
		s := openedFor(b, net, session.Options{WarmUp: []int{1}, Executor: e})
		b.Run("net=lenet5/batch=1/executor="+string(e), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				batch := imagesFor(b, net, 1)
				into, err := s.Run(context.Background(), batch)
				for p.Next() && err == nil {
					err = s.RunInto(context.Background(), into, batch)
				}
				if err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkOpen measures a session from the network to its first result, and
// its end.
func BenchmarkOpen(b *testing.B) {
	for name, net := range measured(b) {
		weights := net.InitialWeights(1)
		batch := imagesFor(b, net, 1)
		b.Run("net="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := session.Open(net, weights, session.Options{Device: "cpu"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Run(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
