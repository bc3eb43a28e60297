package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/profile"
	"tfcnn/session/sessiontest"
	"tfcnn/session/verify"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(kernelsTask); task != "" {
		os.Exit(runKernelsTask(task))
	}
	os.Exit(sessiontest.Main(m))
}

// batchOf is a batch of Gaussian numbers for a network.
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

// everyLayer has one of each layer type.
var everyLayer = graph.Network{
	Input: graph.Input{Height: 21, Width: 18, Channels: 3},
	Layers: []graph.Layer{
		graph.SwapRGB{},
		graph.ScaleShift{Scale: []float32{0.5}, Shift: []float32{-1, 0, 1}},
		graph.ZeroPad{Top: 1, Right: 2},
		graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3), Groups: 1, Activation: graph.LeakyReLUActivation},
		graph.LRN{DepthRadius: 2, Beta: 0.75, Alpha: 0.01},
		graph.DepthwiseConv2D{Name: "d", Multiplier: 2, Size: graph.Square(3), Dilations: graph.Square(2), Activation: graph.ELUActivation},
		graph.BatchNorm{Activation: graph.ReLU6Activation},
		graph.SeparableConv2D{Name: "s", Filters: 6, Size: graph.Square(2), Strides: graph.Square(2), Padding: graph.Same, Activation: graph.SELUActivation},
		graph.MaxPool{Size: graph.Square(2), Strides: graph.Square(1), Padding: graph.Same},
		graph.Conv2DTranspose{Name: "t", Filters: 4, Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same, Groups: 2, Activation: graph.SigmoidActivation},
		graph.UpSample{Size: graph.Square(2), Method: graph.Bilinear},
		graph.Resize{Name: "r", Size: graph.Size{Height: 9, Width: 7}},
		graph.AvgPool{Size: graph.Square(2), Padding: graph.Explicit(1, 0, 0, 1)},
		graph.ReLU{},
		graph.ReLU6{},
		graph.LeakyReLU{},
		graph.ELU{},
		graph.SELU{},
		graph.Sigmoid{},
		graph.Tanh{Name: "tanh"},
		graph.Add{Name: "sum", From: []string{"tanh", "sigmoid1", "tanh"}, Activation: graph.TanhActivation},
		graph.Concat{From: []string{"sum", "tanh"}},
		graph.GlobalMaxPool{Name: "largest"},
		graph.GlobalAvgPool{Name: "mean", From: "concat1"},
		graph.Concat{Name: "both", From: []string{"largest", "mean"}},
		graph.Dropout{Rate: 0.5},
		graph.Dense{Units: 5},
		graph.Softmax{},
		graph.Flatten{From: "r"},
		graph.Dense{Name: "other", Units: 2, Activation: graph.SoftmaxActivation},
	},
	Outputs: []string{"softmax1", "other", "r"},
}

func TestVerify(t *testing.T) {
	batch := batchOf(everyLayer, 3, 1)
	calls, last, total := 0, 0, 0
	v, err := verify.Network(t.Context(), everyLayer, everyLayer.InitialWeights(1), batch, verify.Options{
		Progress: func(done, all int) { calls++; last, total = done, all },
	})
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != verify.Pass || v.Err() != nil || v.Diverges != "" || v.Images != 3 || len(v.Layers) != len(everyLayer.Layers) {
		t.Errorf("status %q, %v, diverges at %q, %d images, %d layers", v.Status, v.Err(), v.Diverges, v.Images, len(v.Layers))
	}
	if !(v.Run > 0 && v.Reference > 0) {
		t.Errorf("TensorFlow took %v s, the reference %v s", v.Run, v.Reference)
	}
	if on, known := tensorflow.OneDNNInUse(); (v.OneDNN != nil) != known || known && *v.OneDNN != on {
		t.Errorf("oneDNN is %v, want %v where that is known, %v", v.OneDNN, on, known)
	}
	for _, l := range v.Layers {
		if l.Verdict.Status != verify.Pass || l.Verdict.Elements == 0 || l.Output[0] != 3 {
			t.Errorf("%s %s %v: %v", l.Kind, l.Layer, l.Output, l.Verdict)
		}
	}
	// Two runs of all steps are counted, beside the calls and the probes.
	if len(v.Chains) == 0 || calls == 0 || last != total || last < 2*len(v.Layers) {
		t.Errorf("%d chains; %d reports of progress, %d of %d at the end", len(v.Chains), calls, last, total)
	}
}

