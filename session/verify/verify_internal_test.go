package verify

import (
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
	"tfcnn/session"
)

// A layer whose numbers are not what the reference makes of what it read is
// named, with its worst number, and none after it: each layer is held on what
// it really read.
func TestVerifyNamesTheFirstThatDiverges(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 9, Width: 8, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c1", Filters: 4, Size: graph.Square(3), Activation: graph.ReLUActivation},
			graph.Conv2D{Name: "c2", Filters: 5, Size: graph.Square(3), NoBias: true},
			graph.BatchNorm{Name: "norm"},
			graph.ReLU{Name: "relu"},
			graph.Flatten{Name: "flat"},
			graph.Dense{Name: "out", Units: 3, Activation: graph.SoftmaxActivation},
		},
	}
	x, err := tensor.New(2, 9, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Data {
		x.Data[i] = float32(i%17) - 8.25
	}
	for _, tt := range []struct {
		weight   string
		diverges string // "" none
		error    string
	}{
		{"", "", ""},
		{"c1/filter", "c1", `verify: conv2d "c1": fail: `},
		{"c2/filter", "c2", `verify: conv2d "c2": fail: `},
		{"norm/mean", "norm", `verify: batch_norm "norm": fail: `},
		{"out/bias", "out", `verify: dense "out": fail: `},
	} {
		weights := net.InitialWeights(1)
		s, err := session.Open(net, weights, session.Options{Device: "cpu", Executor: session.Parallel})
		if err != nil {
			t.Fatal(err)
		}
		if tt.weight != "" {
			// What TensorFlow has is now wrong, to the reference.
			w := weights[tt.weight].Clone()
			w.Data[1] += 0.01
			weights[tt.weight] = w
		}
		v := newVerifier(t.Context(), s, weights, x, Options{})
		if err := v.layers(); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, l := range v.result.Layers {
			if !l.Verdict.OK() {
				wrong++
				if l.Verdict.ULP <= 1 || l.Verdict.Worst == nil {
					t.Errorf("%s: worst number %+v", l.Layer, l.Verdict)
				}
			}
		}
		err = v.result.Err()
		if v.result.Diverges != tt.diverges || (tt.diverges == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tt.error) || wrong > 1 {
			t.Errorf("%s changed: diverges at %q, want %q; %d layers wrong; %v", tt.weight, v.result.Diverges, tt.diverges, wrong, err)
		}
		layers := len(v.result.Layers)
		if err := v.chains(); err != nil {
			t.Fatal(err)
		}
		var chains []string
		bad := 0
		for _, c := range v.result.Chains {
			chains = append(chains, strings.Join(c.Layers, " "))
			if !c.Verdict.OK() {
				bad++
			}
		}
		// c2, norm and relu may run as one, and are held as one.
		if layers != 6 || strings.Join(chains, "; ") != "c2 norm relu flat" || (bad > 0) != (tt.weight == "c2/filter" || tt.weight == "norm/mean") {
			t.Errorf("%s changed: %d layers, chains %q, %d of them wrong", tt.weight, layers, chains, bad)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The estimate by hand: of an image c gives 8 numbers, pool and flat 2, out 3 and norm 3.
// All 18 are kept as float32, twice in Go and once in TensorFlow; as references, of 25
// bytes a number, those of c and out are, up to ref.MaxCached, and beside them the 8 of c
// three times. The sums of out's 3 numbers, of 36 bytes, are kept too, and exist twice more.
func TestBytes(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(3), NoBias: true},
			graph.MaxPool{Name: "pool", Size: graph.Square(2)},
			graph.Flatten{Name: "flat"},
			graph.Dense{Name: "out", Units: 3},
			graph.BatchNorm{Name: "norm"},
		},
	}
	weights := net.InitialWeights(1)
	for _, o := range []session.Options{
		{Device: "cpu", Executor: session.Parallel},
		{Device: "cpu", Executor: session.Parallel, Batching: session.Batching{Size: 3}},
	} {
		s, err := session.Open(net, weights, o)
		if err != nil {
			t.Fatal(err)
		}
		for images, want := range map[int]int64{
			3:       2 * (54*(4+4+4) + (24+9+3*24)*25 + (9+2*9)*36),
			1 << 22: 2 * (18<<22*(4+4+4) + (ref.MaxCached+3*8*(1<<22))*25 + (3<<22+2*3<<22)*36),
		} {
			batch := tensor.Tensor{Shape: []int{images, 4, 4, 1}}
			if o.Batching.Size > 0 {
				batch.Shape[0] = min(images, 2) // a shared batch is larger
			}
			got := newVerifier(t.Context(), s, weights, batch, Options{Options: o}).bytes()
			if got != want && (o.Batching.Size == 0 || images == o.Batching.Size) {
				t.Errorf("%d images, %+v: got %d bytes, want %d", images, o.Batching, got, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
