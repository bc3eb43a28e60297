package trace

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// metadata returns a RunMetadata message from its text.
func metadata(t *testing.T, text string) []byte {
	t.Helper()
	var message for_core_protos_go_proto.RunMetadata
	if err := prototext.Unmarshal([]byte(text), &message); err != nil {
		t.Fatal(err)
	}
	bytes, err := proto.Marshal(&message)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// A record as TensorFlow 2.21 writes it, of two nodes, with times set by hand.
const recorded = `
step_stats { dev_stats { device: "/job:localhost/replica:0/task:0/device:CPU:0"
  node_stats {
    node_name: "bn1/relu/Relu"
    timeline_label: "[cpu 3.1MB 3.1MB] bn1/relu/Relu = _FusedConv2D(_arg_input_0_1, conv1/filter)"
    scheduled_nanos: 1900 all_start_nanos: 2000 op_start_rel_nanos: 10 op_end_rel_nanos: 510 all_end_rel_nanos: 600
    memory { allocator_name: "cpu" allocation_records { alloc_micros: 3 alloc_bytes: -64 } allocation_records { alloc_micros: 2 alloc_bytes: 64 } }
    output { tensor_description { dtype: DT_FLOAT shape { dim { size: 1 } dim { size: 7 } } allocation_description { requested_bytes: 28 allocated_bytes: 64 ptr: 4096 } } }
    output { slot: 1 tensor_description { dtype: DT_INT32 } }
  }
  node_stats { node_name: "_SOURCE" timeline_label: "_SOURCE = NoOp()" scheduled_nanos: 1500 all_start_nanos: 1700 op_end_rel_nanos: 20 all_end_rel_nanos: 30 }
  node_stats { node_name: "odd" all_start_nanos: 5000 }
} }`

// The graph beside it, as the level Graph has it.
const graphs = `
partition_graphs {
  node { name: "bn1/relu/Relu" op: "_MklNativeFusedConv2D" input: "_arg_input_0_1" input: "conv1/filter:0" input: "^late" attr { key: "fused_ops" value { list { s: "BiasAdd" s: "Relu" } } } }
  node { name: "odd" op: "Const" }
}`

func TestParse(t *testing.T) {
	var layers Layers
	layers.Add("bn1", 3)
	got, err := Parse(metadata(t, recorded), layers)
	if err != nil {
		t.Fatal(err)
	}
	const cpu = "/device:CPU:0"
	want := []Node{
		{Name: "_SOURCE", Op: "NoOp", Device: cpu, Ready: 1500, Start: 1700, KernelStart: 1700, KernelEnd: 1720, End: 1730},
		{
			Name: "bn1/relu/Relu", Op: "_FusedConv2D", Device: cpu, Layer: "bn1", Ready: 1900, Start: 2000, KernelStart: 2010, KernelEnd: 2510, End: 2600,
			Allocations: []Allocation{{At: 2000, Bytes: 64, Allocator: "cpu"}, {At: 3000, Bytes: -64, Allocator: "cpu"}},
			Outputs:     []Output{{Shape: []int{1, 7}, Type: "float", Bytes: 64, Pointer: 4096}, {Slot: 1, Shape: []int{}, Type: "int32"}},
		},
		{Name: "odd", Device: cpu, Ready: 5000, Start: 5000, KernelStart: 5000, KernelEnd: 5000, End: 5000},
	}
	if !reflect.DeepEqual(got.Nodes, want) {
		t.Errorf("got  %+v\nwant %+v", got.Nodes, want)
	}
	// With the graph, nodes have its ops and what they read, control left out.
	got, err = Parse(metadata(t, recorded+graphs), layers)
	if err != nil {
		t.Fatal(err)
	}
	want[1].Op, want[1].Inputs = "_MklNativeFusedConv2D", []string{"_arg_input_0_1", "conv1/filter"}
	want[2].Op, want[2].Inputs = "Const", []string{}
	if !reflect.DeepEqual(got.Nodes, want) {
		t.Errorf("got  %+v\nwant %+v", got.Nodes, want)
	}
	if from, to := got.Span(); from != 1500 || to != 5000 {
		t.Errorf("span %d to %d", from, to)
	}
	if _, err := Parse([]byte("\xff"), layers); err == nil {
		t.Error("what is no RunMetadata was read")
	}
}

func TestLayers(t *testing.T) {
	var layers Layers
	for i, name := range []string{"conv", "bn", "dense"} {
		layers.Add(name, []int{1, 2, 5}[i])
	}
	for name, want := range map[string]string{
		"conv/Conv2D": "conv", "dense": "dense", "ConstantFolding/bn/scale-folded": "bn", "_arg_input_0_1": "", "convolution/Conv2D": "", "": "",
	} {
		if got := layers.OfNode(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for step, want := range []int{0, 0, 1, 2, 2, 2} {
		if got := layers.OfStep(step); got != want {
			t.Errorf("step %d: got layer %d, want %d", step, got, want)
		}
	}
}

// Reads finds the layers behind constants, casts, copies, and nodes of the layer
// itself.
func TestReads(t *testing.T) {
	node := func(layer, name, op string, inputs ...string) Node {
		return Node{Layer: layer, Name: name, Op: op, Inputs: inputs}
	}
	r := Record{Nodes: []Node{
		node("", "_arg_input_0_0", "_Arg"),
		node("a", "a/filter", "Const"),
		node("b", "b/Relu", "_FusedConv2D", "_arg_input_0_0", "a/filter"),
		node("drop", "drop/Identity", "Identity", "b/Relu"),
		node("", "cast", "Cast", "drop/Identity"),
		node("c", "c/Conv2D", "Conv2D", "cast", "a/filter"),
		node("c", "c/BiasAdd", "BiasAdd", "c/Conv2D"),
		node("d", "d/AddV2", "AddV2", "c/BiasAdd", "b/Relu", "edge_7_c"),
		{Layer: "d", Name: "d/AddV2", Op: "AddV2", Work: &Work{Kernel: "add"}},
	}}
	for layer, want := range map[string]struct {
		from  []string
		input bool
	}{"b": {nil, true}, "c": {[]string{"b"}, false}, "d": {[]string{"c", "b"}, true}, "a": {nil, false}, "drop": {nil, false}} {
		if from, input := r.Reads(layer); !slices.Equal(from, want.from) || input != want.input {
			t.Errorf("%s: reads %q, input %t, want %+v", layer, from, input, want)
		}
	}
}

// Each level sets TensorFlow's options of its own.
func TestRun(t *testing.T) {
	for level, want := range map[Level]string{
		Nodes: "trace_level:SOFTWARE_TRACE", Graph: "trace_level:SOFTWARE_TRACE output_partition_graphs:true", Kernels: "trace_level:FULL_TRACE",
	} {
		var wanted for_core_protos_go_proto.RunOptions
		if err := prototext.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		r, err := Run(level, Layers{}, func(options []byte) ([]byte, error) {
			var got for_core_protos_go_proto.RunOptions
			if err := proto.Unmarshal(options, &got); err != nil {
				return nil, err
			}
			if !proto.Equal(&got, &wanted) {
				t.Errorf("level %d: options %v, want %v", level, &got, &wanted)
			}
			return metadata(t, recorded), nil
		})
		if err != nil || len(r.Nodes) != 3 {
			t.Errorf("level %d: %d nodes, %v", level, len(r.Nodes), err)
		}
	}
	failed := errors.New("failed")
	if _, err := Run(Nodes, Layers{}, func([]byte) ([]byte, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if _, err := Run(0, Layers{}, func([]byte) ([]byte, error) { t.Error("ran"); return nil, nil }); err == nil {
		t.Error("a run of which nothing is recorded: no error")
	}
}
