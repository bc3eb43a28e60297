package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/session/internal/calls"
)

// doubling is a batcher whose runs take ten milliseconds and double numbers.
func doubling(o Batching, fail func(images int) error) (b *batcher, sizes *[]int) {
	var mu sync.Mutex
	sizes = &[]int{}
	b = newBatcher(o, 1, 1, func(images int, into, batch []float32) error {
		mu.Lock()
		*sizes = append(*sizes, images)
		mu.Unlock()
		time.Sleep(10 * time.Millisecond)
		for i, x := range batch {
			into[i] = 2 * x
		}
		if fail != nil {
			return fail(images)
		}
		return nil
	})
	b.runners = 1
	return b, sizes
}

func call(ctx context.Context, b *batcher, x float32) error {
	into := []float32{0}
	if _, err := b.run(ctx, into, []float32{x}, 1); err != nil {
		return err
	}
	if into[0] != 2*x {
		return fmt.Errorf("%v gave %v", x, into[0])
	}
	return nil
}

// The first goes at once, those that come while it is computed go together
// when it is through, in batches of at most Size; nobody waits for Wait.
func TestBatchingGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, sizes := doubling(Batching{Size: 4, Wait: time.Hour}, nil)
		defer b.close()
		var stats calls.Counters
		b.onShared = stats.Shared
		begun := time.Now()
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				if err := call(t.Context(), b, float32(i)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		if fmt.Sprint(*sizes) != "[1 3]" || time.Since(begun) != 20*time.Millisecond {
			t.Errorf("batches of %v in %v", *sizes, time.Since(begun))
		}
		if n := stats.Read(); n.SharedBatches != 1 || n.SharedCalls != 3 || n.SharedImages != 3 {
			t.Errorf("%d shared batches of %d calls and %d images, want 1 of 3 and 3", n.SharedBatches, n.SharedCalls, n.SharedImages)
		}
	})
}

// A full batch does not wait for the one that is computed, nor does one whose
// first call has waited for Wait.
func TestBatchingLaunches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, sizes := doubling(Batching{Size: 3, Wait: 2 * time.Millisecond}, nil)
		defer b.close()
		begun := time.Now()
		var group sync.WaitGroup
		took := make([]time.Duration, 6)
		for i := range took {
			group.Go(func() {
				if err := call(t.Context(), b, float32(i)); err != nil {
					t.Error(err)
				}
				took[i] = time.Since(begun)
			})
			synctest.Wait()
		}
		group.Wait()
		// 0 alone at once; 1, 2, 3 fill a batch at once; 4 and 5 wait.
		if fmt.Sprint(*sizes) != "[1 3 2]" || took[3] != 10*time.Millisecond || took[5] != 12*time.Millisecond {
			t.Errorf("batches of %v, after %v", *sizes, took)
		}
	})
}

// Who leaves harms nobody; a batch that all have left is not computed.
func TestBatchingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, sizes := doubling(Batching{Size: 8, Wait: time.Hour}, nil)
		defer b.close()
		var group sync.WaitGroup
		for i := range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(9-i)*time.Millisecond)
			defer cancel()
			group.Go(func() {
				err := call(ctx, b, float32(i))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		time.Sleep(5 * time.Millisecond)
		if err := call(t.Context(), b, 5); err != nil {
			t.Error(err)
		}
		if fmt.Sprint(*sizes) != "[1 1]" {
			t.Errorf("batches of %v, want the first, and one after all had left", *sizes)
		}
	})
}

