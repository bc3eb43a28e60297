package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
)

// ProfileOptions says how Profile works. The zero value works.
type ProfileOptions struct {
	// Runs are those that are measured, each once without and once with a record
	// of it, in turn: at most 100,000, as all records are kept. 0: 20.
	Runs int
	// Progress, where it is not nil, is called after each run, of which there
	// are total.
	Progress func(done, total int)
}

// Profile is where the time of a network's runs goes, by TensorFlow's own
// record (RunMetadata). All times are seconds.
type Profile struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	OneDNN     *bool  `json:"onednn,omitempty"` // missing where TensorFlow does not tell
	Pictures   int    `json:"pictures"`         // of one run
	Runs       int    `json:"runs"`
	// Limits are the machine's, where Hold was called.
	Limits Limits `json:"limits"`
	// Note says what makes the limits doubtful; "" for nothing.
	Note string `json:"note,omitempty"`

	Layers []LayerProfile `json:"layers"`
	// Other are kernels that belong to no layer.
	Other []KernelProfile `json:"other,omitempty"`

	// Step is one run inside TensorFlow, from the moment when its first node
	// was ready until its last was done.
	Step Spread `json:"step_seconds"`
	// Covered is the part of a step in which a kernel of a layer ran, SideBySide
	// by how much the layers' times exceed it, since kernels of several ran at
	// once.
	Covered    Spread  `json:"covered_seconds"`
	SideBySide float64 `json:"side_by_side_seconds"`
	// Framework is the part of a step in which none did; on a GPU that is also the
	// copies from and to the host.
	Framework Framework `json:"framework"`
	// GPU is what else a step does on a GPU; nil on the CPU.
	GPU *GPUProfile `json:"gpu,omitempty"`

	// Call is Run as the caller sees it, by the session's Executor. Traced is the
	// call with the record: where that executor is Single, which records nothing,
	// by another, which runs operations one after the other too.
	Call     Spread   `json:"call_seconds"`
	Traced   Spread   `json:"traced_call_seconds"`
	Executor Executor `json:"executor"`

	// Records are the runs that were recorded, one after the other.
	Records []RunRecord `json:"-"`
}

// Spread is what was measured of one thing in several runs, in seconds.
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

// Sum is the time in seconds.
func (f Framework) Sum() float64 { return f.Before + f.Between + f.After }

// LayerProfile is one layer's part of a Profile.
type LayerProfile struct {
	Layer  string `json:"layer"`
	Kind   string `json:"kind"`
	Output []int  `json:"output"` // batch first
	// In names, where TensorFlow computes the layer in one kernel with others,
	// the layer whose row has the time, bytes and multiplications of them all.
	In string `json:"computed_in,omitempty"`
	// With are the other layers that this row counts.
	With []string `json:"computed_with,omitempty"`
	// Kernels are TensorFlow's, in the order in which they ran; none where
	// nothing is left of the layer to run.
	Kernels []KernelProfile `json:"kernels"`

	// Time in which any of the kernels ran, and the median's share of the step's.
	Time  Spread  `json:"seconds"`
	Share float64 `json:"share"`

	// Multiplications of the plan, FLOPs (two a multiply-accumulate, one a
	// multiplication without an addition), and Bytes: what is read of inputs and
	// weights and what is written, each number once. All for the whole batch.
	Multiplications int64 `json:"multiplications"`
	FLOPs           int64 `json:"flops"`
	Bytes           int64 `json:"bytes"`
	// Allocated is the bytes that TensorFlow's allocators gave the kernels.
	Allocated int64 `json:"allocated_bytes"`

	GFLOPS    float64 `json:"gflops"`
	GBs       float64 `json:"gbs"`       // of Bytes
	Intensity float64 `json:"intensity"` // FLOPs for each of Bytes
	// ComputeLimit is the seconds that the FLOPs take at the machine's GFLOP/s,
	// MemoryLimit those that the bytes take at its GB/s. OfLimit is what share
	// of the roofline, min(GFLOP/s, intensity × GB/s), the layer reaches: the
	// larger of the two by the median. It may pass 1 where the bytes lie in the
	// processor's caches.
	ComputeLimit float64 `json:"compute_limit_seconds"`
	MemoryLimit  float64 `json:"memory_limit_seconds"`
	OfLimit      float64 `json:"of_limit"`
}

// KernelProfile is a node that TensorFlow ran.
type KernelProfile struct {
	Node    string  `json:"node"`
	Op      string  `json:"op"`      // TensorFlow's, as "_FusedConv2D"
	Seconds float64 `json:"seconds"` // median
	// Kernel is CUDA's name of what ran on a GPU; one node may start several.
	// ByTime is as in GPUWork.
	Kernel string `json:"kernel,omitempty"`
	ByTime bool   `json:"by_time,omitempty"`
}

// RunRecord is one run as TensorFlow recorded it.
type RunRecord struct {
	Call  time.Duration // of the whole call
	Nodes []NodeRun     // in the order in which they began
}

// NodeRun is a node in a RunRecord. Times are nanoseconds since 1970. In a
// session on a GPU the times of a node with the Device "/device:GPU:0" are the
// host's, which starts its kernels; what the card ran has a Device as
// "/device:GPU:0/stream:13", and Work.
type NodeRun struct {
	Layer  string // that it belongs to; "" for none
	Name   string
	Op     string // TensorFlow's, as "_FusedConv2D"
	Device string
	// Ready is when all that the node waits for was there; Start when
	// TensorFlow's executor took it up, End when it was done with it; the kernel
	// computed from KernelStart to KernelEnd.
	Ready, Start, KernelStart, KernelEnd, End int64
	Shape                                     []int  // of the first output, nil without one
	Type                                      string // as "float"
	Allocations                               []Allocation
	Work                                      *GPUWork // nil for an entry of TensorFlow's executor
}

