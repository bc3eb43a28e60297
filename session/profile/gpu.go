package profile

import (
	"errors"
	"strings"
	"time"

	"tfcnn/internal/trace"
	"tfcnn/session"
)

// GPU has the times of a step on a GPU, beside the kernels of its layers.
type GPU struct {
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

// gpuProfile sums up the streams of some records; it returns nil where there are none.
func gpuProfile(records []trace.Record) *GPU {
	var g GPU
	var busy, launches []time.Duration
	found := false
	for _, r := range records {
		var onCard []trace.Node
		launching := time.Duration(0)
		for _, n := range r.Nodes {
			switch {
			case n.Launches():
				launching += time.Duration(n.KernelEnd - n.KernelStart)
			case n.Work == nil || !n.Work.OnCard():
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
	g.ToDevice, g.ToHost = copies(records, trace.HostToDevice), copies(records, trace.DeviceToHost)
	return &g
}

// copies sums up one direction. Its numbers are those of the last run.
func copies(records []trace.Record, to trace.Direction) Copies {
	var c Copies
	var times []time.Duration
	for _, r := range records {
		var list []trace.Node
		c.Count, c.Pinned, c.Bytes = 0, 0, 0
		for _, n := range r.Nodes {
			if n.Work == nil || n.Work.Copy != to {
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

// errNoTrace is the error where TensorFlow recorded nothing of a GPU.
var errNoTrace = errors.New("TensorFlow's record has no kernel of the GPU: its tracer needs libcupti (cnndemo doctor)")

// onGPU reports whether a session's device is a GPU.
func onGPU(s *session.Session) bool { return strings.HasPrefix(s.Device(), "/device:GPU:") }
