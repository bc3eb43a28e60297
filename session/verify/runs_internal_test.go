package verify

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
)

// calledNetwork has branches, two outputs, and layers that TensorFlow computes as one.
var calledNetwork = graph.Network{
	Input: graph.Input{Height: 9, Width: 8, Channels: 3},
	Layers: []graph.Layer{
		graph.Conv2D{Name: "c1", Filters: 4, Size: graph.Square(3), NoBias: true},
		graph.ScaleShift{Name: "scale", Scale: []float32{1.7}, Shift: []float32{0.3}},
		graph.ReLU{Name: "r1"},
		graph.Conv2D{Name: "c2", Filters: 5, Size: graph.Square(3), Padding: graph.Same},
		graph.BatchNorm{Name: "norm", Activation: graph.ReLUActivation},
		graph.Flatten{Name: "flat"},
		graph.Dense{Name: "out", Units: 3, Activation: graph.SoftmaxActivation},
		graph.GlobalAvgPool{Name: "mean", From: "norm"},
	},
	Outputs: []string{"out", "mean"},
}

// numbers fills a batch with numbers of both signs.
func numbers(net graph.Network, images int) tensor.Tensor {
	x := tensor.MustNew(images, net.Input.Height, net.Input.Width, net.Input.Channels)
	for i := range x.Data {
		x.Data[i] = float32(i%23)/8 - 1.3
	}
	return x
}