// Allocation is memory that an allocator gave a node, or with fewer than 0
// bytes took back.
type Allocation struct {
	At        int64 // nanoseconds since 1970, in whole microseconds
	Bytes     int64
	Allocator string // as "cpu", "mklcpu"
}

// Hold puts the layers beside the machine's limits.
func (p *Profile) Hold(limits Limits) {
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
		who := above[0] + " passes"
		if len(above) > 1 {
			who = fmt.Sprintf("%d layers, as %s, pass", len(above), above[0])
		}
		p.Note = who + " the product's GFLOP/s: something else ran on the machine meanwhile, or a kernel needs fewer operations than the plan counts"
	}
}

const (
	profiledRuns  = 20
	mostProfiled  = 100_000
	profileWarmUp = 3
)

// Profile runs the network on a batch of pictures [N,H,W,C] again and again,
// warm, and says where the time goes, layer by layer: by TensorFlow's own
// record, in which layers that its optimizer has put into one kernel are found
// by the network's structure. On a GPU the kernels' times are those of NVIDIA's
// tracer, which slows the recorded runs down: Traced, not Call. It wants the
// machine for itself: whatever else runs is in the times.
//
// The error is of the batch, of a session that is closed, of TensorFlow, of a GPU
// that TensorFlow cannot trace, or ctx's, which is looked at between runs.
func (s *Session) Profile(ctx context.Context, batch tensor.Tensor, o ProfileOptions) (Profile, error) {
	if o.Runs == 0 {
		o.Runs = profiledRuns
	}
	if o.Runs < 0 || o.Runs > mostProfiled {
		return Profile{}, fmt.Errorf("session: profile: got %d runs, want 1 to %d", o.Runs, mostProfiled)
	}
	if ctx == nil {
		return Profile{}, fmt.Errorf("session: profile: %w", errNoContext)
	}
	if s == nil || s.core == nil {
		return Profile{}, fmt.Errorf("session: profile: %w", ErrClosed)
	}
	if err := s.check(batch); err != nil {
		return Profile{}, fmt.Errorf("session: profile: %w", err)
	}
	if batch.Shape[0] == 0 {
		return Profile{}, errors.New("session: profile: batch has no pictures")
	}
	plan, err := s.lowered.Plan()
	if err != nil {
		return Profile{}, err
	}
	var calls []time.Duration
	var records []RunRecord
	for i := range profileWarmUp + o.Runs {
		start := time.Now()
		if _, err := s.Run(ctx, batch); err != nil {
			return Profile{}, err
		}
		call := time.Since(start)
		record, err := s.recordNodes(ctx, batch)
		if err != nil {
			return Profile{}, fmt.Errorf("session: profile: %w", err)
		}
		if i >= profileWarmUp {
			calls, records = append(calls, call), append(records, record)
		}
		if o.Progress != nil {
			o.Progress(i+1, profileWarmUp+o.Runs)
		}
	}
	p := profiler{s.lowered, plan, s.options.Compute.Bytes()}.profile(records, batch.Shape[0])
	p.Call = spread(calls)
	p.TensorFlow, p.Device, p.Executor = Version(), s.device, s.options.Executor
	if on, known := tensorflow.OneDNNInUse(); known {
		p.OneDNN = &on
	}
	return p, nil
}

// recordNodes is Run with a record of each node.
func (s *Session) recordNodes(ctx context.Context, batch tensor.Tensor) (RunRecord, error) {
	ticket, err := s.enter(ctx, batch.Shape[0])
	if err != nil {
		return RunRecord{}, err
	}
	defer s.leave(ticket)
	if _, err := s.native.tracing(batch.Shape[0]); err != nil { // opens it
		return RunRecord{}, err
	}
	start := time.Now()
	runner, err := s.runner(batch.Shape[0], []int{s.firstStep()}, true)
	if err != nil {
		return RunRecord{}, err
	}
	defer runner.Free()
	var r RunRecord
	nodes, err := runner.RunProfiled(s.device != tensorflow.CPU, func() { r.Call = time.Since(start) }, []capi.Value{capi.Float32s(batch)}, make([]capi.Value, 1))
	if err != nil {
		return RunRecord{}, err
	}
	for _, n := range nodes {
		run := NodeRun{
			Layer: s.layerOfNode(n.Name), Name: n.Name, Op: n.Kind, Device: n.Device,
			Ready: n.Ready, Start: n.Start, KernelStart: n.KernelStart, KernelEnd: n.KernelEnd, End: n.End,
			Shape: n.Shape, Type: n.Type,
		}
		for _, c := range n.Changes {
			run.Allocations = append(run.Allocations, Allocation{At: 1000 * c.Micros, Bytes: c.Bytes, Allocator: c.Allocator})
		}
		if w := n.Work; w != nil {
			run.Work = &GPUWork{Kernel: w.Kernel, Copy: string(w.Copy), Bytes: w.Bytes, Pinned: w.Pinned, ByTime: w.ByTime}
		}
		r.Nodes = append(r.Nodes, run)
	}
	if s.device != tensorflow.CPU {
		return r, r.traced()
	}
	return r, nil
}

// spread sorts some times.
func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(times))
	return Spread{Median: median(sorted), Least: sorted[0].Seconds(), Most: sorted[len(sorted)-1].Seconds()}
}

// median is of times in ascending order, in seconds.
func median(sorted []time.Duration) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]).Seconds() / 2
}
