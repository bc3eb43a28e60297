package profile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/trace"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
	"tfcnn/session/process"
)

// Measurement is what memory a network really took, beside the forecast of
// graph.Memory. All amounts are bytes.
type Measurement struct {
	process.Platform
	Batch int `json:"batch"`
	Runs  int `json:"runs"` // of which the largest peak is taken

	// Activations are what TensorFlow's allocators gave out: neither the
	// weights nor the input.
	Activations Compared `json:"activations"`
	// PeakLayer is the layer that was computed when most was live, PeakOp
	// TensorFlow's operation.
	PeakLayer string `json:"peak_layer"`
	PeakOp    string `json:"peak_op"`
	// AtPeak is the forecast for that very layer, which may be less than that
	// for the busiest.
	AtPeak int64 `json:"forecast_at_peak"`
	// Differences are by what the measured peak differs from AtPeak; Unexplained
	// is what they leave.
	Differences []Difference `json:"differences"`
	Unexplained int64        `json:"unexplained"`
	// Kept is what the first run allocated and no run gave back. It is part of
	// the measured activations and of the differences.
	Kept int64 `json:"kept"`

	// Process is what Linux counts for the process; nil where it does not tell.
	Process *ProcessMemory `json:"process,omitempty"`
}

// Compared is a forecast and what was measured.
type Compared struct {
	Forecast int64 `json:"forecast"`
	Measured int64 `json:"measured"`
}

// Deviation is by what share the measured amount differs from the forecast.
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

// ProcessMemory is by how much the process grew in RAM. TensorFlow counts its
// constants and what is fed in no RunMetadata; this does, and all else in the
// process with it.
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

// Growth is by how much the process grew during a run, at the most.
type Growth struct {
	Measured int64 `json:"measured"`
	Recorded int64 `json:"recorded"` // by TensorFlow for that run
	// Kernels is what kernels are known to allocate past the record.
	Kernels []Difference `json:"kernels"`
	// Pool is what oneDNN's pool of memory takes more than it gives out, as far
	// as SetPool has told; nil where it has not.
	Pool *int64 `json:"pool,omitempty"`
	// Unexplained is what is left.
	Unexplained int64 `json:"unexplained"`
}

// SetPool enters what oneDNN's pool of memory takes, by a second measurement of the
// same with that pool switched off (NoPool).
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

// Measure runs the network on a batch of random images, with weights that
// are drawn, and compares what memory that took with the forecast. Figures of
// the process are right where nothing else goes on in it, best in a process of
// its own. It is for the CPU.
func Measure(ctx context.Context, net graph.Network, batch int) (Measurement, error) {
	if ctx == nil {
		return Measurement{}, errors.New("profile: measure: ctx is nil, want one, as context.Background()")
	}
	forecast, err := net.Memory(graph.Workload{Batch: batch})
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

// processMeter takes the process's memory. After a failure it gives nothing
// more.
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

// growth is from begin to now.
func (p *processMeter) growth() int64 {
	now, err := readRSS()
	p.err = errors.Join(p.err, err)
	return now.now - p.before.now
}

// end takes the most since begin.
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

// recordMemory runs a batch of random numbers once, and takes the process's memory
// while TensorFlow holds the results.
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
func (m *Measurement) compare(forecast graph.Memory, p peak, kept []Difference) {
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
		held := p.nodes[holder(p.nodes, a, now.from)]
		at := slices.IndexFunc(expected, func(e graph.Live) bool {
			return slices.Contains(e.Layers, n.Layer) || slices.Contains(e.Layers, held.Layer)
		})
		if at < 0 {
			d := Difference{Layer: held.Layer, Op: held.Op, What: "output not forecast here, TensorFlow has run the steps in another order", Bytes: a.bytes}
			if d.Layer == m.PeakLayer {
				d.What = "output of one of the operations that the layer is made of"
			}
			note(d)
			continue
		}
		note(Difference{Layer: held.Layer, Op: held.Op, What: "output of another size than forecast", Bytes: a.bytes - expected[at].Bytes})
		expected = slices.Delete(expected, at, at+1)
	}
	for _, e := range expected {
		note(Difference{Layer: e.Layers[len(e.Layers)-1], What: "output that is not live here, not yet computed or given back before", Bytes: -e.Bytes})
	}
}
