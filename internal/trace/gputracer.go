package trace

import (
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
)

// This file reads the entries of a RunMetadata that a GPU's own tracer (CUPTI) wrote, by
// TensorFlow 2.21's ConvertGpuXSpaceToStepStats
// (tensorflow/core/profiler/convert/xplane_to_step_stats.cc). The executor's entries on
// "/device:GPU:0" have the times of launching. Each kernel and each copy has two
// entries: on its stream, which is read here, and on "…/stream:all" or "…/memcpy".
// "…/stream:" without a number repeats them by name scope, and "…/sync" is the host's
// waiting; neither is read.

// streamName returns the name of a GPU's stream, as "/device:GPU:0/stream:13", from a
// device's name in a RunMetadata, and reports whether the device is a stream.
func streamName(device string) (name string, is bool) {
	gpu, number, found := strings.Cut(device, "/stream:")
	number, _, _ = strings.Cut(number, "<") // "13<MemcpyH2D>"
	if _, err := strconv.Atoi(number); !found || err != nil {
		return "", false
	}
	return gpu + "/stream:" + number, true
}

// isTracerDevice reports whether a GPU's tracer wrote a device's entries.
func isTracerDevice(device string) bool {
	_, rest, _ := strings.Cut(strings.TrimPrefix(device, "/"), "/")
	return rest != ""
}

// streamNode reads an entry of a stream. TensorFlow writes its times in whole
// microseconds, rounded down.
func streamNode(n *step_stats_go_proto.NodeExecStats, device string) Node {
	const micro = 1000
	start := micro * n.GetAllStartMicros()
	end := start + micro*n.GetOpEndRelMicros()
	r := Node{
		Device: device, Ready: start, Start: start, KernelStart: start, KernelEnd: end, End: end,
		Work: &Work{launched: micro * n.GetScheduledMicros()},
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
			r.Name, r.Op = name[:at], name[at+1:]
		}
	}
	return r
}

// assignNodes names the node of work that has no name: the node whose launch was under
// way when the work was launched. TensorFlow records a launch in time since the trace began,
// and all else since 1970: the beginning is taken to be the latest one with which
// nothing starts before its launch. An entry whose launch is not told, or lies in
// no node's, stays without a name.
func assignNodes(list []Node) {
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
				r.Name, r.Op, r.Work.ByTime = node.Name, node.Op, true
			}
		}
	}
}
