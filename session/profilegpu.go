package session

import (
	"errors"
	"slices"
	"strings"
	"time"

	"tfcnn/internal/capi"
)

// GPUWork is a kernel or a copy that ran on one of a GPU's streams, as CUPTI,
// NVIDIA's tracer, told TensorFlow. Its times are whole microseconds.
type GPUWork struct {
	Kernel string // CUDA's name of the kernel, "MemcpyH2D" and the like for a copy
	// Copy is "" for a kernel, or the direction of a copy: "H2D" to the card,
	// "D2H" to the host, "D2D" on the card, "P2P" between two. Bytes is its size;
	// Pinned says that the memory on the host was page-locked.
	Copy   string
	Bytes  int64
	Pinned bool
	// ByTime says that the record names no node for it, and that the node is the
	// one whose launch lies at the time at which this was launched.
	ByTime bool
}

// GPUProfile is what a step does on a GPU, beside the kernels of its layers.
type GPUProfile struct {
	// Kernels is the time in which a kernel ran, or a copy on the card.
	Kernels Spread `json:"kernel_seconds"`
	// Launches is the host's time of starting them, all added up.
	Launches Spread `json:"launch_seconds"`
	ToDevice Copies `json:"to_device"`
	ToHost   Copies `json:"to_host"`
	// Named is the number of kernels of all runs that the record names a node for,
	// ByTime that of those whose node was found by time, and Unknown that of those
	// which belong to none.
	Named   int `json:"kernels_named"`
	ByTime  int `json:"kernels_by_time"`
	Unknown int `json:"kernels_of_no_node"`
}

// Copies are those of a step in one direction.
type Copies struct {
	Count  int     `json:"count"`
	Pinned int     `json:"pinned"` // of them, from or to page-locked memory
	Bytes  int64   `json:"bytes"`
	Time   Spread  `json:"seconds"` // in which one ran
	GBs    float64 `json:"gbs"`     // Bytes by the median time; 0 where that is below TensorFlow's microsecond
}

// onCard says whether it kept the card busy with something else than a copy from
// or to the host.
func (w GPUWork) onCard() bool {
	return w.Copy != string(capi.HostToDevice) && w.Copy != string(capi.DeviceToHost)
}

// launches says whether the node's times are those of starting kernels.
func (n NodeRun) launches() bool { return n.Work == nil && strings.HasPrefix(n.Device, "/device:GPU:") }

// gpuProfile sums up the streams of some records, and gives nil where there are
// none.
func gpuProfile(records []RunRecord) *GPUProfile {
	var g GPUProfile
	var busy, launches []time.Duration
	found := false
	for _, r := range records {
		var onCard []NodeRun
		launching := time.Duration(0)
		for _, n := range r.Nodes {
			switch {
			case n.launches():
				launching += time.Duration(n.KernelEnd - n.KernelStart)
			case n.Work == nil || !n.Work.onCard():
			default:
				onCard = append(onCard, n)
				switch {
				case n.Work.ByTime:
					g.ByTime++
				case n.Name == "":
					g.Unknown++
				default:
					g.Named++
				}
			}
			found = found || n.Work != nil
		}
		busy, launches = append(busy, cover(onCard)), append(launches, launching)
	}
	if !found {
		return nil
	}
	g.Kernels, g.Launches = spread(busy), spread(launches)
	g.ToDevice, g.ToHost = copies(records, capi.HostToDevice), copies(records, capi.DeviceToHost)
	return &g
}

// copies sums up one direction. Its numbers are those of the last run.
func copies(records []RunRecord, to capi.Direction) Copies {
	var c Copies
	var times []time.Duration
	for _, r := range records {
		var list []NodeRun
		c.Count, c.Pinned, c.Bytes = 0, 0, 0
		for _, n := range r.Nodes {
			if n.Work == nil || n.Work.Copy != string(to) {
				continue
			}
			list = append(list, n)
			c.Count++
			c.Bytes += n.Work.Bytes
			if n.Work.Pinned {
				c.Pinned++
			}
		}
		times = append(times, cover(list))
	}
	if c.Time = spread(times); c.Time.Median > 0 {
		c.GBs = float64(c.Bytes) / c.Time.Median / 1e9
	}
	return c
}

// errNoTrace is the error of a GPU that TensorFlow recorded nothing of.
var errNoTrace = errors.New("TensorFlow's record has no kernel of the GPU: its tracer needs libcupti (cnndemo doctor)")

// traced refuses a record of a GPU's session that its tracer took no part in.
func (r RunRecord) traced() error {
	if !slices.ContainsFunc(r.Nodes, func(n NodeRun) bool { return n.Work != nil }) {
		return errNoTrace
	}
	return nil
}
