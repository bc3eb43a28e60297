package capi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/galeone/tfgo"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/capi"
)

// A loop of TensorFlow 1, whose nodes refer to each other, a node that is placed with
// another one, a function of the library, and a batch of any size.
const loop = `
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } dim { size: 2 } } } } }
node { name: "enter" op: "Enter" input: "x" attr { key: "T" value { type: DT_FLOAT } } attr { key: "frame_name" value { s: "loop" } } }
node { name: "merge" op: "Merge" input: "enter" input: "next" attr { key: "T" value { type: DT_FLOAT } } attr { key: "N" value { i: 2 } } }
node { name: "false" op: "Const" input: "^merge" attr { key: "dtype" value { type: DT_BOOL } } attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: false } } } }
node { name: "condition" op: "LoopCond" input: "false" }
node { name: "switch" op: "Switch" input: "merge" input: "condition" attr { key: "T" value { type: DT_FLOAT } } attr { key: "_class" value { list { s: "loc:@away" } } } }
node { name: "next" op: "NextIteration" input: "switch:1" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "exit" op: "Exit" input: "switch" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "called" op: "PartitionedCall" input: "exit" attr { key: "Tin" value { list { type: DT_FLOAT } } } attr { key: "Tout" value { list { type: DT_FLOAT } } } attr { key: "f" value { func { name: "same" } } } }
node { name: "away" op: "Identity" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
versions { producer: 1800 }
library { function {
	signature { name: "same" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "b" type: DT_FLOAT } }
	node_def { name: "i" op: "Identity" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
	ret { key: "b" value: "i:output:0" }
} }`

func infer(t *testing.T, g *tf.Graph, feed string, shape tf.Shape, fetch string) (string, error) {
	t.Helper()
	c, err := capi.WrapGraph(g)
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Output(feed, 0)
	if err != nil {
		t.Fatal(err)
	}
	y, err := c.Output(fetch, 0)
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := c.Infer([]capi.Output{x}, []tf.Shape{shape}, []capi.Output{y}, nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(shapes[0]), nil
}

func TestInferLoop(t *testing.T) {
	var definition graph_go_proto.GraphDef
	if err := prototext.Unmarshal([]byte(loop), &definition); err != nil {
		t.Fatal(err)
	}
	bytes, err := proto.Marshal(&definition)
	if err != nil {
		t.Fatal(err)
	}
	graph := tf.NewGraph()
	if err := graph.Import(bytes, ""); err != nil {
		t.Fatal(err)
	}
	for _, fetch := range []string{"exit", "called"} {
		if got, err := infer(t, graph, "x", tf.MakeShape(3, 2), fetch); err != nil {
			t.Errorf("%s: %s, %v", fetch, got, err)
		}
	}
	if got, err := infer(t, graph, "x", tf.MakeShape(3, 2), "away"); err != nil || got != "[3, 2]" {
		t.Errorf("got %s, %v", got, err)
	}
}

// A small constant tells a shape; a large one is not copied, though a node waits for
// it; a node that is not needed does not matter; and names are not taken twice.
func TestInfer(t *testing.T) {
	root := tfgo.NewRoot()
	x := op.Placeholder(root.SubScope("x"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 4)))
	weights := op.Const(root.SubScope("weights"), make([][2000]float32, 4))
	product := op.MatMul(root.SubScope("product"), x, weights)
	op.Reshape(root.SubScope("flat"), product, op.Const(root.SubScope("shape"), []int32{-1, 1000}))
	op.Identity(root.SubScope("waits").WithControlDependencies(weights.Op), x)
	op.MatMul(root.SubScope("square"), x, x)
	root.AddOperation(tf.OpSpec{Type: "Identity", Name: "feed0", Input: []tf.Input{x}})
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	for fetch, want := range map[string]string{
		"product/MatMul": "[3, 2000]", "flat/Reshape": "[6, 1000]", "waits/Identity": "[3, 4]", "feed0": "[3, 4]", "weights/Const": "[4, 2000]",
	} {
		if got, err := infer(t, graph, "x/Placeholder", tf.MakeShape(3, 4), fetch); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", fetch, got, err, want)
		}
	}
	if got, err := infer(t, graph, "product/MatMul", tf.MakeShape(1, 1, 3000), "flat/Reshape"); err != nil || got != "[3, 1000]" {
		t.Errorf("a node between: got %s, %v", got, err)
	}
	if _, err := infer(t, graph, "x/Placeholder", tf.MakeShape(3, 4), "square/MatMul"); err == nil || !strings.HasPrefix(err.Error(), "tensorflow: Dimensions must be equal") {
		t.Errorf("a product of other sizes: %v", err)
	}
}

// A copy outlives its graph, and has the device given where a node names none.
func TestCopy(t *testing.T) {
	s := open(t)
	copied, bytes, err := s.Copy("/device:CPU:0")
	if err != nil || bytes == 0 {
		t.Fatal(bytes, err)
	}
	defer capi.FreeGraph(copied)
	if node := copied.Operation("Add"); node == nil || node.Device() != "/device:CPU:0" || s.graph.Operation("Add").Device() != "" {
		t.Error(node)
	}
	if len(copied.Operations()) != len(s.graph.Operations()) {
		t.Errorf("%d nodes, want %d", len(copied.Operations()), len(s.graph.Operations()))
	}
}

// A variable keeps what was fed, when the caller's memory has other numbers.
func TestKeeps(t *testing.T) {
	root := tfgo.NewRoot()
	x := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(16)))
	variable := op.VarHandleOp(root, tf.Float, tf.MakeShape(16))
	assign := op.AssignVariableOp(root, variable, x)
	read := op.ReadVariableOp(root, variable, tf.Float)
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	s, err := capi.Wrap(session, graph)
	if err != nil {
		t.Fatal(err)
	}
	run := func(g capi.Signature, in, out []capi.Value) {
		t.Helper()
		r, err := s.NewRunner(g)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Free()
		if err := r.Run(in, out); err != nil {
			t.Fatal(err)
		}
	}
	target, err := s.Operation(assign.Name())
	if err != nil {
		t.Fatal(err)
	}
	var buffer capi.AlignedBuffer
	defer buffer.Free()
	memory, err := buffer.Float32s(16) // aligned, so that TensorFlow could borrow it
	if err != nil {
		t.Fatal(err)
	}
	memory[15] = 7
	o := opened{s, session, graph}
	run(capi.Signature{Feeds: []capi.Output{output(t, o, x.Op.Name())}, Targets: []capi.Operation{target}, Keeps: true}, []capi.Value{numbers(memory...)}, nil)
	memory[15] = 8
	out := make([]capi.Value, 1)
	run(capi.Signature{Fetches: []capi.Output{output(t, o, read.Op.Name())}}, nil, out)
	if got := out[0].Tensor().Data[15]; got != 7 {
		t.Errorf("got %v, want 7", got)
	}
}
