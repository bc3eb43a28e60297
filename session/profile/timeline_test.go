package profile

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/internal/trace"
)

// A record that was made by hand, as a trace: nodes that ran at once lie on
// tracks of their own, and bytes add up.
func TestTimeline(t *testing.T) {
	node := func(name, layer string, start, end int64, allocations ...trace.Allocation) trace.Node {
		return trace.Node{
			Name: name, Layer: layer, Op: "Op", Device: "/device:CPU:0", Ready: start, Start: start, KernelStart: start + 1000, KernelEnd: end - 500, End: end,
			Outputs: []trace.Output{{Shape: []int{1, 2}, Type: "float"}}, Allocations: allocations,
		}
	}
	p := Profile{
		Layers: []Layer{{Layer: "a", Kind: "conv2d", With: []string{"b"}, Multiplications: 7, Bytes: 8, Kernels: []Kernel{{Node: "b/Relu"}}}},
		records: []trace.Record{{Nodes: []trace.Node{
			node("_SOURCE", "", 1_000_000, 1_004_000),
			node("b/Relu", "b", 1_004_000, 1_010_000, trace.Allocation{At: 1_005_000, Bytes: 64, Allocator: "cpu"}, trace.Allocation{At: 1_008_000, Bytes: -64, Allocator: "cpu"}),
			node("c/Relu", "c", 1_006_000, 1_009_000, trace.Allocation{At: 1_006_000, Bytes: 32, Allocator: "cpu"}),
			node("d/Relu", "d", 1_010_000, 1_012_000),
		}}, {}},
	}
	got := p.timeline("net")
	if want := []string{"runs", "CPU:0", "CPU:0, 2 at once"}; !slices.Equal(got.tracks, want) {
		t.Errorf("tracks %q", got.tracks)
	}
	var positions [][3]int64
	for _, s := range got.slices {
		positions = append(positions, [3]int64{int64(s.track), s.start, s.duration})
	}
	if want := [][3]int64{{0, 0, 12000}, {1, 0, 4000}, {1, 4000, 6000}, {2, 6000, 3000}, {1, 10000, 2000}}; !slices.Equal(positions, want) {
		t.Errorf("slices %v", positions)
	}
	fused := got.slices[2]
	want := map[string]any{
		"node": "b/Relu", "op": "Op", "layer": "b", "layers": "a, b", "output": "1×2 float", "kernel_us": 4.5, "waited_us": 0.0,
		"allocated_bytes": int64(64), "multiplications": int64(7), "bytes": int64(8),
	}
	if fused.name != "a" || fused.category != "conv2d" || !reflect.DeepEqual(fused.args, want) {
		t.Errorf("%+v", fused)
	}
	var live []int64
	for _, c := range got.counters {
		live = append(live, c.at, c.values["cpu"])
	}
	if want := []int64{0, 0, 5000, 64, 6000, 96, 8000, 32, 12000, 0}; !slices.Equal(live, want) {
		t.Errorf("bytes %v, want %v", live, want)
	}
	var text bytes.Buffer
	if err := p.WriteTrace(&text, "net"); err != nil || !strings.Contains(text.String(), `"args":{"name":"net"}`) {
		t.Errorf("%v, %s", err, &text)
	}
}

// On a GPU the card's kernels, the host's launches and the copies lie on tracks of
// their own.
func TestTimelineOfGPU(t *testing.T) {
	const gpu, stream = "/device:GPU:0", "/device:GPU:0/stream:"
	node := func(name, layer, op, device string, start, end int64, w *trace.Work) trace.Node {
		return trace.Node{Name: name, Layer: layer, Op: op, Device: device, Ready: start, Start: start, KernelStart: start, KernelEnd: end, End: end, Work: w}
	}
	p := Profile{
		Layers: []Layer{{Layer: "c", Kind: "conv2d", Kernels: []Kernel{{Node: "c/Relu", Op: "_FusedConv2D", Kernel: "conv_kernel"}}}},
		records: []trace.Record{{Nodes: []trace.Node{
			node("MemcpyH2D", "", "", stream+"15", 0, 50_000, &trace.Work{Kernel: "MemcpyH2D", Copy: "H2D", Bytes: 3 << 20}),
			node("c/Relu", "c", "_FusedConv2D", gpu, 10_000, 20_000, nil),
			node("c/Relu", "c", "_FusedConv2D", stream+"13", 50_000, 150_000, &trace.Work{Kernel: "conv_kernel", ByTime: true}),
		}}},
	}
	got := p.timeline("net")
	if want := []string{"runs", "GPU:0/stream:15", "GPU:0", "GPU:0/stream:13"}; !slices.Equal(got.tracks, want) {
		t.Errorf("tracks %q", got.tracks)
	}
	copied, kernel := got.slices[1], got.slices[3]
	if copied.name != "MemcpyH2D" || copied.category != "copy" || copied.args["copied_bytes"] != int64(3<<20) {
		t.Errorf("copy: %+v", copied)
	}
	if kernel.name != "c" || kernel.category != "conv2d" || kernel.args["kernel"] != "conv_kernel" || kernel.args["node_by"] != "time of launch" {
		t.Errorf("kernel: %+v", kernel)
	}
}
