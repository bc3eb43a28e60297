package profile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
	"tfcnn/session/process"
)

// Measurement is the measured memory of a network beside the forecast of plan.Memory.
// All amounts are bytes.
type Measurement struct {
	process.Platform
	Batch int `json:"batch"`
	Runs  int `json:"runs"` // of which the largest peak is taken

	// Activations are the memory that TensorFlow's allocators gave out, without weights
	// and input.
	Activations Compared `json:"activations"`
	// PeakLayer is the layer that was computed when most was live, PeakOp
	// TensorFlow's operation.
	PeakLayer string `json:"peak_layer"`
	PeakOp    string `json:"peak_op"`
	// AtPeak is the forecast for PeakLayer, which may be less than the forecast's peak.
	AtPeak int64 `json:"forecast_at_peak"`
	// Differences explain the difference between the measured peak and AtPeak;
	// Unexplained is the rest.
	Differences []Difference `json:"differences"`
	Unexplained int64        `json:"unexplained"`
	// Kept is memory that the first run allocated and no run freed. It is part of the
	// measured activations and of the differences.
	Kept int64 `json:"kept"`

	// Process is the memory of the process by Linux's counts; nil where there are none.
	Process *ProcessMemory `json:"process,omitempty"`
}

// Compared is a forecast and a measurement.
type Compared struct {
	Forecast int64 `json:"forecast"`
	Measured int64 `json:"measured"`
}

// Deviation returns the difference between measurement and forecast as a share of the
// forecast.
func (c Compared) Deviation() float64 {
	return float64(c.Measured-c.Forecast) / float64(max(1, c.Forecast))
}

// Difference is memory that is live and not forecast, or with fewer than 0
// bytes forecast and not live.
type Difference struct {
	Layer string `json:"layer"`
	Op    string `json:"op,omitempty"` // TensorFlow's
	What  string `json:"what"`
	Bytes int64  `json:"bytes"`
}

// ProcessMemory is the growth of the process in RAM. It includes TensorFlow's constants
// and feeds, which RunMetadata does not count, and everything else in the process.
type ProcessMemory struct {
	// Weights: from before a session was opened to after, Go's own copy of the
	// weights freed.
	Weights Compared `json:"weights"`
	// First is the first run, of one image: with it come TensorFlow's code,
	// threads and the optimizer of graphs. Run is the first run of the whole
	// batch after that; nil for a batch of one.
	First Growth  `json:"first_run"`
	Run   *Growth `json:"run,omitempty"`
}

// Growth is the largest growth of the process during a run.
type Growth struct {
	Measured int64 `json:"measured"`
	Recorded int64 `json:"recorded"` // by TensorFlow for that run
	// Kernels is memory that kernels are known to allocate and TensorFlow does not record.
	Kernels []Difference `json:"kernels"`
	// Pool is the unused memory of oneDNN's pool; nil before SetPool.
	Pool *int64 `json:"pool,omitempty"`
	// Unexplained is the rest.
	Unexplained int64 `json:"unexplained"`
}

// SetPool computes the memory of oneDNN's pool from a second measurement without that
// pool (NoPool).
func (m *Measurement) SetPool(without Measurement) {
	if m.Process == nil || without.Process == nil {
		return
	}
	set := func(g *Growth, without Growth) {
		pool := g.Measured - without.Measured
		g.Pool = &pool
		g.Unexplained -= pool
	}
	set(&m.Process.First, without.Process.First)
	if m.Process.Run != nil && without.Process.Run != nil {
		set(m.Process.Run, *without.Process.Run)
	}
}

// NoPool is the environment variable that, set to 1, has oneDNN's kernels take
// memory from the system and not from a pool.
const NoPool = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"

const measuredRuns = 3

// Measure runs the network on a batch of random images with random weights on the CPU,
// and compares its memory with the forecast. The figures of the process are right where
// nothing else runs in it; a process for Measure alone is best.
func Measure(ctx context.Context, net graph.Network, batch int) (Measurement, error) {
	if ctx == nil {
		return Measurement{}, errors.New("profile: measure: ctx is nil, want one, as context.Background()")
	}
	if batch < 1 {
		return Measurement{}, fmt.Errorf("profile: measure: got a batch of %d images, want 1 or more", batch)
	}
	forecast, err := plan.MemoryOf(net, plan.Workload{Batch: batch})
	if err != nil {
		return Measurement{}, err
	}
	if forecast.Refused != "" {
		return Measurement{}, fmt.Errorf("profile: measure: batch of %d images: %s", batch, forecast.Refused)
	}
	if _, err := process.Devices(); err != nil { // starts TensorFlow
		return Measurement{}, err
	}
	var meter processMeter
	meter.begin()
	s, err := session.Open(net, RandomWeights(net, 1), session.Options{Device: "cpu", Executor: session.Parallel})
	if err != nil {
		return Measurement{}, err
	}
	defer s.Close()
	lowered := seam.Of(s).Lowered()
	p := &ProcessMemory{Weights: Compared{Forecast: forecast.Inference.Parts[0].Bytes, Measured: meter.growth()}}
	m := Measurement{Platform: process.PlatformOf(s.Device()), Batch: batch, Runs: measuredRuns}

	first, err := recordMemory(ctx, s, 1, &meter)
	if err != nil {
		return Measurement{}, err
	}
	p.First = growth(lowered, first, meter.most)
	kept := kept(first.nodes)
	var peak peak
	for i := range measuredRuns {
		now, err := recordMemory(ctx, s, batch, &meter)
		if err != nil {
			return Measurement{}, err
		}
		if i == 0 && batch > 1 {
			run := growth(lowered, now, meter.most)
			p.Run = &run
		}
		if now.bytes > peak.bytes {
			peak = now
		}
	}
	if meter.err == nil {
		m.Process = p
	}
	m.compare(forecast, peak, kept)
	return m, nil
}

