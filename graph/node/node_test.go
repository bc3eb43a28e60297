package node_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tfgo"
	"google.golang.org/protobuf/proto"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

func placeholder(scope *op.Scope, shape ...int64) tf.Output {
	return op.Placeholder(scope, tf.Float, op.PlaceholderShape(tf.MakeShape(shape...)))
}

// run fetches one output of a finished scope.
func run(t *testing.T, scope *op.Scope, fetch, feed tf.Output, x tensor.Tensor) tensor.Tensor {
	t.Helper()
	g, err := scope.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	s, err := tf.NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := capi.Wrap(s, g)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.OutputOf(feed)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.OutputOf(fetch)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := c.NewRunner(capi.Signature{Feeds: []capi.Output{in}, Fetches: []capi.Output{out}})
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Free()
	results := make([]capi.Value, 1)
	if err := runner.Run([]capi.Value{capi.Float32s(x)}, results); err != nil {
		t.Fatal(err)
	}
	return results[0].Tensor()
}

func filled(shape ...int) tensor.Tensor {
	x, err := tensor.New(shape...)
	if err != nil {
		panic(err)
	}
	for i := range x.Data {
		x.Data[i] = float32(i + 1)
	}
	return x
}

// The known answers of TensorFlow's own tests, computed by a graph that was built by
// hand.
func TestByHand(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape []int
		add   func(*op.Scope, tf.Output) (tf.Output, error)
		want  []float32
	}{
		{"conv2d", []int{1, 2, 3, 3}, func(s *op.Scope, x tf.Output) (tf.Output, error) {
			w, err := tf.NewTensor([][][][]float32{
				{{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, {{10, 11, 12}, {13, 14, 15}, {16, 17, 18}}},
				{{{19, 20, 21}, {22, 23, 24}, {25, 26, 27}}, {{28, 29, 30}, {31, 32, 33}, {34, 35, 36}}},
			})
			if err != nil {
				return tf.Output{}, err
			}
			return node.Conv2D(s, x, op.Const(s, w), node.Conv2DOptions{Strides: [4]int{1, 2, 2, 1}, Padding: graph.Same})
		}, []float32{2271, 2367, 2463, 1230, 1305, 1380}},
		{"max_pool", []int{1, 2, 3, 3}, func(s *op.Scope, x tf.Output) (tf.Output, error) {
			return node.MaxPool(s, x, node.PoolOptions{Size: [4]int{1, 2, 2, 1}, Padding: graph.Same})
		}, []float32{13, 14, 15, 16, 17, 18}},
		{"avg_pool", []int{1, 7, 7, 1}, func(s *op.Scope, x tf.Output) (tf.Output, error) {
			return node.AvgPool(s, x, node.PoolOptions{Size: [4]int{1, 2, 2, 1}, Strides: [4]int{1, 3, 3, 1}})
		}, []float32{5, 8, 26, 29}},
		{"avg_pool, explicit", []int{1, 4, 5, 2}, func(s *op.Scope, x tf.Output) (tf.Output, error) {
			return node.AvgPool(s, x, node.PoolOptions{Size: [4]int{1, 3, 3, 1}, Strides: [4]int{1, 2, 3, 1}, Padding: graph.Explicit(1, 0, 1, 0)})
		}, []float32{7, 8, 12, 13, 22, 23, 27, 28}},
		{"avg_pool of doubles, explicit", []int{1, 4, 5, 2}, func(s *op.Scope, x tf.Output) (tf.Output, error) {
			wide := op.Cast(s.SubScope("wide"), x, tf.Double)
			y, err := node.AvgPool(s, wide, node.PoolOptions{Size: [4]int{1, 3, 3, 1}, Strides: [4]int{1, 2, 3, 1}, Padding: graph.Explicit(1, 0, 1, 0)})
			if err == nil && y.DataType() != tf.Double {
				err = fmt.Errorf("type %d became %d", tf.Double, y.DataType())
			}
			if err != nil {
				return tf.Output{}, err
			}
			return op.Cast(s.SubScope("narrow"), y, tf.Float), nil
		}, []float32{7, 8, 12, 13, 22, 23, 27, 28}},
	} {
		root := tfgo.NewRoot()
		x := placeholder(root, -1, int64(tt.shape[1]), int64(tt.shape[2]), int64(tt.shape[3]))
		y, err := tt.add(root, x)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := run(t, root, y, x, filled(tt.shape...)); !slices.Equal(got.Data, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got.Data, tt.want)
		}
	}
}