// compared is Network with a fault in what a call returned.
func compared(t *testing.T, net graph.Network, weights graph.Weights, batch tensor.Tensor, o Options, returned func(call string, outputs []tensor.Tensor)) Result {
	t.Helper()
	s, err := session.Open(net, weights, o.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v := newVerifier(t.Context(), s, weights, batch, o)
	v.returned = returned
	for _, compare := range []func() error{v.layers, v.chains, v.runs} {
		if err := compare(); err != nil {
			t.Fatal(err)
		}
	}
	return v.result
}

// Each number that a call returned is compared: of Run and RunOutputs, of any outputs, of
// both TensorFlow sessions, and of shared batches. A call that returned another number
// fails, and its entry names it.
func TestEachCallIsCompared(t *testing.T) {
	weights, batch := calledNetwork.InitialWeights(1), numbers(calledNetwork, 2)
	shared := session.Batching{Size: 4, Wait: 20 * time.Millisecond}
	for _, o := range []Options{
		{Options: session.Options{Device: "cpu"}, Outputs: [][]string{{"r1"}, {"norm", "c1", "mean"}}},
		{Options: session.Options{Device: "cpu", Executor: session.Parallel}, Outputs: [][]string{{"scale"}}},
		{Options: session.Options{Device: "cpu", Executor: session.Parallel, Batching: shared}},
	} {
		total := 0 // of calls
		right := compared(t, calledNetwork, weights, batch, o, func(call string, _ []tensor.Tensor) {
			if call != chainsFetch {
				total++
			}
		})
		if right.Err() != nil || right.Status != Pass {
			t.Fatalf("%+v: %q, %v", o, right.Status, right.Err())
		}
		for k := range total {
			calls, wrong := 0, ""
			v := compared(t, calledNetwork, weights, batch, o, func(call string, outputs []tensor.Tensor) {
				if call == chainsFetch {
					return
				}
				if calls == k {
					wrong = call
					last := outputs[len(outputs)-1]
					last.Data[len(last.Data)-1] += 0.1
				}
				calls++
			})
			if wrong == "" {
				continue // fewer batches were shared
			}
			failed := slices.IndexFunc(v.Runs, func(r Run) bool { return r.Verdict.Status == Fail })
			if v.Status != Fail || v.Diverges == "" || failed < 0 || v.Runs[failed].EqualBits {
				t.Fatalf("%+v: call %d, %s, returned another number: %q, diverges at %q, %+v", o, k, wrong, v.Status, v.Diverges, v.Runs)
			}
			want := "verify: " + v.Runs[failed].Call + " of "
			if err := v.Err(); err == nil || !strings.HasPrefix(err.Error(), want) || wrong != sharedAnswers && !strings.HasPrefix(v.Runs[failed].Call, wrong) {
				t.Errorf("%+v: call %d, %s: %v, want %s…", o, k, wrong, err, want)
			}
		}
	}
}

// A chain that gives a number outside its bound fails, though each layer by itself passes
// and Run returns the right numbers.
func TestChainsFail(t *testing.T) {
	weights, batch := calledNetwork.InitialWeights(1), numbers(calledNetwork, 2)
	o := Options{Options: session.Options{Device: "cpu", Executor: session.Parallel}}
	v := compared(t, calledNetwork, weights, batch, o, func(call string, outputs []tensor.Tensor) {
		if call == chainsFetch {
			outputs[0].Data[5] += 0.5
		}
	})
	failed := slices.IndexFunc(v.Chains, func(c Chain) bool { return c.Verdict.Status == Fail })
	if v.Status != Fail || v.Diverges != "r1" || failed != 0 || v.Err() == nil || !strings.HasPrefix(v.Err().Error(), `verify: layers ["c1", "scale", "r1"] run as one: fail: `) {
		t.Errorf("%q, diverges at %q, %v, %+v", v.Status, v.Diverges, v.Err(), v.Chains)
	}
	for _, layer := range v.Layers {
		if layer.Verdict.Status != Pass {
			t.Errorf("layer %s: %v", layer.Layer, layer.Verdict)
		}
	}
	for _, run := range v.Runs {
		if run.Verdict.Status != Pass {
			t.Errorf("%s: %v", run.Call, run.Verdict)
		}
	}
}

// The calls are those of every TensorFlow session that serves: with one thread for small
// batches, with the process's threads for the others, and shared batches.
func TestCalls(t *testing.T) {
	weights := calledNetwork.InitialWeights(1)
	for name, tt := range map[string]struct {
		o      session.Options
		images int
		calls  []string // prefixes
	}{
		"one session": {session.Options{Device: "cpu", Executor: session.Parallel}, 2, []string{
			"Run, 2, out, parallel executor, the process's threads", "RunOutputs, 2, out mean, parallel executor, the process's threads",
			"RunOutputs, 2, c2, parallel executor, the process's threads",
		}},
		"no images": {session.Options{Device: "cpu", Executor: session.Parallel}, 0, []string{"Run, 0, out", "RunOutputs, 0, out mean", "RunOutputs, 0, c2"}},
	} {
		v := compared(t, calledNetwork, weights, numbers(calledNetwork, tt.images), Options{Options: tt.o, Outputs: [][]string{{"c2"}}}, nil)
		if got := callsOf(v, ""); !slices.EqualFunc(got, tt.calls, strings.HasPrefix) || v.Err() != nil {
			t.Errorf("%s: calls %q, want %q; %v", name, got, tt.calls, v.Err())
		}
	}
	if !tensorflow.SharesThreads() {
		t.Skip("the process has one thread, or sessions no pool of their own")
	}
	// A large image, so that a session serves few images on one thread.
	net := calledNetwork
	net.Input.Height, net.Input.Width = 40, 40
	weights = net.InitialWeights(1)
	s, err := session.Open(net, weights, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	small := newVerifier(t.Context(), s, weights, numbers(net, 1), Options{}).session.SmallBatch()
	s.Close()
	for _, images := range []int{1, small + 2} {
		v := compared(t, net, weights, numbers(net, images), Options{Options: session.Options{Device: "cpu"}}, nil)
		one, many := images, small+1
		if images > small {
			one, many = small, images
		}
		for threads, size := range map[string]int{"one thread": one, "the process's threads": many} {
			of := 0
			for _, r := range v.Runs {
				if r.Session == "single executor, "+threads && r.Images == size && r.Verdict.OK() {
					of++
				}
			}
			if of != 2 {
				t.Errorf("%d images, %d are small: %d calls of %d images with %s, want 2: %q", images, small, of, size, threads, callsOf(v, ""))
			}
		}
	}
	v := compared(t, calledNetwork, calledNetwork.InitialWeights(1), numbers(calledNetwork, 3), Options{Options: session.Options{Device: "cpu", Batching: session.Batching{Size: 5}}}, nil)
	if len(callsOf(v, sharedCall)) == 0 || v.Err() != nil {
		t.Errorf("no shared batch: %q, %v", callsOf(v, ""), v.Err())
	}
}

// callsOf lists a result's calls of a name; "": all.
func callsOf(v Result, name string) []string {
	var list []string
	for _, r := range v.Runs {
		if name == "" || r.Call == name {
			list = append(list, strings.Join([]string{r.Call, strconv.Itoa(r.Images), strings.Join(r.Outputs, " "), r.Session}, ", "))
		}
	}
	return list
}

// TensorFlow multiplies the constants of two layers by each other, which gives zero here,
// and Run returns zeros where the layers give about 1e-25. The bound of both layers as
// one says so. A number beyond that bound fails.
func TestFoldedScales(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 3, Width: 3, Channels: 1},
		Layers: []graph.Layer{
			graph.ScaleShift{Name: "first", Scale: []float32{1e-30}},
			graph.ScaleShift{Name: "second", Scale: []float32{1e-30}},
		},
	}
	batch := tensor.MustNew(1, 3, 3, 1)
	for i := range batch.Data {
		batch.Data[i] = 1e35 * float32(1+i)
	}
	for wrong, want := range map[float32]Status{0: Pass, 1e-25: Pass, 1e-3: Pass, 1: Fail, -1: Fail} {
		var zeros, numbers int
		v := compared(t, net, nil, batch, Options{Options: session.Options{Device: "cpu", Executor: session.Parallel}}, func(call string, outputs []tensor.Tensor) {
			for i, x := range outputs[0].Data {
				if numbers++; x == 0 {
					zeros++
				}
				if call != chainsFetch {
					outputs[0].Data[i] = wrong
				}
			}
		})
		if zeros != numbers || numbers != 27 || len(v.Chains) != 1 || v.Chains[0].Verdict.Status != Pass {
			t.Errorf("%d of %d numbers are zero; chains %+v", zeros, numbers, v.Chains)
		}
		if v.Status != want || v.Runs[0].Verdict.Status != want || v.Runs[0].EqualBits != (wrong == 0) {
			t.Errorf("Run returned %g: %q, want %q; %+v", wrong, v.Status, want, v.Runs)
		}
	}
}