// processMeter measures the process's memory. After an error it measures nothing more.
type processMeter struct {
	before rss
	most   int64 // growth at its most
	err    error
}

func (p *processMeter) begin() {
	if p.err == nil {
		p.before, p.err = readRSS()
	}
	if p.err == nil {
		p.err = resetMost()
	}
}

// growth returns the growth since begin.
func (p *processMeter) growth() int64 {
	now, err := readRSS()
	p.err = errors.Join(p.err, err)
	return now.now - p.before.now
}

// end measures the largest growth since begin.
func (p *processMeter) end() {
	now, err := currentRSS()
	p.err = errors.Join(p.err, err)
	p.most = now.most - p.before.now
}

// peak is the moment of a run at which most was live.
type peak struct {
	bytes int64
	nodes []trace.Node
	all   []allocation
	at    int // into all
}

// recordMemory runs a batch of random numbers once, and measures the process's memory
// while TensorFlow has the results.
func recordMemory(ctx context.Context, s *session.Session, batch int, meter *processMeter) (peak, error) {
	lowered := seam.Of(s).Lowered()
	x, err := tensor.New(append([]int{batch}, lowered.Program.Input...)...)
	if err != nil {
		return peak{}, fmt.Errorf("profile: measure: %w", err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range x.Data {
		x.Data[i] = random.Float32()
	}
	if err := ctx.Err(); err != nil {
		return peak{}, err
	}
	meter.begin()
	// With a ctx that cannot end TensorFlow reads the batch where it is.
	r, err := trace.Run(trace.Graph, seam.Layers(lowered), func(options []byte) ([]byte, error) {
		defer meter.end()
		return seam.Of(s).Record(context.WithoutCancel(ctx), x, outputSteps(lowered), options, true)
	})
	if err != nil {
		return peak{}, fmt.Errorf("profile: measure: %w", err)
	}
	p := peak{nodes: r.Nodes, all: allocations(r.Nodes)}
	p.bytes, p.at = busiest(p.all)
	return p, nil
}

// compare explains the peak by the forecast.
func (m *Measurement) compare(forecast plan.Memory, p peak, kept []Difference) {
	for _, k := range kept {
		m.Kept += k.Bytes
	}
	m.Activations = Compared{Forecast: forecast.Inference.Parts[2].Bytes, Measured: p.bytes + m.Kept}
	if p.at < 0 {
		return
	}
	now := p.all[p.at]
	m.PeakLayer, m.PeakOp = p.nodes[now.node].Layer, p.nodes[now.node].Op
	expected := forecast.Live(m.PeakLayer)
	for _, e := range expected {
		m.AtPeak += e.Bytes
	}
	m.Unexplained = m.Activations.Measured - m.AtPeak
	note := func(d Difference) {
		if d.Bytes != 0 {
			m.Differences = append(m.Differences, d)
			m.Unexplained -= d.Bytes
		}
	}
	for _, k := range kept {
		note(k)
	}
	// The latest first: of a layer that is made of several operations the last
	// one's output is the layer's.
	for _, a := range slices.Backward(p.all) {
		if a.from > now.from || a.to < now.from {
			continue
		}
		n := p.nodes[a.node]
		if !a.output {
			note(Difference{Layer: n.Layer, Op: n.Op, What: scratch(p.nodes, a), Bytes: a.bytes})
			continue
		}
		owner := p.nodes[ownerOf(p.nodes, a, now.from)]
		at := slices.IndexFunc(expected, func(e plan.Live) bool {
			return slices.Contains(e.Layers, n.Layer) || slices.Contains(e.Layers, owner.Layer)
		})
		if at < 0 {
			d := Difference{Layer: owner.Layer, Op: owner.Op, What: "output not forecast here, TensorFlow has run the steps in another order", Bytes: a.bytes}
			if d.Layer == m.PeakLayer {
				d.What = "output of one of the operations that the layer is made of"
			}
			note(d)
			continue
		}
		note(Difference{Layer: owner.Layer, Op: owner.Op, What: "output of another size than forecast", Bytes: a.bytes - expected[at].Bytes})
		expected = slices.Delete(expected, at, at+1)
	}
	for _, e := range expected {
		note(Difference{Layer: e.Layers[len(e.Layers)-1], What: "output that is not live here, not yet computed or freed before", Bytes: -e.Bytes})
	}
}
