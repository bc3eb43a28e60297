package draw

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tfcnn/internal/proof"
)

// Random is a run of cases that are drawn.
type Random struct {
	Seed  uint64
	Cases int
	Ops   []string // empty: all
	// Parallel is the number of cases that run beside each other in the worker.
	Parallel int
	// MostFailures is the number of failures after which a run gives up. 0: 20.
	MostFailures int
	// ShrinkTime bounds the time that is given to making a failure smaller. 0:
	// 20 seconds.
	ShrinkTime time.Duration
	Progress   func(done int) // may be nil
}

// RandomResult is the result of such a run.
type RandomResult struct {
	Seed     uint64          `json:"seed"`
	Cases    int             `json:"cases"` // that were run
	Ops      []OpCount       `json:"ops"`
	Failures []proof.Outcome `json:"failures"` // each shrunk, the case in Repeat
	Deaths   int             `json:"deaths"`   // of worker processes
	GaveUp   bool            `json:"gave_up,omitempty"`
	Seconds  float64         `json:"seconds"`
}

// OpCount counts the cases of one operation.
type OpCount struct {
	Op       string `json:"op"`
	Computed int    `json:"computed"`
	Refused  int    `json:"refused"` // as they had to be
	// Uncompared counts the cases that were computed, and no number compared.
	Uncompared int `json:"proves_nothing,omitempty"`
	Failed     int `json:"failed"`
	// Share is the largest part of its bound that an error took.
	Share float64 `json:"share_of_bound"`
	// OverBudget reports that nothing is asked of too many numbers of the cases: more
	// than verdict.MostUnspecified of all are unspecified, and more than Allowance.
	OverBudget bool `json:"over_budget,omitempty"`
	// Verdict merges those of all cases that were computed.
	Verdict proof.Verdict `json:"verdict"`
}

// Allowance is the number of unspecified numbers that an operation may have in any run.
// Few of a run's cases have such numbers, and a small run may have more than its part of
// those cases. Of 150 runs of 30, 100 and 300 cases of each operation none had more than
// 261 unspecified numbers and more than 2 % of its numbers.
const Allowance = 500

// OverBudget returns the operations that are over their budget of unspecified numbers.
func (r RandomResult) OverBudget() []OpCount {
	return slices.DeleteFunc(slices.Clone(r.Ops), func(op OpCount) bool { return !op.OverBudget })
}

// Run draws the cases and has the watched worker run them. A failure is run
// again alone, and shrunk to the smallest case that still fails in the same way.
func (r Random) Run(ctx context.Context, watch *Watch) (RandomResult, error) {
	start := time.Now()
	run := &randomRun{Random: r, watch: watch, counts: map[string]*OpCount{}}
	if run.MostFailures == 0 {
		run.MostFailures = 20
	}
	if run.ShrinkTime == 0 {
		run.ShrinkTime = 20 * time.Second
	}
	if err := run.all(ctx); err != nil {
		return RandomResult{}, err
	}
	result := RandomResult{Seed: r.Seed}
	if err := run.failures(ctx, &result); err != nil {
		return RandomResult{}, err
	}
	for _, name := range proof.Operations() {
		if count := run.counts[name]; count != nil {
			count.OverBudget = count.Verdict.Unspecified > Allowance && count.Verdict.OverBudget()
			result.Ops = append(result.Ops, *count)
		}
	}
	result.Cases, result.Deaths, result.Seconds = run.done, watch.Deaths, time.Since(start).Seconds()
	result.GaveUp = run.done < r.Cases
	return result, nil
}

type randomRun struct {
	Random
	watch *Watch

	mu     sync.Mutex
	next   int
	done   int
	counts map[string]*OpCount
	failed []int // numbers of cases
	died   []int
	killed []int // those of them whose worker the system killed
	err    error
}

// all runs every case once, several beside each other.
func (r *randomRun) all(ctx context.Context) error {
	err := inParallel(ctx, r.Parallel, r.take, func(ctx context.Context, i int) bool {
		o, err := r.watch.run(ctx, job{Seed: r.Seed, Number: i, Ops: r.Ops})
		return r.enter(i, o, err)
	})
	return cmp.Or(r.err, err)
}

// inParallel calls run for each number that take returns, from n goroutines, until take
// has no more, a run returns false, or ctx ends; ctx's error is returned.
func inParallel(ctx context.Context, n int, take func() (int, bool), run func(ctx context.Context, i int) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	for range max(1, n) {
		group.Go(func() {
			for {
				i, more := take()
				if !more || ctx.Err() != nil {
					return
				}
				if !run(ctx, i) {
					cancel()
					return
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// take returns the number of the next case.
func (r *randomRun) take() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.Cases || len(r.failed)+len(r.died)+len(r.killed) >= r.MostFailures {
		return 0, false
	}
	r.next++
	return r.next - 1, true
}

// enter counts the outcome of a case; false ends the run.
func (r *randomRun) enter(i int, o proof.Outcome, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, errDied):
		r.died = append(r.died, i)
		return true
	case errors.Is(err, ErrKilled):
		r.killed = append(r.killed, i)
		return true
	}
	if err != nil {
		if r.err == nil {
			r.err = err
		}
		return false
	}
	r.count(i, o)
	return true
}

func (r *randomRun) count(i int, o proof.Outcome) {
	r.done++
	if r.Progress != nil {
		r.Progress(r.done)
	}
	count := r.counts[o.Op]
	if count == nil {
		count = &OpCount{Op: o.Op, Verdict: proof.Verdict{Status: proof.Pass}}
		r.counts[o.Op] = count
	}
	switch {
	case o.Status == proof.Fail:
		count.Failed++
		r.failed = append(r.failed, i)
	case o.Status == proof.Nothing:
		count.Uncompared++
	case o.Refusal != "":
		count.Refused++
	default:
		count.Computed++
	}
	if o.Device != nil {
		count.Verdict = count.Verdict.Merge(*o.Device, 0)
		if o.Device.OK() {
			count.Share = max(count.Share, o.Device.Share)
		}
	}
}

// failures runs the cases that died again, alone, and shrinks those that fail.
func (r *randomRun) failures(ctx context.Context, result *RandomResult) error {
	again := slices.Sorted(slices.Values(append(slices.Clone(r.died), r.killed...)))
	for _, i := range again {
		c := Draw(r.Seed, i, r.Ops)
		o, err := r.watch.Run(ctx, c)
		if errors.Is(err, ErrKilled) {
			return fmt.Errorf("proof: case %d of seed %d: %w", i, r.Seed, err)
		}
		if err != nil {
			return err
		}
		r.count(i, o)
	}
	slices.Sort(r.failed)
	for _, i := range r.failed {
		c := Draw(r.Seed, i, r.Ops)
		o, err := r.watch.Run(ctx, c)
		if err != nil {
			return err
		}
		if o.Status != proof.Fail {
			if o, err = proof.Failed(c, proof.RepetitionCause, errors.New("it failed beside other cases, and passes alone")); err != nil {
				return err
			}
		} else if o, err = Shrink(ctx, r.ShrinkTime, c, o, r.watch.Run); err != nil {
			return err
		}
		o.File = fmt.Sprintf("seed %d", r.Seed)
		result.Failures = append(result.Failures, o)
	}
	if len(r.died) > 0 && len(r.failed) == 0 {
		return fmt.Errorf("proof: a worker died with cases %v of seed %d, and none of them does alone", r.died, r.Seed)
	}
	return nil
}