// Numbers that TensorFlow gives only where nothing before them is fetched are compared
// with the reference from the batch on. Where its bounds say nothing of a number, the
// verdict is no pass.
func TestUnboundedNumbers(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.ScaleShift{Name: "large", Scale: []float32{0.9}},
			graph.Concat{Name: "both", From: []string{"large", "large"}},
			graph.Conv2D{Name: "c", Filters: 1, Size: graph.Square(1), NoBias: true},
			graph.UpSample{Name: "out", Size: graph.Square(2), Method: graph.Bilinear},
		},
	}
	weights := net.InitialWeights(1)
	copy(weights["c/filter"].Data, []float32{1, 0})
	batch := tensor.MustNew(1, 4, 4, 1)
	for i := range batch.Data {
		batch.Data[i] = 2e38 // its bounds as a sum leave float32's range
	}
	o := Options{Options: session.Options{Device: "cpu", Executor: session.Parallel}}
	if v := compared(t, net, weights, batch, o, nil); v.Status != Pass || !v.Runs[0].EqualBits {
		t.Fatalf("%q, %v, %+v", v.Status, v.Err(), v.Runs)
	}
	v := compared(t, net, weights, batch, o, func(call string, outputs []tensor.Tensor) {
		if call == "Run" {
			outputs[0].Data[3] = math.Nextafter32(outputs[0].Data[3], 0)
		}
	})
	const want = `verify: Run of 1 images returned ["out"] (parallel executor, the process's threads): not held: of 64 of 64 numbers no bound is known: TensorFlow gives them only where 3 outputs before them are not fetched`
	if err := v.Err(); v.Status != NotHeld || v.Runs[0].Verdict.Unbounded != 64 || v.Diverges != "" || err == nil || err.Error() != want {
		t.Errorf("%q, %v, want %s; %+v", v.Status, err, want, v.Runs)
	}
}

// Of a call's numbers, as many may be unspecified as in the same output of the compared
// batches, by images and rounded up; of the others no bound is known.
func TestUnspecifiedNumbersOfCalls(t *testing.T) {
	batch := func(images int) tensor.Tensor { return tensor.Tensor{Shape: []int{images, 1, 1, 1}} }
	v := &verifier{compared: []output{
		{step: 1, batch: batch(3), verdict: Verdict{Unspecified: 4}},
		{step: 1, batch: batch(4), verdict: Verdict{Unspecified: 5}},
		{step: 1, batch: batch(0), verdict: Verdict{Unspecified: 90}},
		{step: 2, batch: batch(1), verdict: Verdict{Unspecified: 80}},
	}}
	for _, tt := range []struct {
		unspecified, images, left int
		want                      int // that are still unspecified
		status                    Status
	}{
		{10, 2, 1, 3, NotHeld}, // (4·2+2)/3 and (5·2+3)/4
		{10, 3, 1, 4, NotHeld},
		{10, 6, 1, 8, NotHeld}, // 4·6/3, and (5·6+3)/4
		{3, 2, 1, 3, Pass},
		{2, 2, 1, 2, Pass},
		{10, 2, 0, 10, Pass},
	} {
		got := v.unbounded(Verdict{Status: Pass, Elements: 100, Unspecified: tt.unspecified}, 1, tt.images, tt.left)
		if got.Unspecified != tt.want || got.Unbounded != tt.unspecified-tt.want || got.Status != tt.status || (got.Note == "") != (tt.status == Pass) {
			t.Errorf("%+v: %+v", tt, got)
		}
	}
}
