package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tfcnn/bench/worker"
	"tfcnn/graph/tensor"
)

// effort is how long a row is measured.
type effort struct {
	rounds int
	block  float64 // seconds that a contestant calls in one round
	log    func(format string, arguments ...any)
}

// startRounds is for new processes, each of which takes seconds.
func (p effort) startRounds() int { return max(1, (p.rounds+1)/2) }

// settle is between two contestants: what the one left running comes to rest.
const settle = 20 * time.Millisecond

// measureRow runs one row with all contestants, round by round in an order
// that rotates, so that each comes after each.
func measureRow(ctx context.Context, r row, contestants []contestant, limit *contestant, p effort) (m measured, err error) {
	folder, err := os.MkdirTemp("", "tfcnn-bench-")
	if err != nil {
		return measured{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	job, work, err := writeJob(folder, r)
	if err != nil {
		return measured{}, fmt.Errorf("row %s: %w", r.name, err)
	}
	m = measured{Row: r.name, Title: r.title, How: r.how, Quick: r.quick, Callers: r.callers, Work: work, Begun: time.Now(), Load: loadAverage()}
	contestants = slices.DeleteFunc(slices.Clone(contestants), func(c contestant) bool { return !c.takesPart(r) })
	if r.how == start {
		err := m.coldStarts(ctx, folder, contestants, p)
		return m, err
	}
	field := &field{row: r, folder: folder, job: job, effort: p}
	defer field.end()
	for _, c := range contestants {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		p.log("%s: %s", r.name, c.name)
		field.enter(ctx, c)
	}
	if limit != nil {
		if err := field.enterLimits(ctx, *limit); err != nil {
			return m, err
		}
	}
	for round := range p.rounds {
		p.log("%s: round %d of %d", r.name, round+1, p.rounds)
		if err := field.round(ctx, round); err != nil {
			return m, err
		}
	}
	field.finish(&m)
	return m, nil
}

// entrant is a contestant in a row.
type entrant struct {
	process *process // nil where it does not run
	figure  figure
	seconds [][]float64 // of the calls of each round
}

// field is the contestants of a row, each in its process.
type field struct {
	row    row
	folder string
	job    worker.Job
	effort effort

	entrants  []*entrant
	reference []tensor.Tensor // ours
	limits    *process
	product   []float64 // FLOP/s of each round
	copied    []float64 // bytes/s
}

// enter starts a contestant and holds its results to ours, which come first.
func (f *field) enter(ctx context.Context, c contestant) {
	e := &entrant{figure: figure{Name: c.name, Side: c.side}}
	f.entrants = append(f.entrants, e)
	process, err := begin(ctx, c)
	if err == nil {
		err = f.admit(process, e)
		if err != nil {
			process.end()
		}
	}
	switch {
	case errors.Is(err, errCannot):
		e.figure.Cannot = err.Error()
	case err != nil:
		e.figure.Failed = err.Error()
	default:
		process.pause()
		e.process = process
	}
}

func (f *field) admit(p *process, e *entrant) error {
	reply, err := p.ask(worker.Request{Do: "prepare", Folder: f.folder})
	if err != nil {
		return err
	}
	e.figure.About = reply.About
	if _, err := p.ask(worker.Request{Do: "calls", Most: 1}); err != nil {
		return err
	}
	e.figure.First = time.Since(p.started).Seconds()
	to := filepath.Join(f.folder, e.figure.Name)
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	if _, err := p.ask(worker.Request{Do: "results", Folder: to}); err != nil {
		return err
	}
	got, err := readResults(to, max(f.job.Inputs, len(f.job.Files)), len(f.job.Outputs))
	if err != nil {
		return fmt.Errorf("%s: results: %w", e.figure.Name, err)
	}
	if f.reference == nil {
		f.reference = got
	}
	if e.figure.Difference, err = difference(got, f.reference); err != nil {
		return fmt.Errorf("%s: results: %w", e.figure.Name, err)
	}
	if most := f.row.agreement(); e.figure.Difference > most {
		return fmt.Errorf("%s: results differ from %s's by %.2g of their span, want at most %g", e.figure.Name, ourName, e.figure.Difference, most)
	}
	return nil
}

func (f *field) enterLimits(ctx context.Context, c contestant) error {
	process, err := begin(ctx, c)
	if err != nil {
		return err
	}
	f.limits = process
	_, err = process.ask(worker.Request{Do: "prepare", Folder: f.folder})
	process.pause()
	return err
}

// round measures each contestant once, and the limits. All others are stopped.
func (f *field) round(ctx context.Context, round int) error {
	n := len(f.entrants)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := f.entrants[(i+round)%n]
		if e.process == nil {
			continue
		}
		if err := f.turn(e); err != nil {
			e.figure.Failed = err.Error()
			e.process.end()
			e.process = nil
		}
	}
	return f.measureLimits()
}

// turn is one contestant's part of a round.
func (f *field) turn(e *entrant) error {
	e.process.resume()
	defer e.process.pause()
	time.Sleep(settle)
	request := worker.Request{Do: "calls", Warm: 2, Least: 3, Most: 5000, Seconds: f.effort.block}
	if n := len(e.figure.Rounds); n > 0 && e.figure.Rounds[n-1] > f.effort.block/2 {
		request.Warm, request.Least = 1, 1 // slow: what a first call costs it does not notice
	}
	if f.row.callers > 1 {
		request = worker.Request{Do: "callers", Callers: f.row.callers, Seconds: f.effort.block}
	}
	reply, err := e.process.ask(request)
	if err != nil {
		return err
	}
	e.seconds = append(e.seconds, reply.Seconds)
	a := quantile(reply.Seconds, 0.5)
	if f.row.callers > 1 {
		a = reply.Wall / float64(len(reply.Seconds))
	}
	e.figure.Rounds = append(e.figure.Rounds, a)
	return nil
}

func (f *field) measureLimits() error {
	if f.limits == nil {
		return nil
	}
	f.limits.resume()
	defer f.limits.pause()
	time.Sleep(settle)
	product, err := f.limits.ask(worker.Request{Do: "calls", Warm: 1, Least: 2, Most: 100, Seconds: 0.15})
	if err != nil {
		return err
	}
	copied, err := f.limits.ask(worker.Request{Do: "calls", Input: 1, Warm: 2, Least: 5, Most: 5000, Seconds: 0.05})
	if err != nil {
		return err
	}
	f.product = append(f.product, productFLOPs/quantile(product.Seconds, 0.5))
	f.copied = append(f.copied, float64(f.job.CopyBytes)/quantile(copied.Seconds, 0.5))
	return nil
}

// finish sums up.
func (f *field) finish(m *measured) {
	m.Limits = limits{Product: spreadOf(f.product), Copy: spreadOf(f.copied)}
	for _, e := range f.entrants {
		e.figure.Seconds = spreadOfRounds(e.seconds)
		if f.row.callers > 1 {
			e.figure.P99 = quantile(slices.Concat(e.seconds...), 0.99)
		}
		if e.process != nil {
			peak, err := e.process.peak()
			if err != nil {
				e.figure.Failed = err.Error()
			}
			e.figure.PeakBytes = peak
		}
		m.Contestants = append(m.Contestants, e.figure)
	}
	m.compare()
}

// compare sets each contestant against ours.
func (m *measured) compare() {
	own, found := m.find(ourName)
	if !found {
		return
	}
	for i, f := range m.Contestants {
		m.Contestants[i].Ratio = spreadOf(ratios(f.Rounds, own.Rounds))
	}
}

// end ends all processes.
func (f *field) end() {
	for _, e := range f.entrants {
		if e.process != nil {
			e.process.end()
		}
	}
	if f.limits != nil {
		f.limits.end()
	}
}

// coldStarts measures new processes to their first result. One that fails is
// not started again.
func (m *measured) coldStarts(ctx context.Context, folder string, contestants []contestant, p effort) error {
	for _, c := range contestants {
		m.Contestants = append(m.Contestants, figure{Name: c.name, Side: c.side})
	}
	n := len(contestants)
	for round := range p.startRounds() {
		p.log("%s: round %d of %d", m.Row, round+1, p.startRounds())
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := (i + round) % n
			f := &m.Contestants[at]
			if f.Cannot != "" || f.Failed != "" {
				continue
			}
			err := f.coldStart(ctx, folder, contestants[at])
			if errors.Is(err, errCannot) {
				f.Cannot = err.Error()
			} else if err != nil {
				f.Failed = err.Error()
			}
		}
	}
	for i := range m.Contestants {
		f := &m.Contestants[i]
		f.Seconds = spreadOf(f.Rounds)
		f.First = f.Seconds.Median
	}
	m.compare()
	return nil
}

func (f *figure) coldStart(ctx context.Context, folder string, c contestant) error {
	process, err := begin(ctx, c)
	if err != nil {
		return err
	}
	defer process.end()
	reply, err := process.ask(worker.Request{Do: "prepare", Folder: folder})
	if err != nil {
		return err
	}
	if _, err := process.ask(worker.Request{Do: "calls", Most: 1}); err != nil {
		return err
	}
	f.Rounds = append(f.Rounds, time.Since(process.started).Seconds())
	f.About = reply.About
	peak, err := process.peak()
	f.PeakBytes = max(f.PeakBytes, peak)
	return err
}