func TestVerifyReadyNetwork(t *testing.T) {
	net, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.Network(t.Context(), net, net.InitialWeights(3), batchOf(net, 2, 5), verify.Options{})
	if err == nil {
		err = v.Err()
	}
	if err != nil || v.Status != verify.Pass {
		t.Error(err, v.Status)
	}
}

// The output of Run itself, of which nothing between was fetched, is held from end
// to end.
func TestRunIsCompared(t *testing.T) {
	net, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	weights, batch := net.InitialWeights(3), batchOf(net, 2, 5)
	s, err := session.Open(net, weights, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	output, err := s.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	network := proof.Network{Lowered: lowered, Weights: weights, Arithmetic: tensorflow.Arithmetic(s.Device())}
	run := proof.Run{Input: batch, Steps: []int{lowered.Layers[lowered.Outputs[0]].Last}, Outputs: []tensor.Tensor{output}}
	parts, err := network.Compare(t.Context(), run, nil)
	if err != nil || len(parts) != 1 || len(parts[0].Layers) != len(lowered.Layers) || parts[0].Verdict.Status != proof.Pass || parts[0].Verdict.Unspecified > 0 {
		t.Fatalf("%v, %v", parts, err)
	}
	output.Data[3] += 0.5
	if parts, err = network.Compare(t.Context(), run, nil); err != nil || parts[0].Verdict.Outside != 1 {
		t.Errorf("a number that is off by ½: %v, %v", parts, err)
	}
}

// Numbers that are not finite are counted. Where kernels differ nothing is asked of
// them, the reference's answer is said, and of more than 2 % of them the layer is not
// held.
func TestVerifyNotFinite(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 14, Width: 14, Channels: 1},
		Layers: []graph.Layer{graph.MaxPool{Name: "pool", Size: graph.Square(2)}, graph.Sigmoid{Name: "s", From: graph.InputName}},
	}
	batch := batchOf(net, 1, 1)
	batch.Data[0], batch.Data[195] = float32(math.NaN()), float32(math.Inf(1))
	v, err := verify.Network(t.Context(), net, nil, batch, verify.Options{})
	want := `verify: max_pool "pool": not held: 1 of 49 numbers are unspecified (2.04 %), at most 2 % may be`
	if err != nil || v.Status != verify.NotHeld || v.Diverges != "" || v.Err() == nil || v.Err().Error() != want {
		t.Errorf("%v: got %q, %v, want %s", err, v.Status, v.Err(), want)
	}
	net.Input.Width = 16 // of 56 numbers one is less
	batch = batchOf(net, 1, 1)
	batch.Data[0], batch.Data[223] = float32(math.NaN()), float32(math.Inf(1))
	v, err = verify.Network(t.Context(), net, nil, batch, verify.Options{})
	if err != nil || v.Err() != nil || v.Status != verify.Pass {
		t.Fatal(err, v.Err())
	}
	pool, sigmoid := v.Layers[0], v.Layers[1]
	if pool.Verdict.Unspecified != 1 || !strings.Contains(pool.Note, "a window with a NaN gives NaN") || pool.Infinite != 1 {
		t.Errorf("pool: %+v", pool)
	}
	if sigmoid.NaN != 1 || sigmoid.Infinite != 0 || sigmoid.Note != "" {
		t.Errorf("sigmoid: %+v", sigmoid)
	}
}

