package session_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/process"
)

// vocabulary has every layer, attribute and way of naming an input.
var vocabulary = graph.Network{
	Input: graph.Input{Height: 28, Width: 23, Channels: 4},
	Layers: []graph.Layer{
		graph.Conv2D{Filters: 6, Size: graph.Square(5), Padding: graph.Same, Activation: graph.ReLUActivation},
		graph.MaxPool{Size: graph.Square(2)},
		graph.Conv2D{
			Name: "grouped", Filters: 4, Size: graph.Size{Height: 3, Width: 2}, Groups: 2,
			Dilations: graph.Size{Height: 2}, Padding: graph.Explicit(1, 0, 2, 3), Activation: graph.ReLUActivation,
		},
		graph.AvgPool{Size: graph.Square(3), Strides: graph.Size{Height: 2, Width: 3}, Padding: graph.Explicit(1, 2, 0, 2)},
		graph.Conv2D{Name: "branch", From: graph.InputName, Filters: 2, Size: graph.Square(3), Strides: graph.Square(2), NoBias: true},
		graph.ReLU{},
		graph.MaxPool{Name: "again", From: "conv1", Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Explicit(2, 1, 0, 1)},
		graph.AvgPool{Name: "same", From: "max_pool1", Size: graph.Square(2), Strides: graph.Square(1), Padding: graph.Same},
	},
	Outputs: []string{"same", "again", "relu1"},
}

func batchOf(net graph.Network, n int, seed uint64) tensor.Tensor {
	random := rand.New(rand.NewPCG(seed, 1))
	x, err := tensor.New(n, net.Input.Height, net.Input.Width, net.Input.Channels)
	if err != nil {
		panic(err)
	}
	for i := range x.Data {
		x.Data[i] = float32(random.NormFloat64())
	}
	return x
}