func TestBatchingFailsAndCloses(t *testing.T) {
	wrong := errors.New("wrong")
	before := capi.LiveAllocations()
	synctest.Test(t, func(t *testing.T) {
		b, _ := doubling(Batching{Size: 2, Wait: time.Hour}, func(images int) error {
			if images > 1 {
				return wrong
			}
			return nil
		})
		b.onShared = func(calls, images int) { t.Errorf("a batch that failed served %d calls", calls) }
		var group sync.WaitGroup
		for i := range 3 {
			group.Go(func() {
				shared, err := b.run(t.Context(), []float32{0}, []float32{1}, 1)
				if want := i > 0; shared != want || errors.Is(err, wrong) != want {
					t.Errorf("%d: %v %v", i, shared, err)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		b.close()
		if err := call(t.Context(), b, 1); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	if after := capi.LiveAllocations(); after != before {
		t.Errorf("native memory is left: %+v, before %+v", after, before)
	}
}

// A batcher that was closed is empty when the last batch is through and left,
// also by who left it before: Close of a session waits for it.
func TestBatchingEmpties(t *testing.T) {
	before := capi.LiveAllocations()
	synctest.Test(t, func(t *testing.T) {
		b, _ := doubling(Batching{Size: 2, Wait: time.Hour}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for i := range 4 { // one alone, two together, one that gathers
			group.Go(func() {
				if err := call(ctx, b, float32(i)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		begun := time.Now()
		group.Wait()
		b.close()
		<-b.empty
		if took := time.Since(begun); took != 10*time.Millisecond {
			t.Errorf("empty after %v, the batches take 10ms", took)
		}
		if after := capi.LiveAllocations(); after != before {
			t.Errorf("native memory is left: %+v, before %+v", after, before)
		}
		unused, _ := doubling(Batching{Size: 2}, nil)
		unused.close()
		<-unused.empty
	})
}

// Sixty-four goroutines, each with images of its own, errors and ends mixed
// in: everybody gets the own result.
func TestBatchingSession(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 10, Width: 8, Channels: 2},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 6, Size: graph.Square(3), Activation: graph.ReLUActivation},
			graph.Flatten{},
			graph.Dense{Units: 5},
		},
	}
	before := capi.LiveAllocations()
	weights := net.InitialWeights(1)
	for _, w := range weights {
		for i, x := range w.Data {
			w.Data[i] = float32(int(x * 8)) // whole numbers: every size of batch gives the same bits
		}
	}
	single, err := Open(net, weights, Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer single.Close()
	s, err := Open(net, weights, Options{Device: "cpu", Batching: Batching{Size: 16, Wait: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int64
	var group sync.WaitGroup
	for g := range 64 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for k := range 20 {
				batch, _ := tensor.New(1+random.IntN(3), 10, 8, 2)
				for i := range batch.Data {
					batch.Data[i] = float32(random.IntN(9) - 4)
				}
				want, err := single.Run(context.Background(), batch)
				if err != nil {
					t.Error(err)
					return
				}
				switch {
				case k%7 == 3:
					if _, err := s.Run(t.Context(), tensor.Tensor{Shape: []int{1, 9, 8, 2}, Data: make([]float32, 144)}); err == nil {
						t.Error("a wrong shape: no error")
					}
					continue
				case k%7 == 5:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(300))*time.Microsecond)
					_, err := s.Run(ctx, batch)
					cancel()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					continue
				}
				got, err := s.Run(context.Background(), batch)
				if err != nil {
					t.Error(err)
					return
				}
				if equal, at := tensor.Equal(got, want); !equal {
					t.Errorf("goroutine %d: differs at %d from its own answer", g, at)
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	if err := errors.Join(s.Close(), single.Close()); err != nil {
		t.Error(err)
	}
	stats := s.Stats()
	if stats.SharedBatches == 0 || stats.SharedCalls < 2*stats.SharedBatches || stats.SharedImages < stats.SharedCalls || stats.SharedImages > 16*stats.SharedBatches {
		t.Errorf("shared batches: %+v", stats)
	}
	if stats.Runs < done.Load() || stats.Errors != 64*3 || stats.Waiting != 0 || stats.InFlight != 0 {
		t.Errorf("%+v", stats)
	}
	if after := capi.LiveAllocations(); after != before {
		t.Errorf("native memory is left: %+v, before %+v", after, before)
	}
}
