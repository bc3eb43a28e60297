package capi_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// x + x of 1,000 numbers: 4,000 bytes are allocated in the record, results can be
// copied while TensorFlow holds them, and the graph comes with the record.
func TestRunRecorded(t *testing.T) {
	s := open(t)
	x, err := tensor.New(1000)
	if err != nil {
		t.Fatal(err)
	}
	x.Data[7] = 1.5
	options, err := proto.Marshal(&for_core_protos_go_proto.RunOptions{TraceLevel: for_core_protos_go_proto.RunOptions_SOFTWARE_TRACE, OutputPartitionGraphs: true})
	if err != nil {
		t.Fatal(err)
	}
	recorded := func(look func(*capi.Call) error) ([]byte, error) {
		call, err := s.Prepare([]capi.Feed{{Port: port(t, s, "x/Placeholder"), Value: x}}, []capi.Port{port(t, s, "Add")})
		if err != nil {
			t.Fatal(err)
		}
		return call.RunRecorded(options, func() error { return look(call) })
	}
	var results []capi.Fetched
	text, err := recorded(func(call *capi.Call) (err error) { results, err = call.Results(); return err })
	if err != nil || len(results) != 1 || results[0].Float[7] != 3 {
		t.Fatalf("%v, %v", results, err)
	}
	var metadata for_core_protos_go_proto.RunMetadata
	if err := proto.Unmarshal(text, &metadata); err != nil {
		t.Fatal(err)
	}
	if len(metadata.GetPartitionGraphs()) != 1 {
		t.Errorf("%d graphs", len(metadata.GetPartitionGraphs()))
	}
	allocated := int64(0)
	for _, device := range metadata.GetStepStats().GetDevStats() {
		for _, n := range device.GetNodeStats() {
			for _, memory := range n.GetMemory() {
				for _, r := range memory.GetAllocationRecords() {
					allocated += r.GetAllocBytes()
				}
			}
		}
	}
	if allocated != 4000 {
		t.Errorf("%d bytes were allocated, want 4000", allocated)
	}
	failed := errors.New("failed")
	if _, err := recorded(func(*capi.Call) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

func TestRunRecordedFails(t *testing.T) {
	s := open(t)
	call, err := s.Prepare(nil, []capi.Port{port(t, s, "Add")}) // nothing fed
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.RunRecorded(nil, func() error { t.Error("looked"); return nil }); err == nil || !strings.Contains(err.Error(), "tensorflow: ") {
		t.Error(err)
	}
}
