package metrics_test

import (
	"encoding/json"
	"expvar"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/metrics"
	"tfcnn/session/sizes"
)

type fixed session.Stats

func (f fixed) Stats() session.Stats { return session.Stats(f) }

var some = fixed{
	Runs: 6, Errors: 2, Canceled: 1, Images: 17, SharedBatches: 2, SharedCalls: 5, SharedImages: 9, InFlight: 3, Waiting: 4, Bytes: 1000, MostBytes: 5000,
	Latency: session.Latency{
		Bounds: []time.Duration{time.Millisecond, 20 * time.Millisecond},
		Counts: []int64{1, 3, 2},
		Sum:    1500 * time.Millisecond,
	},
}

func TestPrometheus(t *testing.T) {
	s := metrics.NewSessions()
	s.Add("digits", some)
	s.Add("gone", some)
	s.Remove("gone")
	if problems, err := testutil.CollectAndLint(s); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	const want = `
# HELP tfcnn_canceled_total Calls that ended with their context.
# TYPE tfcnn_canceled_total counter
tfcnn_canceled_total{session="digits"} 1
# HELP tfcnn_errors_total Calls that failed, other than by their context.
# TYPE tfcnn_errors_total counter
tfcnn_errors_total{session="digits"} 2
# HELP tfcnn_native_bytes Weights, and the forecast of the runs in flight.
# TYPE tfcnn_native_bytes gauge
tfcnn_native_bytes{session="digits"} 1000
# HELP tfcnn_native_max_bytes The most that native_bytes was.
# TYPE tfcnn_native_max_bytes gauge
tfcnn_native_max_bytes{session="digits"} 5000
# HELP tfcnn_pictures_total Images in the calls that gave a result.
# TYPE tfcnn_pictures_total counter
tfcnn_pictures_total{session="digits"} 17
# HELP tfcnn_run_seconds Time of the calls that gave a result.
# TYPE tfcnn_run_seconds histogram
tfcnn_run_seconds_bucket{session="digits",le="0.001"} 1
tfcnn_run_seconds_bucket{session="digits",le="0.02"} 4
tfcnn_run_seconds_bucket{session="digits",le="+Inf"} 6
tfcnn_run_seconds_sum{session="digits"} 1.5
tfcnn_run_seconds_count{session="digits"} 6
# HELP tfcnn_runs_in_flight Calls inside TensorFlow, also those whose context has ended.
# TYPE tfcnn_runs_in_flight gauge
tfcnn_runs_in_flight{session="digits"} 3
# HELP tfcnn_runs_total Calls that gave a result.
# TYPE tfcnn_runs_total counter
tfcnn_runs_total{session="digits"} 6
# HELP tfcnn_runs_waiting Calls that wait for a limit or in a batch.
# TYPE tfcnn_runs_waiting gauge
tfcnn_runs_waiting{session="digits"} 4
# HELP tfcnn_shared_batches_total Runs of TensorFlow that several calls shared.
# TYPE tfcnn_shared_batches_total counter
tfcnn_shared_batches_total{session="digits"} 2
# HELP tfcnn_shared_calls_total Calls that shared a run of TensorFlow with others.
# TYPE tfcnn_shared_calls_total counter
tfcnn_shared_calls_total{session="digits"} 5
# HELP tfcnn_shared_images_total Images in the runs that several calls shared.
# TYPE tfcnn_shared_images_total counter
tfcnn_shared_images_total{session="digits"} 9
`
	if err := testutil.CollectAndCompare(s, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestPublish(t *testing.T) {
	s := metrics.NewSessions()
	s.Add("digits", some)
	if err := s.Publish("tfcnn-test"); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish("tfcnn-test"); err == nil || err.Error() != `metrics: expvar has a variable "tfcnn-test" already` {
		t.Error(err)
	}
	s.Add("digits", fixed{Runs: 1}) // reopened
	s.Add("letters", some)
	var got map[string]struct {
		Runs, Canceled int
		Bytes          int `json:"native_bytes"`
		Shared_images  int
		Buckets        []struct{ Runs int } `json:"run_seconds_buckets"`
	}
	if err := json.Unmarshal([]byte(expvar.Get("tfcnn-test").String()), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["digits"].Runs != 1 || got["letters"].Canceled != 1 || got["letters"].Bytes != 1000 || got["letters"].Shared_images != 9 || len(got["letters"].Buckets) != 2 || got["letters"].Buckets[1].Runs != 4 {
		t.Errorf("%+v", got)
	}
}

// A session, and sessions of several sizes, at work while an HTTP server is scraped.
func TestScrape(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}}}
	one, err := session.Open(net, nil, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	net.Input = graph.Input{Channels: 1}
	free, err := sizes.Open(net, nil, sizes.Options{Options: session.Options{Device: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	s := metrics.NewSessions()
	s.Add("one", one)
	s.Add("sizes", metrics.Of(free))
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(s); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer server.Close()
	scrape := func() string {
		response, err := http.Get(server.URL)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%v %s %s", err, response.Status, text)
		}
		return string(text)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 50 {
				small, _ := tensor.New(2, 4, 4, 1)
				if _, err := one.Run(t.Context(), small); err != nil {
					t.Error(err)
				}
				other, _ := tensor.New(1, 4, 4+i%3, 1)
				if _, err := free.Run(t.Context(), other); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					scrape()
				}
			}
		})
	}
	group.Wait()
	text := scrape()
	for _, line := range []string{
		`tfcnn_runs_total{session="one"} 200`, `tfcnn_pictures_total{session="one"} 400`, `tfcnn_runs_total{session="sizes"} 200`,
		`tfcnn_runs_in_flight{session="one"} 0`, `tfcnn_run_seconds_count{session="sizes"} 200`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

// Who embeds a session alone does not embed these.
func TestSessionNeedsNoMetrics(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", "tfcnn/session").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dependency := range strings.Fields(string(list)) {
		if dependency == "expvar" || strings.Contains(dependency, "prometheus") {
			t.Errorf("tfcnn/session needs %s", dependency)
		}
	}
}
