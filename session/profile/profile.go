// Package profile measures the time of a network's layers, and the memory of its runs,
// by TensorFlow's own record of the runs.
//
//	p, err := profile.Run(ctx, net, weights, images, profile.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	for _, layer := range p.Layers {
//		fmt.Println(layer.Layer, layer.Time.Median, layer.Share)
//	}
//
// MachineLimits and Profile.SetLimits put the layers beside what the machine can
// do; Profile.WriteTrace writes the runs for a program that shows time lines;
// Measure compares the forecast of a network's memory with what TensorFlow took; Trace
// runs an open session once and returns the devices and times of its layers.
package profile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
	"tfcnn/session/process"
)

// Options are those of the session and of Run. The zero value works.
type Options struct {
	session.Options
	// Runs is how many pairs of runs are measured, one without and one with a record, in
	// turn: at most 100,000, as all records are kept. 0: 20.
	Runs int
	// Progress, where it is not nil, is called after each run; total is the number of
	// runs.
	Progress func(done, total int)
}

// Profile is the time of a network's runs, layer by layer, by TensorFlow's own record
// (RunMetadata). All times are seconds.
type Profile struct {
	process.Platform
	Images int `json:"pictures"` // of one run
	Runs   int `json:"runs"`
	// Limits are the machine's; zero before SetLimits.
	Limits Limits `json:"limits"`
	// Note is the reason to doubt the limits; "" for none.
	Note string `json:"note,omitempty"`

	Layers []Layer `json:"layers"`
	// Other are kernels that belong to no layer.
	Other []Kernel `json:"other,omitempty"`

	// Step is one run inside TensorFlow, from the moment when its first node
	// was ready until its last was done.
	Step Spread `json:"step_seconds"`
	// Covered is the part of a step in which a kernel of a layer ran. SideBySide is the
	// sum of the layers' times less Covered: kernels of several layers may run at once.
	Covered    Spread  `json:"covered_seconds"`
	SideBySide float64 `json:"side_by_side_seconds"`
	// Framework is the part of a step in which none did; on a GPU that is also the
	// copies from and to the host.
	Framework Framework `json:"framework"`
	// GPU has the copies and launches of a step on a GPU; nil on the CPU.
	GPU *GPU `json:"gpu,omitempty"`

	// Call is a call for all of the network's outputs as its caller sees it, by the session's Executor. Traced is the
	// call with the record: where that executor is Single, which records nothing,
	// by another, which runs operations one after the other too.
	Call     Spread           `json:"call_seconds"`
	Traced   Spread           `json:"traced_call_seconds"`
	Executor session.Executor `json:"executor"`

	records []trace.Record // the runs that were recorded, one after the other
}

// Spread is the spread of several measurements of one time, in seconds.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Framework is TensorFlow's own time in a step, in seconds, medians of the
// runs.
type Framework struct {
	Before  float64 `json:"before"`  // the first kernel of a layer: thread hand-over, constants, arguments
	Between float64 `json:"between"` // kernels of layers
	After   float64 `json:"after"`   // the last one
}

// Sum returns the time in seconds.
func (f Framework) Sum() float64 { return f.Before + f.Between + f.After }

// Layer is a layer's row of a Profile.
type Layer struct {
	Layer  string `json:"layer"`
	Kind   string `json:"kind"`
	Output []int  `json:"output"` // batch first
	// In is the layer whose row has the time, bytes and multiplications, where TensorFlow
	// computes this layer in one kernel with others; "" otherwise.
	In string `json:"computed_in,omitempty"`
	// With names the other layers of this row.
	With []string `json:"computed_with,omitempty"`
	// Kernels are TensorFlow's, in the order of their starts; empty where TensorFlow has
	// nothing of the layer to run.
	Kernels []Kernel `json:"kernels"`

	// Time in which any of the kernels ran, and the median's share of the step's.
	Time  Spread  `json:"seconds"`
	Share float64 `json:"share"`

	// Multiplications of the plan, FLOPs (two a multiply-accumulate, one a
	// multiplication without an addition), and Bytes: those of the inputs and weights
	// that are read and of the output, each number once. All for the whole batch.
	Multiplications int64 `json:"multiplications"`
	FLOPs           int64 `json:"flops"`
	Bytes           int64 `json:"bytes"`
	// Allocated is the bytes that TensorFlow's allocators gave the kernels.
	Allocated int64 `json:"allocated_bytes"`

	GFLOPS    float64 `json:"gflops"`
	GBs       float64 `json:"gbs"`       // of Bytes
	Intensity float64 `json:"intensity"` // FLOPs for each of Bytes
	// ComputeLimit is the seconds that the FLOPs take at the machine's GFLOP/s,
	// MemoryLimit those that the bytes take at its GB/s. OfLimit is the layer's share of
	// the roofline, min(GFLOP/s, intensity × GB/s): the larger of the two by the median. It may pass 1 where the bytes lie in the
	// processor's caches.
	ComputeLimit float64 `json:"compute_limit_seconds"`
	MemoryLimit  float64 `json:"memory_limit_seconds"`
	OfLimit      float64 `json:"of_limit"`
}

// Kernel is a node that TensorFlow ran.
type Kernel struct {
	Node    string  `json:"node"`
	Op      string  `json:"op"`      // TensorFlow's, as "_FusedConv2D"
	Seconds float64 `json:"seconds"` // median
	// Kernel is CUDA's name of the kernel on a GPU; one node may start several.
	// ByTime reports that the record names no node for the kernel, and that Node is
	// the one whose launch lies at the time at which the kernel was launched.
	Kernel string `json:"kernel,omitempty"`
	ByTime bool   `json:"by_time,omitempty"`
}