// A refused operation leaves the scope as it was: the next operation is added, and the
// graph runs.
func TestRefusalsLeaveTheScope(t *testing.T) {
	root := tfgo.NewRoot()
	x := placeholder(root, -1, 5, 5, 3)
	free := placeholder(root.SubScope("free"), -1, -1, 5, 3)
	anything := op.Placeholder(root.SubScope("anything"), tf.Float)
	flat := placeholder(root.SubScope("flat"), -1, 75)
	whole := op.Placeholder(root.SubScope("whole"), tf.Int32, op.PlaceholderShape(tf.MakeShape(-1, 5, 5, 3)))
	double := op.Placeholder(root.SubScope("double"), tf.Double, op.PlaceholderShape(tf.MakeShape(3, 3, 3, 2)))
	other := tfgo.NewRoot()
	foreign := placeholder(other, 3, 3, 3, 2)
	filter := placeholder(root.SubScope("filter"), 3, 3, 3, 2)
	loose := placeholder(root.SubScope("loose"), 3, 3, 3, -1)

	pool := func(input tf.Output, o node.PoolOptions) func() error {
		return func() error {
			_, max := node.MaxPool(root, input, o)
			_, avg := node.AvgPool(root, input, o)
			if (max == nil) != (avg == nil) {
				return fmt.Errorf("max_pool: %v, avg_pool: %v", max, avg)
			}
			return max
		}
	}
	conv := func(input, filter tf.Output, o node.Conv2DOptions) func() error {
		return func() error {
			_, err := node.Conv2D(root, input, filter, o)
			return err
		}
	}
	two := [4]int{1, 2, 2, 1}
	for _, tt := range []struct {
		add  func() error
		want string
	}{
		{pool(x, node.PoolOptions{Size: [4]int{2, 2, 2, 1}}), `node: max_pool "max_pool": size [2 2 2 1]: factor 2 on batch, want 1`},
		{pool(x, node.PoolOptions{Size: [4]int{1, 2, 2, 3}}), `factor 3 on channels, want 1`},
		{pool(x, node.PoolOptions{Size: two, Strides: [4]int{0, 1, 1, 1}}), `strides [0 1 1 1]: factor 0 on batch`},
		{pool(x, node.PoolOptions{}), `size [0 0 0 0]: factor 0 on batch`},
		{pool(x, node.PoolOptions{Size: [4]int{1, 6, 6, 1}}), `window spans 6 rows, input has only 5`},
		{pool(x, node.PoolOptions{Size: two, Padding: graph.Explicit(2, 0, 0, 0)}), `padding 2 at the top is not less than the window's 2`},
		{pool(x, node.PoolOptions{Name: "a b", Size: two}), `"a b": name has a character`},
		{pool(free, node.PoolOptions{Size: two}), `input has the shape [?, ?, 5, 3], want static sizes but for the batch`},
		{pool(anything, node.PoolOptions{Size: two}), `input has a shape of unknown rank`},
		{pool(flat, node.PoolOptions{Size: two}), `input [?,75] has 2 axes, want 4`},
		{pool(whole, node.PoolOptions{Size: two}), `input has TensorFlow's type 3, want float`},
		{pool(tf.Output{}, node.PoolOptions{Size: two}), `input is the output of no node`},
		{conv(x, filter, node.Conv2DOptions{Strides: [4]int{1, 1, 1, 2}}), `node: conv2d "conv2d": strides [1 1 1 2]: factor 2 on channels, want 1`},
		{conv(x, filter, node.Conv2DOptions{Dilations: [4]int{2, 1, 1, 1}}), `dilations [2 1 1 1]: factor 2 on batch`},
		{conv(x, filter, node.Conv2DOptions{Strides: [4]int{1, -1, 1, 1}}), `vertical stride is -1`},
		{conv(x, filter, node.Conv2DOptions{Groups: 2}), `input has 3 channels, not a multiple of the 2 groups`},
		{pool(x.Op.Output(7), node.PoolOptions{Size: two}), `input is output 7 of a node that has 1`},
		{pool(x.Op.Output(-1), node.PoolOptions{Size: two}), `input is output -1 of a node that has 1`},
		{conv(x, foreign, node.Conv2DOptions{}), `filter is a node of another graph than the scope's`},
		{conv(x, double, node.Conv2DOptions{}), `filter has TensorFlow's type 2, the input 1, want one type`},
		{conv(x, loose, node.Conv2DOptions{}), `filter has the shape [3, 3, 3, ?]`},
		{conv(filter, x, node.Conv2DOptions{}), `filter [?,5,5,3]: height is -1`},
	} {
		err := tt.add()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, tt.want)
		}
		if root.Err() != nil {
			t.Fatalf("%s: poisoned the scope: %v", tt.want, root.Err())
		}
	}
	y, err := node.MaxPool(root, x, node.PoolOptions{Size: two})
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, root, y, x, filled(1, 5, 5, 3)); fmt.Sprint(got.Shape) != "[1 2 2 3]" {
		t.Errorf("after the refusals: %v", got.Shape)
	}
	if _, err := node.MaxPool(root, x, node.PoolOptions{Size: two}); err == nil || strings.Contains(err.Error(), "Stacktrace") {
		t.Errorf("a finished scope: %v", err)
	}
	if _, err := node.MaxPool(new(op.Scope), x, node.PoolOptions{Size: two}); err == nil || !strings.Contains(err.Error(), "panic in the bindings") {
		t.Errorf("a scope that nobody made: %v", err)
	}
	if _, err := node.MaxPool(nil, x, node.PoolOptions{Size: two}); err == nil {
		t.Error("no scope: no error")
	}
}

