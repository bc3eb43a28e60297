package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tfcnn/session"
	"tfcnn/session/process"
)

// Plan says how much is run. Zero fields have the defaults of Memory and Load.
type Plan struct {
	Runs       int           // calls, for Memory
	Time       time.Duration // how long, for Load
	Cycles     int           // sessions that are opened, run and closed beside; 0: none
	Goroutines int           // that call at once
	Images     int           // with a reference, for each network
	Batches    int           // of them, for each network
	Sizes      []int         // of the batches
	Shares     Shares
	// Reopen is how long a session lives that goroutines are calling. 0: to
	// the end.
	Reopen time.Duration
	Seed   uint64
	// Growth is how much the process may grow from the first sample to the last,
	// as a share of the first.
	Growth   float64
	Options  session.Options // Limit is the same for all sessions
	Progress io.Writer       // nil: none
}

// Shares of the calls that are not a plain Run which gives an answer.
type Shares struct {
	Into, Outputs, Traced  float64 // RunInto, RunOutputs, profile.Trace
	Bad                    float64 // input that must be refused
	Done, During, Deadline float64 // a ctx that is done, one that is cancelled in the run, one with microseconds left
}

// The defaults.
const (
	memoryRuns, memoryGoroutines  = 50000, 16
	loadTime, loadGoroutines      = 10 * time.Minute, 24
	loadRuns, loadBytes           = 8, 64 << 20 // in flight, of all sessions together
	defaultImages, defaultBatches = 200, 200
	defaultGrowth                 = 0.05
	samples                       = 10
)

// defaultSizes has the sizes of batches as often as they are used.
var defaultSizes = []int{1, 2, 3, 8, 1, 17, 0, 1, 2, 3, 8, 64}

func (p Plan) common() Plan {
	if p.Images == 0 {
		p.Images = defaultImages
	}
	if p.Batches == 0 {
		p.Batches = defaultBatches
	}
	if p.Sizes == nil {
		p.Sizes = defaultSizes
	}
	if p.Growth == 0 {
		p.Growth = defaultGrowth
	}
	if p.Progress == nil {
		p.Progress = io.Discard
	}
	return p
}

// Memory runs Plan.Runs calls of mixed batch sizes, and beside them opens, runs
// and closes Plan.Cycles sessions of different networks. By default 50,000
// calls from 16 goroutines, 42 in 100 of other kinds than
// a plain Run.
func Memory(ctx context.Context, p Plan) (Report, error) {
	if p.Runs == 0 {
		p.Runs = memoryRuns
	}
	if p.Goroutines == 0 {
		p.Goroutines = memoryGoroutines
	}
	if p.Shares == (Shares{}) {
		p.Shares = Shares{Into: 0.2, Outputs: 0.06, Traced: 0.01, Bad: 0.05, Done: 0.03, During: 0.04, Deadline: 0.03}
	}
	p.Time = 0
	return start(ctx, "memory", p.common())
}

// Load runs for Plan.Time, 10 minutes by default, from 24 goroutines. Of 100
// calls one has bad input and one is cancelled, and the sessions are closed
// under the callers, and opened again.
func Load(ctx context.Context, p Plan) (Report, error) {
	if p.Time == 0 {
		p.Time = loadTime
	}
	if p.Goroutines == 0 {
		p.Goroutines = loadGoroutines
	}
	if p.Reopen == 0 {
		p.Reopen = time.Second
	}
	if p.Options.Limit == nil {
		p.Options.Limit = session.NewLimit(loadRuns, loadBytes)
	}
	if p.Shares == (Shares{}) {
		p.Shares = Shares{Into: 0.3, Outputs: 0.02, Bad: 0.01, Done: 0.002, During: 0.004, Deadline: 0.004}
	}
	return start(ctx, "load", p.common())
}

// ErrEnvironment is wrapped where the machine lacks what a soak needs.
var ErrEnvironment = errors.New("the machine lacks something")

func start(ctx context.Context, name string, p Plan) (_ Report, err error) {
	if p.Goroutines < 1 || p.Runs < 0 || p.Cycles < 0 || p.Images <= spoilt || p.Batches < 1 {
		return Report{}, fmt.Errorf("soak: got %d goroutines, %d runs, %d cycles, %d images, %d batches: too few", p.Goroutines, p.Runs, p.Cycles, p.Images, p.Batches)
	}
	e := &engine{Plan: p, report: Report{Part: name, TensorFlow: process.Version(), Goroutines: p.Goroutines, Seed: p.Seed, Growth: p.Growth}}
	list, err := networks()
	if err != nil {
		return Report{}, err
	}
	before := remains()
	fmt.Fprintf(p.Progress, "soak: computing the reference of %d images through %d networks\n", p.Images, len(list))
	for _, n := range list {
		pool, err := newPool(ctx, n, p.Images, p.Batches, p.Sizes)
		if err != nil {
			return Report{}, err
		}
		s := &slot{pool: pool}
		if err := s.open(p.Options); err != nil {
			return Report{}, err
		}
		e.slots = append(e.slots, s)
		e.report.Networks = append(e.report.Networks, n.name)
		if err := pool.settle(ctx, s.current.Load().Session); err != nil {
			return Report{}, errors.Join(err, e.close())
		}
	}
	err = e.run(ctx)
	if closing := e.close(); closing != nil {
		e.fail(closing)
	}
	e.left(before)
	return e.report, err
}
