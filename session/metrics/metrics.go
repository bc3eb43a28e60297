// Package metrics exports the counters of sessions to expvar and to Prometheus.
//
//	sessions := metrics.NewSessions()
//	sessions.Add("digits", s) // again with another session when it is reopened
//	prometheus.MustRegister(sessions)
//	err := sessions.Publish("tfcnn") // /debug/vars
//
// Prometheus's own process collector exports memory and threads of the whole process,
// with TensorFlow's, and its Go collector exports Go's heap. Package session itself
// needs neither library.
package metrics

import (
	"expvar"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"tfcnn/session"
	"tfcnn/session/sizes"
)

// Source is a *session.Session, or another source of such counters.
type Source interface{ Stats() session.Stats }

// Of returns the sums of sessions of several sizes as a Source.
func Of(s *sizes.Sessions) Source { return summed{s} }

type summed struct{ sessions *sizes.Sessions }

func (s summed) Stats() session.Stats { return s.sessions.Stats().Stats }

// Sessions are sources by name: a prometheus.Collector, whose metrics have the
// label "session", and a variable for expvar. Its methods may be called from
// many goroutines at once.
type Sessions struct {
	mu      sync.Mutex
	sources map[string]Source
}

// NewSessions returns an exporter without sessions.
func NewSessions() *Sessions { return &Sessions{sources: map[string]Source{}} }

// Add exports a source under a name, in place of an earlier source of that name.
// Prometheus understands that the counters then begin at 0 again.
func (s *Sessions) Add(name string, source Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[name] = source
}

// Remove ends the export of a name.
func (s *Sessions) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sources, name)
}

// all returns the counters by name.
func (s *Sessions) all() map[string]session.Stats {
	s.mu.Lock()
	sources := maps.Clone(s.sources)
	s.mu.Unlock()
	stats := make(map[string]session.Stats, len(sources))
	for name, source := range sources {
		stats[name] = source.Stats()
	}
	return stats
}

var publishing sync.Mutex

// Publish publishes the sessions as an expvar variable: an object with an object for
// each session. Where expvar has a variable of that name, Publish returns an error;
// expvar cannot remove a variable.
func (s *Sessions) Publish(variable string) error {
	publishing.Lock()
	defer publishing.Unlock()
	if expvar.Get(variable) != nil {
		return fmt.Errorf("metrics: expvar has a variable %q already", variable)
	}
	expvar.Publish(variable, expvar.Func(func() any {
		list := map[string]exported{}
		for name, stats := range s.all() {
			list[name] = export(stats)
		}
		return list
	}))
	return nil
}

// exported is a session's counters as expvar shows them.
type exported struct {
	Runs          int64   `json:"runs"`
	Errors        int64   `json:"errors"`
	Canceled      int64   `json:"canceled"`
	Images        int64   `json:"pictures"`
	SharedBatches int64   `json:"shared_batches"`
	SharedCalls   int64   `json:"shared_calls"`
	SharedImages  int64   `json:"shared_images"`
	InFlight      int     `json:"in_flight"`
	Waiting       int     `json:"waiting"`
	Bytes         int64   `json:"native_bytes"`
	MaxBytes      int64   `json:"native_bytes_max"`
	RunSeconds    float64 `json:"run_seconds_sum"`
	// Latency counts the runs up to each upper bound of their times, as Prometheus
	// does.
	Latency []bucket `json:"run_seconds_buckets"`
}

type bucket struct {
	Seconds float64 `json:"le"`
	Runs    uint64  `json:"runs"`
}

func export(stats session.Stats) exported {
	e := exported{
		Runs: stats.Runs, Errors: stats.Errors, Canceled: stats.Canceled, Images: stats.Images,
		SharedBatches: stats.SharedBatches, SharedCalls: stats.SharedCalls, SharedImages: stats.SharedImages,
		InFlight: stats.InFlight, Waiting: stats.Waiting, Bytes: stats.Bytes, MaxBytes: stats.MostBytes,
		RunSeconds: stats.Latency.Sum.Seconds(),
	}
	buckets, _ := cumulative(stats.Latency)
	for _, seconds := range slices.Sorted(maps.Keys(buckets)) {
		e.Latency = append(e.Latency, bucket{seconds, buckets[seconds]})
	}
	return e
}

// cumulative returns for each bound the number of runs below it, and the number of all
// runs.
func cumulative(l session.Latency) (buckets map[float64]uint64, all uint64) {
	buckets = make(map[float64]uint64, len(l.Bounds))
	for i, n := range l.Counts {
		all += uint64(n)
		if i < len(l.Bounds) {
			buckets[l.Bounds[i].Seconds()] = all
		}
	}
	return buckets, all
}

// metric is one number of a session.
type metric struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	value       func(session.Stats) float64
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("tfcnn_"+name, help, []string{"session"}, nil)
}

var (
	numbers = []metric{
		{describe("runs_total", "Calls that gave a result."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.Runs) }},
		{describe("errors_total", "Calls that failed, other than by their context."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.Errors) }},
		{describe("canceled_total", "Calls that ended with their context."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.Canceled) }},
		{describe("pictures_total", "Images in the calls that gave a result."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.Images) }},
		{describe("shared_batches_total", "Runs of TensorFlow that several calls shared."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.SharedBatches) }},
		{describe("shared_calls_total", "Calls that shared a run of TensorFlow with others."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.SharedCalls) }},
		{describe("shared_images_total", "Images in the runs that several calls shared."), prometheus.CounterValue, func(s session.Stats) float64 { return float64(s.SharedImages) }},
		{describe("runs_in_flight", "Calls inside TensorFlow, also those whose context has ended."), prometheus.GaugeValue, func(s session.Stats) float64 { return float64(s.InFlight) }},
		{describe("runs_waiting", "Calls that wait for a limit or in a batch."), prometheus.GaugeValue, func(s session.Stats) float64 { return float64(s.Waiting) }},
		{describe("native_bytes", "Weights, and the forecast of the runs in flight."), prometheus.GaugeValue, func(s session.Stats) float64 { return float64(s.Bytes) }},
		{describe("native_max_bytes", "The most that native_bytes was."), prometheus.GaugeValue, func(s session.Stats) float64 { return float64(s.MostBytes) }},
	}
	latency = describe("run_seconds", "Time of the calls that gave a result.")
)

// Describe implements prometheus.Collector.
func (s *Sessions) Describe(to chan<- *prometheus.Desc) {
	for _, m := range numbers {
		to <- m.description
	}
	to <- latency
}

// Collect implements prometheus.Collector.
func (s *Sessions) Collect(to chan<- prometheus.Metric) {
	for name, stats := range s.all() {
		for _, m := range numbers {
			to <- prometheus.MustNewConstMetric(m.description, m.kind, m.value(stats), name)
		}
		buckets, all := cumulative(stats.Latency)
		to <- prometheus.MustNewConstHistogram(latency, all, stats.Latency.Sum.Seconds(), buckets, name)
	}
}
