package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a soak.
type Report struct {
	Part       string   `json:"part"` // "memory" or "load"
	TensorFlow string   `json:"tensorflow"`
	Networks   []string `json:"networks"`
	Goroutines int      `json:"goroutines"`
	Seed       uint64   `json:"seed"`
	Calls      int64    `json:"calls"`
	Cycles     int64    `json:"cycles"`   // sessions opened, run and closed beside the calls
	Reopened   int64    `json:"reopened"` // sessions closed under their callers
	Seconds    float64  `json:"seconds"`

	Counts map[kind]*Count `json:"counts"`
	// Latency is of the calls that gave an answer, Late of those whose ctx
	// ended: from its end to the return. Milliseconds.
	Latency Quantiles `json:"latency_ms"`
	Late    Quantiles `json:"late_ms"`

	Samples []Sample `json:"samples"` // after each tenth
	Trimmed Sample   `json:"trimmed"` // at the end, after Go and C returned unused memory
	Growth  float64  `json:"growth_allowed"`

	Failures []string `json:"failures,omitempty"`

	latency, late histogram
}

// Count is the outcomes of the calls of a kind.
type Count struct {
	Calls    int64 `json:"calls"`
	Answers  int64 `json:"answers"`  // right ones
	Errors   int64 `json:"errors"`   // refusals that were due
	Canceled int64 `json:"canceled"` // ended with their ctx
	Closed   int64 `json:"closed"`   // ErrClosed, while the session was being closed
}

// Quantiles of a duration, milliseconds; each is right to 5 in 100.
type Quantiles struct {
	Median float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Most   float64 `json:"max"`
}

// add adds the counts of a goroutine.
func (r *Report) add(c *caller) {
	if r.Counts == nil {
		r.Counts = map[kind]*Count{}
	}
	for k, n := range c.counts {
		if r.Counts[k] == nil {
			r.Counts[k] = &Count{}
		}
		to := r.Counts[k]
		to.Calls += n.Calls
		to.Answers += n.Answers
		to.Errors += n.Errors
		to.Canceled += n.Canceled
		to.Closed += n.Closed
	}
	r.latency.merge(&c.latency)
	r.late.merge(&c.late)
	r.Latency, r.Late = r.latency.quantiles(), r.late.quantiles()
}

// Grown returns the growth of RSS from the first sample to the last, as a share of the
// first.
func (r Report) Grown() float64 {
	if len(r.Samples) < 2 {
		return 0
	}
	first, last := r.Samples[0].RSS, r.Samples[len(r.Samples)-1].RSS
	return float64(last-first) / float64(first)
}

// Err returns nil where every call had the right outcome, nothing was left and the
// process did not grow.
func (r Report) Err() error {
	if len(r.Failures) > 0 {
		return errors.New("soak: " + strings.Join(r.Failures, "\nsoak: "))
	}
	if len(r.Samples) < samples {
		return fmt.Errorf("soak: %d of %d samples were taken", len(r.Samples), samples)
	}
	if grown := r.Grown(); grown > r.Growth {
		return fmt.Errorf("soak: the process grew by %.1f %% from the first tenth to the end, %.0f %% are allowed", 100*grown, 100*r.Growth)
	}
	return nil
}

// Write prints the report for people.
func (r Report) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s: TensorFlow %s, %s; %d goroutines, seed %d\n", r.Part, r.TensorFlow, strings.Join(r.Networks, ", "), r.Goroutines, r.Seed)
	fmt.Fprintf(w, "%d calls, %d open-run-close cycles, %d sessions closed under their callers, in %.0f s: %.0f calls a second\n",
		r.Calls, r.Cycles, r.Reopened, r.Seconds, float64(r.Calls)/r.Seconds)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tcalls\tanswers\trefused\tcancelled\tclosed\t")
	for _, k := range kinds {
		if n := r.Counts[k]; n != nil {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t\n", k, n.Calls, n.Answers, n.Errors, n.Canceled, n.Closed)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "an answer took %v; after the end of its ctx a call returned within %v\n", r.Latency, r.Late)
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "after calls\tcycles\tRSS MB\tanonymous\tmost\tGo heap\tof the system\tof sessions\tgoroutines\t")
	for _, s := range r.Samples {
		s.row(table, fmt.Sprint(s.Calls))
	}
	r.Trimmed.row(table, "trimmed")
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "RSS grew by %.1f %% from the first tenth to the end; %.0f %% are allowed\n", 100*r.Grown(), 100*r.Growth)
	return err
}

// String is as 1.2 ms (median), 8 ms (p99), 30 ms (most).
func (q Quantiles) String() string {
	return fmt.Sprintf("%.3g ms (median), %.3g ms (p99), %.3g ms (most)", q.Median, q.P99, q.Most)
}

// histogram counts durations in buckets that are 5 in 100 wide.
type histogram struct {
	buckets [512]int64
	most    time.Duration
}

const bucketWidth = 1.05 // of one bucket's end to the one's before; the first ends at 1 µs

func (h *histogram) add(d time.Duration) {
	at := 0
	if d > time.Microsecond {
		at = int(math.Ceil(math.Log(float64(d)/float64(time.Microsecond)) / math.Log(bucketWidth)))
	}
	h.buckets[min(at, len(h.buckets)-1)]++
	h.most = max(h.most, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.most = max(h.most, o.most)
}

func (h *histogram) quantiles() Quantiles {
	return Quantiles{Median: h.quantile(0.5), P99: h.quantile(0.99), Most: milliseconds(h.most)}
}

// quantile is the upper end of the bucket where the share q is reached.
func (h *histogram) quantile(q float64) float64 {
	total := int64(0)
	for _, n := range h.buckets {
		total += n
	}
	sum := int64(0)
	for i, n := range h.buckets {
		if sum += n; n > 0 && float64(sum) >= q*float64(total) {
			end := time.Duration(float64(time.Microsecond) * math.Pow(bucketWidth, float64(i)))
			return milliseconds(min(end, h.most))
		}
	}
	return 0
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