// SetLimits computes the layers' shares of the machine's limits.
func (p *Profile) SetLimits(limits Limits) {
	p.Limits, p.Note = limits, ""
	var above []string
	for i := range p.Layers {
		l := &p.Layers[i]
		l.ComputeLimit, l.MemoryLimit, l.OfLimit = 0, 0, 0
		if limits.GFLOPS > 0 {
			l.ComputeLimit = float64(l.FLOPs) / limits.GFLOPS / 1e9
		}
		if limits.GBs > 0 {
			l.MemoryLimit = float64(l.Bytes) / limits.GBs / 1e9
		}
		if l.Time.Median > 0 {
			l.OfLimit = max(l.ComputeLimit, l.MemoryLimit) / l.Time.Median
		}
		if l.ComputeLimit > l.Time.Median {
			above = append(above, l.Layer)
		}
	}
	if len(above) > 0 {
		layers := above[0] + " passes"
		if len(above) > 1 {
			layers = fmt.Sprintf("%d layers, as %s, pass", len(above), above[0])
		}
		p.Note = layers + " the product's GFLOP/s: something else ran on the machine meanwhile, or a kernel needs fewer operations than the plan counts"
	}
}

const (
	defaultRuns = 20
	mostRuns    = 100_000
	warmUpRuns  = 3
)

// Run runs a network for all of its outputs on a batch of images [N,H,W,C] again and
// again, warm, and returns the time of each layer by TensorFlow's own record. It reads
// from the graph that ran which layers TensorFlow has put into one kernel. On a GPU the
// kernels' times are those of NVIDIA's tracer, which slows down the recorded runs
// (Traced) and not the others (Call). Other programs on the machine make the times
// longer.
//
// The error is of the network, the weights or the batch, of TensorFlow, of a GPU
// that TensorFlow cannot trace, or ctx's.
func Run(ctx context.Context, net graph.Network, weights graph.Weights, batch tensor.Tensor, o Options) (_ Profile, err error) {
	if o.Runs == 0 {
		o.Runs = defaultRuns
	}
	if o.Runs < 0 || o.Runs > mostRuns {
		return Profile{}, fmt.Errorf("profile: got %d runs, want 1 to %d", o.Runs, mostRuns)
	}
	if len(batch.Shape) > 0 && batch.Shape[0] == 0 {
		return Profile{}, errors.New("profile: batch has no images")
	}
	if o.Batching != (session.Batching{}) {
		return Profile{}, fmt.Errorf("profile: got Batching of %d images, want none: a shared batch is not recorded", o.Batching.Size)
	}
	s, err := session.Open(net, weights, o.Options)
	if err != nil {
		return Profile{}, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	lowered := seam.Of(s).Lowered()
	planned, err := plan.OfLowered(lowered)
	if err != nil {
		return Profile{}, err
	}
	var calls []time.Duration
	var records []trace.Record
	var ran trace.Record // with the graph
	for i := range warmUpRuns + o.Runs {
		start := time.Now()
		if err := call(ctx, s, batch); err != nil {
			return Profile{}, err
		}
		took := time.Since(start)
		level := levelOf(s)
		if i == 0 {
			level = trace.Graph
		}
		r, err := record(ctx, s, batch, level)
		if err != nil {
			return Profile{}, fmt.Errorf("profile: %w", err)
		}
		switch {
		case i == 0:
			ran = r
		case i >= warmUpRuns:
			calls, records = append(calls, took), append(records, r)
		}
		if o.Progress != nil {
			o.Progress(i+1, warmUpRuns+o.Runs)
		}
	}
	p := newProfiler(lowered, planned, s.Compute().Bytes(), ran).profile(records, batch.Shape[0])
	p.Call = spread(calls)
	p.Platform, p.Executor = process.PlatformOf(s.Device()), session.Executor(seam.Of(s).Executor())
	return p, nil
}

// call runs a batch for all of the network's outputs.
func call(ctx context.Context, s *session.Session, batch tensor.Tensor) error {
	if len(s.Outputs()) == 1 {
		_, err := s.Run(ctx, batch) // which does less for a call than RunOutputs
		return err
	}
	_, err := s.RunOutputs(ctx, batch)
	return err
}

// levelOf returns the level at which kernels are recorded on the session's device.
func levelOf(s *session.Session) trace.Level {
	if onGPU(s) {
		return trace.Kernels
	}
	return trace.Nodes
}

// record runs a batch for all of the network's outputs with a record of the run.
func record(ctx context.Context, s *session.Session, batch tensor.Tensor, level trace.Level) (trace.Record, error) {
	inner := seam.Of(s)
	lowered := inner.Lowered()
	r, err := trace.Run(level, seam.Layers(lowered), func(options []byte) ([]byte, error) {
		return inner.Record(ctx, batch, outputSteps(lowered), options, false)
	})
	if err == nil && level == trace.Kernels && !r.HasGPUTrace() {
		return trace.Record{}, errNoTrace
	}
	return r, err
}

// outputSteps returns the steps of the network's outputs.
func outputSteps(lowered graph.Lowered) []int {
	steps := make([]int, len(lowered.Outputs))
	for i, output := range lowered.Outputs {
		steps[i] = lowered.Layers[output].Last
	}
	return steps
}

// spread returns the spread of some times.
func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(times))
	return Spread{Median: median(sorted), Least: sorted[0].Seconds(), Most: sorted[len(sorted)-1].Seconds()}
}

// median returns the median of times in ascending order, in seconds.
func median(sorted []time.Duration) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]).Seconds() / 2
}
