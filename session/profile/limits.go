package profile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
)

// Limits are the measured limits of a machine.
type Limits struct {
	// GFLOPS is that of a product of two 2048×2048 matrices of float32 by
	// TensorFlow, 10⁹ floating-point operations a second.
	GFLOPS float64 `json:"gflops"`
	// GBs is that of a plain copy of 128 MiB by all cores, 10⁹ bytes a second,
	// those read and those written added up. On a GPU it is that of a ReLU of so
	// many bytes, in the card's memory.
	GBs float64 `json:"gbs"`
	// ToDeviceGBs and ToHostGBs are those of copying the ReLU's input to the GPU
	// and its output back, as a run does; 0 on the CPU.
	ToDeviceGBs float64 `json:"to_device_gbs,omitempty"`
	ToHostGBs   float64 `json:"to_host_gbs,omitempty"`
}

// Better returns the larger of each limit.
func (l Limits) Better(other Limits) Limits {
	return Limits{
		GFLOPS: max(l.GFLOPS, other.GFLOPS), GBs: max(l.GBs, other.GBs),
		ToDeviceGBs: max(l.ToDeviceGBs, other.ToDeviceGBs), ToHostGBs: max(l.ToHostGBs, other.ToHostGBs),
	}
}

const (
	productSide = 2048
	copiedBytes = 128 << 20 // of source and of target each, more than caches hold
	limitRuns   = 10
	// A slow or busy machine makes fewer runs than limitRuns, but leastRuns.
	limitTime = time.Second
	leastRuns = 4
)

// MachineLimits measures the machine, the best of several runs: a product in a
// session with these options, and a copy; on a GPU both there. It takes a second
// or so, and half a GiB of memory while it does.
func MachineLimits(ctx context.Context, o session.Options) (Limits, error) {
	o.Batching, o.WarmUp = session.Batching{}, nil // they are the network's
	seconds, gpu, err := productSeconds(ctx, o)
	if err != nil {
		return Limits{}, fmt.Errorf("profile: limits: %w", err)
	}
	l := Limits{GFLOPS: 2 * float64(productSide) * productSide * productSide / seconds / 1e9}
	if gpu {
		if err := l.copyOnGPU(ctx, o); err != nil {
			return Limits{}, fmt.Errorf("profile: limits: %w", err)
		}
		return l, nil
	}
	if seconds, err = copySeconds(ctx); err != nil {
		return Limits{}, fmt.Errorf("profile: limits: %w", err)
	}
	l.GBs = 2 * copiedBytes / seconds / 1e9
	return l, nil
}

// productSeconds returns the time of the kernel of a dense layer over 2048 images of
// 2048 numbers, which is a MatMul, without the rest of the call. gpu reports whether it
// ran on a GPU.
func productSeconds(ctx context.Context, o session.Options) (best float64, gpu bool, err error) {
	net := graph.Network{
		Input:  graph.Input{Height: 1, Width: 1, Channels: productSide},
		Layers: []graph.Layer{graph.Flatten{}, graph.Dense{Name: "product", Units: productSide, NoBias: true}},
	}
	matrix := func(shape ...int) tensor.Tensor {
		x := tensor.Tensor{Shape: shape, Data: make([]float32, productSide*productSide)}
		for i := range x.Data {
			x.Data[i] = float32(i%251)/251 - 0.5
		}
		return x
	}
	s, err := session.Open(net, graph.Weights{"product/filter": matrix(productSide, productSide)}, o)
	if err != nil {
		return 0, false, err
	}
	defer s.Close()
	batch := matrix(productSide, 1, 1, productSide)
	for start, i := time.Now(), 0; more(start, i); i++ {
		r, err := record(ctx, s, batch, levelOf(s))
		if err != nil {
			return 0, false, err
		}
		if t := secondsOf(r, "product", "MatMul"); t > 0 && (best == 0 || t < best) {
			best = t
		}
	}
	if best == 0 {
		return 0, false, errors.New("TensorFlow's record has no MatMul")
	}
	return best, onGPU(s), nil
}

// secondsOf returns the time of a layer's kernels for one of TensorFlow's operations.
func secondsOf(r trace.Record, layer, op string) float64 {
	return cover(slices.DeleteFunc(kernels(r, layer), func(n trace.Node) bool { return !strings.Contains(n.Op, op) })).Seconds()
}

// more reports whether a measurement continues after so many runs.
func more(begun time.Time, runs int) bool {
	return runs < leastRuns || runs < limitRuns && time.Since(begun) < limitTime
}

// copyOnGPU measures the card's memory and the way to it: a ReLU, which reads
// copiedBytes and writes as many, of an image that comes from the host and goes
// back.
func (l *Limits) copyOnGPU(ctx context.Context, o session.Options) error {
	const width = 8192
	net := graph.Network{
		Input:  graph.Input{Height: copiedBytes / 4 / width, Width: width, Channels: 1},
		Layers: []graph.Layer{graph.ReLU{Name: "copy"}},
	}
	o.Compute = graph.Float32
	s, err := session.Open(net, nil, o)
	if err != nil {
		return err
	}
	defer s.Close()
	batch, err := tensor.New(1, net.Input.Height, width, 1)
	if err != nil {
		return err
	}
	for start, i := time.Now(), 0; more(start, i); i++ {
		r, err := record(ctx, s, batch, levelOf(s))
		if err != nil {
			return err
		}
		*l = l.Better(copyLimits(r))
	}
	return nil
}

// copyLimits reads a record of copyOnGPU.
func copyLimits(r trace.Record) (l Limits) {
	if t := secondsOf(r, "copy", "Relu"); t > 0 {
		l.GBs = 2 * copiedBytes / t / 1e9
	}
	if g := gpuProfile([]trace.Record{r}); g != nil {
		l.ToDeviceGBs, l.ToHostGBs = g.ToDevice.GBs, g.ToHost.GBs
	}
	return l
}

// copySeconds returns the time of a copy of copiedBytes by all cores.
func copySeconds(ctx context.Context) (float64, error) {
	from, to := make([]byte, copiedBytes), make([]byte, copiedBytes)
	for i := range from {
		from[i] = byte(i) // pages that were never written are all one page of zeros
	}
	workers := runtime.GOMAXPROCS(0)
	best := 0.0
	for begun, i := time.Now(), 0; more(begun, i); i++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		var group sync.WaitGroup
		for w := range workers {
			low, high := w*copiedBytes/workers, (w+1)*copiedBytes/workers
			group.Go(func() { copy(to[low:high], from[low:high]) })
		}
		group.Wait()
		// The first run gets the target's pages from the system.
		if t := time.Since(start).Seconds(); i > 0 && (best == 0 || t < best) {
			best = t
		}
	}
	return best, nil
}