// Node names depend on the network alone: the same network, built again in the same
// process, has the same names.
func TestStableNames(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 9, Width: 9, Channels: 2},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 2, Size: graph.Square(3), Activation: graph.ReLUActivation},
			graph.Conv2D{Name: "g", Filters: 2, Size: graph.Square(3), Groups: 2},
			graph.AvgPool{Size: graph.Square(3), Strides: graph.Size{Height: 1, Width: 2}, Padding: graph.Explicit(1, 0, 0, 0)},
			graph.MaxPool{Size: graph.Square(2)},
			graph.ReLU{},
		},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	want := "input conv1/filter conv1/bias conv1/Conv2D conv1/BiasAdd conv1/relu/Relu g/filter g/bias g/Conv2D g/AddV2 " +
		"avg_pool1/ones avg_pool1/counts avg_pool1/DepthwiseConv2dNative avg_pool1/every/begin avg_pool1/every/end " +
		"avg_pool1/every/steps avg_pool1/every/StridedSlice avg_pool1/DivNoNan max_pool1/size max_pool1/strides max_pool1/MaxPoolV2 relu1/Relu"
	for range 2 {
		root := tfgo.NewRoot()
		if _, err := node.Build(root, lowered, net.InitialWeights(1), node.Options{}); err != nil {
			t.Fatal(err)
		}
		g, err := root.Finalize()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range g.Operations() {
			names = append(names, o.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Each op type that this package emits takes the attributes that the bindings of 2024
// set, in the libtensorflow of the process: a graph of them is read back from its
// GraphDef.
func TestEmittedOps(t *testing.T) {
	emitted := map[string]bool{}
	for _, net := range everyLowering() {
		lowered, err := graph.Lower(net)
		if err != nil {
			t.Fatal(err)
		}
		root := tfgo.NewRoot()
		if _, err := node.Build(root, lowered, net.InitialWeights(1), node.Options{}); err != nil {
			t.Fatal(err)
		}
		g, err := root.Finalize()
		if err != nil {
			t.Fatal(err)
		}
		var def bytes.Buffer
		if _, err := g.WriteTo(&def); err != nil {
			t.Fatal(err)
		}
		var parsed graph_go_proto.GraphDef
		if err := proto.Unmarshal(def.Bytes(), &parsed); err != nil {
			t.Fatalf("the library's GraphDef is not what the bindings' protobufs read: %v", err)
		}
		again := tf.NewGraph()
		if err := again.Import(def.Bytes(), ""); err != nil {
			t.Fatalf("the library refuses its own GraphDef: %v", err)
		}
		for i, n := range parsed.Node {
			emitted[n.Op] = true
			if back := again.Operation(n.Name); back == nil || back.Type() != n.Op {
				t.Errorf("node %d, %s %q: not there after the trip", i, n.Op, n.Name)
			}
		}
	}
	var got []string
	for name := range emitted {
		got = append(got, name)
	}
	slices.Sort(got)
	want := "[AddV2 AvgPool BiasAdd ConcatV2 Const Conv2D Conv2DBackpropInput DepthwiseConv2dNative DivNoNan Elu " +
		"FusedBatchNormV3 Identity LRN LeakyRelu MatMul MaxPool MaxPoolV2 Mul Neg NoOp Pad Placeholder Relu Relu6 Reshape ResizeBilinear " +
		"ResizeNearestNeighbor ReverseV2 Selu Sigmoid Slice Softmax StridedSlice Sub Tanh Transpose]"
	if fmt.Sprint(got) != want {
		t.Errorf("emitted ops %v, this test knows %s", got, want)
	}
}

func everyLowering() []graph.Network {
	in := graph.Input{Height: 9, Width: 8, Channels: 4}
	var nets []graph.Network
	for _, padding := range []graph.Padding{graph.Valid, graph.Same, graph.Explicit(1, 0, 0, 1)} {
		for _, strides := range []graph.Size{graph.Square(1), {Height: 2, Width: 3}} {
			for _, groups := range []int{1, 2} {
				nets = append(nets, graph.Network{Input: in, Layers: []graph.Layer{
					graph.Conv2D{Filters: 4, Size: graph.Square(2), Strides: strides, Padding: padding, Groups: groups, Activation: graph.ReLUActivation},
					graph.MaxPool{From: graph.InputName, Size: graph.Square(2), Strides: strides, Padding: padding},
					graph.AvgPool{From: graph.InputName, Size: graph.Square(2), Strides: strides, Padding: padding},
				}})
			}
		}
	}
	transpose := func(strides, dilations, groups int, p graph.Padding) graph.Layer {
		return graph.Conv2DTranspose{
			From: graph.InputName, Filters: 4, Size: graph.Square(3), Strides: graph.Square(strides),
			Dilations: graph.Square(dilations), Groups: groups, Padding: p,
		}
	}
	return append(nets,
		graph.Network{Input: in, Layers: []graph.Layer{
			graph.SeparableConv2D{Filters: 3, Size: graph.Square(3), Dilations: graph.Square(2), Multiplier: 2},
			graph.SwapRGB{},
			graph.ScaleShift{Scale: []float32{2}, Shift: []float32{1, 2, 3}},
			graph.ScaleShift{},
			graph.DepthwiseConv2D{Size: graph.Square(2), Padding: graph.Explicit(1, 0, 0, 1)},
			graph.DepthwiseConv2D{Size: graph.Square(2), Padding: graph.Same},
			graph.BatchNorm{},
			graph.LRN{},
			graph.ReLU6{},
			graph.LeakyReLU{},
			graph.ELU{},
			graph.SELU{},
			graph.Sigmoid{},
			graph.Tanh{},
			graph.ZeroPad{Top: 1},
			graph.UpSample{Size: graph.Square(2)},
			graph.Resize{Size: graph.Square(5)},
			graph.Flatten{},
			graph.BatchNorm{},
			graph.Dropout{Rate: 0.5},
			graph.Dense{Units: 3, Activation: graph.SoftmaxActivation},
		}},
		graph.Network{Input: in, Layers: []graph.Layer{
			transpose(2, 1, 1, graph.Valid), transpose(2, 1, 1, graph.Explicit(1, 1, 0, 1)), transpose(2, 2, 2, graph.Explicit(5, 5, 5, 5)),
			graph.Add{From: []string{"conv_transpose1", "conv_transpose1", "conv_transpose1"}},
			graph.Concat{From: []string{"add1", "conv_transpose1"}},
		}})
}

// Weights that are constants have the type that the graph computes in.
func TestConstantsAreConverted(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 2},
		Layers: []graph.Layer{graph.Conv2D{Filters: 3, Size: graph.Square(3)}, graph.Flatten{}, graph.Dense{Units: 2}},
	}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	for _, dtype := range []tf.DataType{tf.Float, tf.Half, tf.Bfloat16} {
		if _, err := node.Build(op.NewScope(), lowered, net.InitialWeights(1), node.Options{Type: dtype}); err != nil {
			t.Errorf("type %d: %v", dtype, err)
		}
	}
}
