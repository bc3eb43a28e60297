package capi

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// A record as TensorFlow 2.21 writes it, of two nodes, with times set by hand.
const recorded = `
step_stats { dev_stats { device: "/job:localhost/replica:0/task:0/device:CPU:0"
  node_stats {
    node_name: "bn1/relu/Relu"
    timeline_label: "[cpu 3.1MB 3.1MB] bn1/relu/Relu = _FusedConv2D(_arg_input_0_1, conv1/filter)"
    scheduled_nanos: 1900 all_start_nanos: 2000 op_start_rel_nanos: 10 op_end_rel_nanos: 510 all_end_rel_nanos: 600
    memory { allocator_name: "cpu" allocation_records { alloc_micros: 3 alloc_bytes: -64 } allocation_records { alloc_micros: 2 alloc_bytes: 64 } }
    output { tensor_description { dtype: DT_FLOAT shape { dim { size: 1 } dim { size: 7 } } } }
    output { slot: 1 tensor_description { dtype: DT_INT32 } }
  }
  node_stats { node_name: "_SOURCE" timeline_label: "_SOURCE = NoOp()" scheduled_nanos: 1500 all_start_nanos: 1700 op_end_rel_nanos: 20 all_end_rel_nanos: 30 }
  node_stats { node_name: "odd" all_start_nanos: 5000 }
} }`

func TestNodeRecords(t *testing.T) {
	var metadata for_core_protos_go_proto.RunMetadata
	if err := prototext.Unmarshal([]byte(recorded), &metadata); err != nil {
		t.Fatal(err)
	}
	text, err := proto.Marshal(&metadata)
	if err != nil {
		t.Fatal(err)
	}
	got, err := nodeRecords(text)
	if err != nil {
		t.Fatal(err)
	}
	const cpu = "/device:CPU:0"
	want := []NodeRecord{
		{Name: "_SOURCE", Kind: "NoOp", Device: cpu, Ready: 1500, Start: 1700, KernelStart: 1700, KernelEnd: 1720, End: 1730},
		{
			Name: "bn1/relu/Relu", Kind: "_FusedConv2D", Device: cpu, Ready: 1900, Start: 2000, KernelStart: 2010, KernelEnd: 2510, End: 2600,
			Changes: []MemoryChange{{Micros: 2, Bytes: 64, Allocator: "cpu"}, {Micros: 3, Bytes: -64, Allocator: "cpu"}},
			Shape:   []int{1, 7}, Type: "float",
		},
		{Name: "odd", Device: cpu, Ready: 5000, Start: 5000, KernelStart: 5000, KernelEnd: 5000, End: 5000},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := nodeRecords([]byte("\xff")); err == nil {
		t.Error("what is no RunMetadata was read")
	}
}