// TensorFlow's optimizer makes one node of these layers; with oneDNN it does so
// even where the outputs between them are fetched.
func TestVerifyLayersOfOneNode(t *testing.T) {
	conv := graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3)}
	for _, layers := range [][]graph.Layer{
		{conv, graph.LeakyReLU{}},
		{conv, graph.Swish{}},
		{conv, graph.BatchNorm{}, graph.Swish{}},
	} {
		net := graph.Network{Input: graph.Input{Height: 9, Width: 9, Channels: 8}, Layers: layers}
		v, err := verify.Network(t.Context(), net, profile.RandomWeights(net, 1), batchOf(net, 2, 1), verify.Options{})
		if err != nil || v.Status != verify.Pass || len(v.Layers) != len(layers) {
			t.Errorf("%+v: %q, %d layers, %v", layers, v.Status, len(v.Layers), err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	weights := everyLayer.InitialWeights(1)
	var batch *session.BatchError
	if _, err := verify.Network(t.Context(), everyLayer, weights, batchOf(graph.Network{Input: graph.Input{Height: 3, Width: 3, Channels: 3}}, 1, 1), verify.Options{}); !errors.As(err, &batch) {
		t.Errorf("a batch of another network: %v", err)
	}
	unknown := verify.Options{Outputs: [][]string{{"r"}, {"t", "nowhere"}}}
	if _, err := verify.Network(t.Context(), everyLayer, weights, batchOf(everyLayer, 1, 1), unknown); err == nil || !strings.HasPrefix(err.Error(), `verify: outputs: graph: no layer is named "nowhere"`) {
		t.Errorf("outputs of an unknown layer: %v", err)
	}
	delete(weights, "c/bias")
	var refused *graph.Error
	if _, err := verify.Network(t.Context(), everyLayer, weights, batchOf(everyLayer, 1, 1), verify.Options{}); !errors.As(err, &refused) {
		t.Errorf("weights that lack one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Network(ctx, everyLayer, everyLayer.InitialWeights(1), batchOf(everyLayer, 1, 1), verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a ctx that has ended: %v", err)
	}
	empty := batchOf(everyLayer, 0, 1)
	if v, err := verify.Network(t.Context(), everyLayer, everyLayer.InitialWeights(1), empty, verify.Options{}); err != nil || v.Status != verify.Pass {
		t.Errorf("no images: %v, %v", v.Status, err)
	}
}

// A network is verified in a test of one's own.
func ExampleNetwork() {
	net := graph.Network{
		Input: graph.Input{Height: 28, Width: 28, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 8, Size: graph.Square(5), Activation: graph.ReLUActivation},
			graph.MaxPool{Size: graph.Square(2)},
			graph.Flatten{},
			graph.Dense{Units: 10, Activation: graph.SoftmaxActivation},
		},
	}
	v, err := verify.Network(context.Background(), net, net.InitialWeights(1), batchOf(net, 4, 1), verify.Options{})
	if err == nil {
		err = v.Err() // names the first layer outside its bound
	}
	fmt.Println(err, v.Status, len(v.Layers), "layers")
	// Output: <nil> pass 4 layers
}

// A layer whose numbers are NaN on both sides was compared with no number: that is
// an error, though nothing diverges.
func TestVerifyNaNWeights(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "whole", Filters: 1, Size: graph.Square(1)},
			graph.Conv2D{Name: "void", Filters: 2, Size: graph.Square(1)},
			graph.ReLU{Name: "after"},
		},
	}
	weights := net.InitialWeights(1)
	for i := range weights["void/filter"].Data {
		weights["void/filter"].Data[i] = float32(math.NaN())
	}
	v, err := verify.Network(t.Context(), net, weights, batchOf(net, 1, 1), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != verify.Nothing || v.Diverges != "" || v.Layers[0].Verdict.Status != verify.Pass || v.Layers[1].Verdict.NaN != 32 || v.Layers[2].Verdict.Status != verify.Nothing {
		t.Errorf("%+v", v)
	}
	want := `verify: conv2d "void": proves nothing: of 32 numbers none was compared; 32 NaN on both sides`
	if err := v.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// One filter of the two is whole: numbers are compared, and NaN counted. Kernels
	// differ in the ReLU of NaN, which is half of its numbers.
	weights["void/filter"].Data[1] = 1
	v, err = verify.Network(t.Context(), net, weights, batchOf(net, 1, 1), verify.Options{})
	if err != nil || v.Status != verify.NotHeld || v.Layers[1].Verdict.Status != verify.Pass || v.Layers[1].Verdict.NaN != 16 {
		t.Errorf("%+v, %v", v, err)
	}
	want = `verify: relu "after": not held: 16 of 32 numbers are unspecified (50 %), at most 2 % may be`
	if err := v.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
