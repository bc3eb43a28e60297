package capi

import (
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
)

// The entries of a RunMetadata that a GPU's own tracer (CUPTI) wrote, by
// TensorFlow 2.21's ConvertGpuXSpaceToStepStats
// (tensorflow/core/profiler/convert/xplane_to_step_stats.cc). They stand beside
// those of the executor, whose times on "/device:GPU:0" are those of launching.
// Each kernel and each copy is there twice: on its stream, which is read here,
// and on "…/stream:all" or "…/memcpy". "…/stream:" without a number repeats them
// by name scope, and "…/sync" is the host's waiting; neither is read.

// Direction is where a copy goes.
type Direction string

// The directions of a copy from or to the host, by TensorFlow's names of them;
// "D2D" and "P2P" are those on a card and between two.
const (
	HostToDevice Direction = "H2D"
	DeviceToHost Direction = "D2H"
)

// StreamWork is a kernel or a copy that ran on a stream of a GPU.
type StreamWork struct {
	// Kernel is CUDA's name of it, as "MemcpyH2D" for a copy.
	Kernel string
	// Copy is the direction of a copy, "" for a kernel; Bytes its size, and
	// Pinned says that its memory on the host is page-locked. Both come from the
	// entry's label and are zero where that does not tell.
	Copy   Direction
	Bytes  int64
	Pinned bool
	// ByTime says that the entry names no node, so that Name and Kind are those
	// of the node whose launch lies at the time at which this was launched.
	ByTime bool

	launched int64 // nanoseconds since the trace began; 0 where it is not told
}

// stream reads a device's name in a RunMetadata: whether it is a GPU's stream,
// and which, as "/device:GPU:0/stream:13".
func stream(device string) (name string, is bool) {
	gpu, number, found := strings.Cut(device, "/stream:")
	number, _, _ = strings.Cut(number, "<") // "13<MemcpyH2D>"
	if _, err := strconv.Atoi(number); !found || err != nil {
		return "", false
	}
	return gpu + "/stream:" + number, true
}

// ofTracer says whether a device's entries are the GPU tracer's.
func ofTracer(device string) bool {
	_, rest, _ := strings.Cut(strings.TrimPrefix(device, "/"), "/")
	return rest != ""
}

// streamRecord reads an entry of a stream. Its times are whole microseconds,
// cut off, which is all that TensorFlow writes of them.
func streamRecord(n *step_stats_go_proto.NodeExecStats, device string) NodeRecord {
	const micro = 1000
	start := micro * n.GetAllStartMicros()
	end := start + micro*n.GetOpEndRelMicros()
	r := NodeRecord{
		Device: device, Ready: start, Start: start, KernelStart: start, KernelEnd: end, End: end,
		Work: &StreamWork{launched: micro * n.GetScheduledMicros()},
	}
	// The label is "kernel regs:… grid:…" or "MemcpyH2D kind_src:… size:…".
	r.Work.Kernel = n.GetTimelineLabel()
	if direction, details, found := strings.Cut(strings.TrimPrefix(r.Work.Kernel, "Memcpy"), " kind_src:"); found {
		r.Work.Kernel, r.Work.Copy = "Memcpy"+direction, Direction(direction)
		for field := range strings.FieldsSeq("kind_src:" + details) {
			switch key, value, _ := strings.Cut(field, ":"); {
			case key == "size":
				r.Work.Bytes, _ = strconv.ParseInt(value, 10, 64)
			case value == "pinned":
				r.Work.Pinned = true
			}
		}
	} else if at := strings.LastIndex(r.Work.Kernel, " regs:"); at >= 0 {
		r.Work.Kernel = r.Work.Kernel[:at]
	}
	// The name is the executor's annotation, "node:Op", or the kernel's own name
	// where there was none.
	if name := n.GetNodeName(); name != r.Work.Kernel {
		r.Name = name
		if at := strings.LastIndex(name, ":"); at >= 0 {
			r.Name, r.Kind = name[:at], name[at+1:]
		}
	}
	return r
}

// attribute gives work without a node's name that of the node that was being
// launched when it was. TensorFlow tells a launch in time since the trace began,
// and all else since 1970: the beginning is taken to be the latest one with which
// nothing starts before its launch. An entry whose launch is not told, or lies in
// no node's, stays without a name.
func attribute(list []NodeRecord) {
	began, known := int64(0), false
	for _, r := range list {
		if r.Work == nil || r.Work.launched == 0 {
			continue
		}
		if latest := r.Start - r.Work.launched; !known || latest < began {
			began, known = latest, true
		}
	}
	if !known {
		return
	}
	for i := range list {
		r := &list[i]
		if r.Work == nil || r.Work.launched == 0 || r.Name != "" {
			continue
		}
		at := began + r.Work.launched
		gpu, _, _ := strings.Cut(r.Device, "/stream:")
		latest := int64(0)
		for _, node := range list {
			if node.Work == nil && node.Device == gpu && node.Start >= latest && node.Start <= at && at <= node.End {
				latest = node.Start
				r.Name, r.Kind, r.Work.ByTime = node.Name, node.Kind, true
			}
		}
	}
}
