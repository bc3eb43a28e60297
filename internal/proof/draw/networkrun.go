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
	"tfcnn/internal/quote"
)

// NetworkBackend is a proof.Backend that runs networks, too.
type NetworkBackend interface {
	proof.Backend
	// RunNetwork runs a network and compares what can be compared.
	RunNetwork(ctx context.Context, n Network) (NetworkResult, error)
}

// NetworkResult is what was compared of a network's run.
type NetworkResult struct {
	Parts []NetworkPart `json:"parts"`
	// Unbounded is the number of numbers that were computed in a type of arithmetic for
	// which the reference has no bounds. They were compared with nothing.
	Unbounded int `json:"without_bounds,omitempty"`
	// Kernels are the kernels that computed, sorted.
	Kernels []string `json:"kernels,omitempty"`
}

// NetworkPart is the verdict on some numbers of a network's run.
type NetworkPart struct {
	Kind    string        `json:"kind"`   // a layer's kind, or that of several layers
	Layers  []string      `json:"layers"` // by name
	Verdict proof.Verdict `json:"verdict"`
}

// answer runs the network.
func (n Network) answer(ctx context.Context, backend NetworkBackend) (answer, error) {
	start := time.Now()
	result, err := backend.RunNetwork(ctx, n)
	o, failure := n.outcome(result, err)
	o.Seconds = time.Since(start).Seconds()
	return answer{Outcome: o, Cause: o.Cause, Network: result}, failure
}

// outcome returns the outcome of a run: its verdict is that of all parts together, and
// the worst part is named.
func (n Network) outcome(result NetworkResult, err error) (proof.Outcome, error) {
	if err != nil {
		return n.failed(proof.BackendCause, fmt.Errorf("device: %w", err))
	}
	o := proof.Outcome{Name: n.Name, Op: networkOp, Status: proof.Pass}
	var worst *NetworkPart
	all := proof.Verdict{Status: proof.Pass}
	for i, part := range result.Parts {
		if part.Verdict.Status == proof.Nothing {
			part.Verdict.Status = proof.Pass // counted by itself; others have numbers
		}
		if worse := o.Status.Worse(part.Verdict.Status); worse != o.Status {
			o.Status, worst = worse, &result.Parts[i]
		}
		all = all.Merge(part.Verdict, 0)
	}
	all.Worst, all.Status = nil, o.Status // Worst is an index of some part
	if len(result.Parts) > 0 {
		o.Device = &all
	}
	if o.Status.OK() {
		return o, nil
	}
	failed, err := n.failed(proof.NumbersCause, fmt.Errorf("%s [%s]: %v", worst.Kind, quote.Names(worst.Layers), worst.Verdict))
	failed.Device, failed.Status = o.Device, o.Status
	return failed, err
}

// networkOp is the operation of outcomes of networks.
const networkOp = "network"

// failed returns the outcome of a network that failed.
func (n Network) failed(cause proof.Cause, reason error) (proof.Outcome, error) {
	text, err := WriteNetworks(n)
	return proof.Outcome{Name: n.Name, Op: networkOp, Status: proof.Fail, Cause: cause, Failure: reason.Error(), Repeat: text}, err
}

// RunNetwork runs one network in a worker. The worker's death is an outcome. The error
// is of a worker that cannot be started, or ctx's.
func (w *Watch) RunNetwork(ctx context.Context, n Network) (proof.Outcome, error) {
	a, err := w.do(ctx, job{Network: &n})
	if errors.Is(err, errDied) {
		return n.failed(proof.ProcessCause, err)
	}
	return a.Outcome, err
}

// RandomNetworks is a run of networks that are drawn.
type RandomNetworks struct {
	Seed     uint64
	Networks int
	// Given, where it is not nil, are the networks of the file GivenFrom: none is drawn.
	Given     []Network
	GivenFrom string
	// Parallel, MostFailures and ShrinkTime are as in Random; 0 failures: 5.
	Parallel, MostFailures int
	ShrinkTime             time.Duration
	Progress               func(done int) // may be nil
}

// NetworksResult is the result of such a run.
type NetworksResult struct {
	From     string `json:"from"`     // "seed 1", or the file that was given
	Networks int    `json:"networks"` // that were run
	Compared int    `json:"compared"` // with the reference
	// Unbounded counts the networks that ran in a type without bounds: they gave
	// outputs of the right shapes, and nothing else is known of them.
	Unbounded int             `json:"without_bounds"`
	Kinds     []KindCount     `json:"kinds"` // in order of their names
	Kernels   []string        `json:"kernels"`
	Failures  []proof.Outcome `json:"failures"` // each shrunk, the network in Repeat
	GaveUp    bool            `json:"gave_up,omitempty"`
	Seconds   float64         `json:"seconds"`
}

// KindCount counts the parts of one kind.
type KindCount struct {
	Kind       string `json:"kind"`
	Parts      int    `json:"parts"`
	Failed     int    `json:"failed"`
	Uncompared int    `json:"proves_nothing,omitempty"`
	// Share is the largest part of its bound that an error took.
	Share float64 `json:"share_of_bound"`
	// OverBudget is OpCount's.
	OverBudget bool          `json:"over_budget,omitempty"`
	Verdict    proof.Verdict `json:"verdict"`
}