func open(t testing.TB, net graph.Network) (*session.Session, graph.Weights) {
	t.Helper()
	weights := net.InitialWeights(1)
	s, err := session.Open(net, weights, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, weights
}

// compare compares every layer with the reference, which is fed with what
// TensorFlow gave for the layer before.
func compare(t testing.TB, s *session.Session, net graph.Network, weights graph.Weights, batch tensor.Tensor) {
	t.Helper()
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, layer := range lowered.Layers {
		names = append(names, layer.Name)
	}
	outputs, err := s.RunOutputs(t.Context(), batch, names...)
	if err != nil {
		t.Fatal(err)
	}
	for i, layer := range lowered.Layers {
		x := batch
		if layer.From[0] != graph.InputName {
			from, err := lowered.Layer(layer.From[0])
			if err != nil {
				t.Fatal(err)
			}
			x = outputs[from]
		}
		step := lowered.Program.Steps[layer.First]
		operands := []tensor.Tensor{x}
		for _, w := range step.Weights {
			operands = append(operands, weights[w.Name])
		}
		want, err := ref.Apply(t.Context(), step.Op, operands...)
		if err != nil {
			t.Fatal(err)
		}
		if layer.Last > layer.First { // an activation follows
			for i, v := range want.Value {
				want.Value[i] = max(v, 0)
			}
		}
		if v := proof.Compare(want, outputs[i]); v.Status != proof.Pass {
			t.Errorf("layer %s: %v", layer.Name, v)
		}
	}
}

func TestNetworkAgainstReference(t *testing.T) {
	s, weights := open(t, vocabulary)
	for _, n := range []int{0, 1, 3} {
		compare(t, s, vocabulary, weights, batchOf(vocabulary, n, uint64(n)))
	}
}

// The same with oneDNN on and off, which only another process can be.
func TestWithAndWithoutOneDNN(t *testing.T) {
	for _, value := range []string{"0", "1"} {
		setting := map[string]string{"0": "off", "1": "on"}[value]
		cmd := exec.Command(os.Args[0], "-test.run", "TestNetworkAgainstReference|TestBlindWindows|TestCaseFiles|TestNetworkCaseFiles|TestRandomOperations|TestNotFiniteOperands|TestDepthwiseBlock|TestFusions|TestFoldedConstants|TestJoinedLayers|TestIdleThreadsEnd|TestHoldsOneDNN|TestLevels", "-test.count=1", "-test.v")
		cmd.Env = append(os.Environ(), "TF_ENABLE_ONEDNN_OPTS="+value, "TFCNN_CHILD="+setting)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Count(string(out), "--- PASS") < 5 {
			t.Errorf("oneDNN %s: %v\n%s", setting, err, out)
		}
	}
}

// TestHoldsOneDNN runs in the children of TestWithAndWithoutOneDNN.
func TestHoldsOneDNN(t *testing.T) {
	setting := process.OneDNN(os.Getenv("TFCNN_CHILD"))
	if setting == process.OneDNNDefault {
		t.Skip("is no child of TestWithAndWithoutOneDNN")
	}
	other := map[process.OneDNN]process.OneDNN{process.OneDNNOn: process.OneDNNOff, process.OneDNNOff: process.OneDNNOn}[setting]
	// The child's other tests have settled the process without a word on oneDNN.
	err := process.Configure(process.Options{OneDNN: other})
	if !errors.Is(err, process.ErrConfigured) || !strings.Contains(err.Error(), "before the process starts") {
		t.Errorf("asked for %s with oneDNN %s: %v", other, setting, err)
	}
	if on, known := tensorflow.OneDNNInUse(); !known || on != (setting == process.OneDNNOn) {
		t.Errorf("oneDNN is %v (known %v), TF_ENABLE_ONEDNN_OPTS says %s", on, known, setting)
	}
}

func TestOpenRefuses(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{graph.Conv2D{Name: "c1", Filters: 1, Size: graph.Square(3)}},
	}
	weights := net.InitialWeights(1)
	wrong := graph.Weights{"c1/filter": {Shape: []int{1}, Data: []float32{1}}, "c2/filter": weights["c1/filter"]}
	for _, tt := range []struct {
		net     graph.Network
		weights graph.Weights
		options session.Options
		want    string
	}{
		{graph.Network{}, nil, session.Options{}, "graph: input's height is 0"},
		{net, nil, session.Options{}, `weights do not fit: "c1/filter" is missing, want [3,3,1,1]; "c1/bias" is missing, want [1]`},
		{net, wrong, session.Options{}, `"c1/filter" is [1], want [3,3,1,1]; "c1/bias" is missing, want [1]; "c2/filter" belongs to no layer`},
		{net, weights, session.Options{Device: "cuda"}, `device "cuda" is not known, want auto, cpu, gpu or gpu:N`},
		{net, weights, session.Options{Device: "gpu:x"}, `device "gpu:x" is not known`},
		{net, weights, session.Options{Device: "gpu:-1"}, `device "gpu:-1" is not known`},
	} {
		_, err := session.Open(tt.net, tt.weights, tt.options)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestNoSilentFallback(t *testing.T) {
	devices, err := process.Devices()
	if err != nil {
		t.Fatal(err)
	}
	hasGPU := false
	for _, d := range devices {
		hasGPU = hasGPU || d.Type == "GPU"
	}
	if len(devices) == 0 || devices[0].Type != "CPU" {
		t.Errorf("devices %v", devices)
	}
	for _, device := range []string{"gpu", "gpu:0", "gpu:7", "GPU", "Gpu:0"} {
		_, err := session.Open(vocabulary, vocabulary.InitialWeights(1), session.Options{Device: device})
		if !hasGPU && !errors.Is(err, session.ErrNoDevice) {
			t.Errorf("%s: %v, want ErrNoDevice", device, err)
		}
	}
	if _, err := session.Open(vocabulary, vocabulary.InitialWeights(1), session.Options{Device: "\u202e"}); err == nil || !strings.HasPrefix(err.Error(), `session: device "\u202e" is not known`) {
		t.Error(err)
	}
	s, err := session.Open(vocabulary, vocabulary.InitialWeights(1), session.Options{Device: "AUTO"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[bool]string{false: "/device:CPU:0", true: "/device:GPU:0"}[hasGPU]; s.Device() != want {
		t.Errorf("auto is %s, want %s", s.Device(), want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	s, _ := open(t, vocabulary)
	good := batchOf(vocabulary, 1, 1)
	short := tensor.Tensor{Shape: good.Shape, Data: good.Data[:7]}
	for _, tt := range []struct {
		batch tensor.Tensor
		names []string
		want  string
	}{
		{tensor.Tensor{}, nil, "batch is [], want [N,28,23,4]"},
		{tensor.Tensor{Shape: []int{1, 23, 28, 4}, Data: good.Data}, nil, "batch is [1,23,28,4], want [N,28,23,4]"},
		{tensor.Tensor{Shape: []int{-1, 28, 23, 4}}, nil, "size -1 is negative"},
		{short, nil, "got 7 numbers, want 2576"},
		{good, []string{"grouped", "nope"}, `session: run: graph: no layer is named "nope", want one of "conv1", "max_pool1"`},
	} {
		_, err := s.RunOutputs(t.Context(), tt.batch, tt.names...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
		var batch *session.BatchError
		var layer *graph.Error
		if of := errors.As(err, &batch); of != (tt.names == nil) || of && (!slices.Equal(batch.Got, tt.batch.Shape) || batch.Numbers != len(tt.batch.Data) || !slices.Equal(batch.Want, []int{-1, 28, 23, 4})) || errors.As(err, &layer) == of {
			t.Errorf("%v is of type %T with %+v", err, err, batch)
		}
	}
}

func TestZeroValue(t *testing.T) {
	var s session.Session
	if _, err := s.Run(t.Context(), batchOf(vocabulary, 1, 1)); err == nil {
		t.Error("a Session that Open has not made runs")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Where no window reads any input, in networks: constants, fusion and all.
func TestBlindWindows(t *testing.T) {
	for _, groups := range []int{1, 2} {
		for _, noBias := range []bool{false, true} {
			net := graph.Network{
				Input: graph.Input{Height: 3, Width: 1, Channels: 2},
				Layers: []graph.Layer{graph.Conv2D{
					Filters: 4, Size: graph.Square(2), Strides: graph.Size{Width: 2}, Dilations: graph.Size{Height: 2, Width: 3},
					Padding: graph.Explicit(1, 1, 1, 4), Groups: groups, NoBias: noBias, Activation: graph.ReLUActivation,
				}},
			}
			weights := net.InitialWeights(1)
			for i := range weights["conv1/bias"].Data {
				weights["conv1/bias"].Data[i] = float32(i) - 1
			}
			s, err := session.Open(net, weights, session.Options{Device: "cpu"})
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				compare(t, s, net, weights, batchOf(net, 2, 1))
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestRunIsTheFirstOutput(t *testing.T) {
	s, _ := open(t, vocabulary)
	batch := batchOf(vocabulary, 2, 1)
	one, err := s.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.RunOutputs(t.Context(), batch)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d outputs, %v", len(all), err)
	}
	if equal, _ := tensor.Equal(one, all[0]); !equal {
		t.Error("Run is not the first of the network's outputs")
	}
}

// Goroutines share a session, each gets its own answer; Close waits for them,
// and who comes later gets ErrClosed.
func TestManyGoroutines(t *testing.T) {
	s, _ := open(t, vocabulary)
	var want []tensor.Tensor
	for n := range 4 {
		y, err := s.Run(t.Context(), batchOf(vocabulary, n+1, uint64(n)))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, y)
	}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for range 40 {
				n := g % 4
				got, err := s.Run(context.Background(), batchOf(vocabulary, n+1, uint64(n)))
				if errors.Is(err, session.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if equal, at := tensor.Equal(got, want[n]); !equal {
					t.Errorf("goroutine %d: differs at %d from its own answer", g, at)
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond) // let some be inside; nothing depends on it
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	if _, err := s.Run(t.Context(), batchOf(vocabulary, 1, 1)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// A ctx that ends while TensorFlow computes: Run returns, what it was given
// may be overwritten, and Close waits for the computation.
func TestContext(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 300, Width: 300, Channels: 16},
		Layers: []graph.Layer{graph.Conv2D{Filters: 64, Size: graph.Square(9), Padding: graph.Same}},
	}
	s, _ := open(t, net)
	batch := batchOf(net, 4, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Run(done, batch); !errors.Is(err, context.Canceled) {
		t.Errorf("ctx that is done: %v", err)
	}
	ended := 0
	for _, wait := range []time.Duration{time.Millisecond, 10 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, err := s.Run(ctx, batch)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			ended++
		} else if err != nil {
			t.Error(err)
		}
		for i := range batch.Data {
			batch.Data[i] = 0
		}
	}
	if ended == 0 {
		t.Error("no deadline ended a run of 30 billion multiplications")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
