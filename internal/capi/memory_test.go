package capi_test

import (
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// x + x of 1,000 numbers: 4,000 bytes are allocated, and live when the run
// ends, as they are handed out.
func TestRunRecorded(t *testing.T) {
	s := open(t)
	x, err := tensor.New(1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	nodes, err := s.runner(t, "Add", "x/Placeholder").RunRecorded(func() { seen++ }, []capi.Value{capi.Float32s(x)})
	if err != nil || seen != 1 {
		t.Fatal(seen, err)
	}
	at := slices.IndexFunc(nodes, func(n capi.MemoryNode) bool { return n.Name == "Add" })
	if at < 0 {
		t.Fatalf("no Add: %+v", nodes)
	}
	n := nodes[at]
	if n.Kind == "" || len(n.Inputs) != 2 || n.Inputs[0] != n.Inputs[1] || n.End <= n.Start {
		t.Errorf("%+v", n)
	}
	if len(n.Changes) != 1 || n.Changes[0].Bytes != 4000 || len(n.Outputs) != 1 || n.Outputs[0].Bytes != 4000 || n.Outputs[0].Pointer == 0 {
		t.Errorf("%+v", n)
	}
	if micros := n.Changes[0].Micros; micros < n.Start/1000 || micros > n.End/1000 {
		t.Errorf("allocated at %d, ran from %d to %d", micros, n.Start/1000, n.End/1000)
	}
}

func TestRunRecordedFails(t *testing.T) {
	s := open(t)
	if _, err := s.runner(t, "Add").RunRecorded(func() { t.Error("seen") }, nil); err == nil || !strings.Contains(err.Error(), "tensorflow: ") {
		t.Error(err)
	}
}