// OverBudget returns the kinds that are over their budget of unspecified numbers.
func (r NetworksResult) OverBudget() []KindCount {
	return slices.DeleteFunc(slices.Clone(r.Kinds), func(kind KindCount) bool { return !kind.OverBudget })
}

// Run has the watched worker run the networks, several beside each other. A failure is
// run again alone, and shrunk to the smallest network that still fails in the same way.
func (r RandomNetworks) Run(ctx context.Context, watch *Watch) (NetworksResult, error) {
	start := time.Now()
	run := &networksRun{RandomNetworks: r, watch: watch, kinds: map[string]*KindCount{}, kernels: map[string]bool{}}
	run.result.From = fmt.Sprintf("seed %d", r.Seed)
	if run.Given != nil {
		run.Networks, run.result.From = len(run.Given), run.GivenFrom
	}
	if run.MostFailures == 0 {
		run.MostFailures = 5
	}
	if run.ShrinkTime == 0 {
		run.ShrinkTime = 40 * time.Second
	}
	if err := run.all(ctx); err != nil {
		return NetworksResult{}, err
	}
	if err := run.failures(ctx); err != nil {
		return NetworksResult{}, err
	}
	result := run.result
	result.GaveUp = result.Networks < run.Networks
	for _, kind := range sortedKeys(run.kinds) {
		count := run.kinds[kind]
		count.OverBudget = count.Verdict.Unspecified > Allowance && count.Verdict.OverBudget()
		result.Kinds = append(result.Kinds, *count)
	}
	result.Kernels = sortedKeys(run.kernels)
	result.Seconds = time.Since(start).Seconds()
	return result, nil
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

type networksRun struct {
	RandomNetworks
	watch *Watch

	mu      sync.Mutex
	next    int
	bad     []int // numbers of networks that failed, or whose worker ended
	err     error
	result  NetworksResult
	kinds   map[string]*KindCount
	kernels map[string]bool
}

// network returns network i.
func (r *networksRun) network(i int) Network {
	if r.Given != nil {
		return r.Given[i]
	}
	return DrawNetwork(r.Seed, i)
}

// all runs every network once.
func (r *networksRun) all(ctx context.Context) error {
	err := inParallel(ctx, r.Parallel, r.take, func(ctx context.Context, i int) bool {
		n := r.network(i)
		a, err := r.watch.do(ctx, job{Network: &n})
		return r.enter(i, a, err)
	})
	return cmp.Or(r.err, err)
}

// take returns the number of the next network.
func (r *networksRun) take() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.Networks || len(r.bad) >= r.MostFailures {
		return 0, false
	}
	r.next++
	return r.next - 1, true
}

// enter counts the answer on a network; false ends the run.
func (r *networksRun) enter(i int, a answer, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ended := errors.Is(err, errDied) || errors.Is(err, ErrKilled); err != nil && !ended {
		if r.err == nil {
			r.err = err
		}
		return false
	}
	r.result.Networks++
	if r.Progress != nil {
		r.Progress(r.result.Networks)
	}
	if err != nil || !a.Outcome.Status.OK() {
		r.bad = append(r.bad, i)
	}
	if err == nil {
		r.count(a.Network)
	}
	return true
}

// count enters what was compared of a network.
func (r *networksRun) count(result NetworkResult) {
	switch {
	case len(result.Parts) > 0:
		r.result.Compared++
	case result.Unbounded > 0:
		r.result.Unbounded++
	}
	for _, kernel := range result.Kernels {
		r.kernels[kernel] = true
	}
	for _, part := range result.Parts {
		count := r.kinds[part.Kind]
		if count == nil {
			count = &KindCount{Kind: part.Kind, Verdict: proof.Verdict{Status: proof.Pass}}
			r.kinds[part.Kind] = count
		}
		count.Parts++
		switch {
		case part.Verdict.Status == proof.Nothing:
			count.Uncompared++
		case part.Verdict.OK():
			count.Share = max(count.Share, part.Verdict.Share)
		default:
			count.Failed++
		}
		part.Verdict.Worst = nil
		count.Verdict = count.Verdict.Merge(part.Verdict, 0)
	}
}

// failures runs each network that failed a second time, alone, and shrinks a network
// that fails then, too.
func (r *networksRun) failures(ctx context.Context) error {
	slices.Sort(r.bad)
	for _, i := range r.bad {
		n := r.network(i)
		o, err := r.watch.RunNetwork(ctx, n)
		if errors.Is(err, ErrKilled) {
			return fmt.Errorf("proof: %s: %w", n.Name, err)
		}
		if err != nil {
			return err
		}
		if o.Status.OK() {
			o, err = n.failed(proof.RepetitionCause, errors.New("it failed beside other networks, and passes alone"))
		} else {
			o, err = shrink(ctx, r.ShrinkTime, n, o, smallerNetworks, r.watch.RunNetwork)
		}
		if err != nil {
			return err
		}
		o.File = r.result.From
		r.result.Failures = append(r.result.Failures, o)
	}
	return nil
}
