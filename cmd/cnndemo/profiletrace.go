package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/session"
)

// timeline is the recorded runs as a trace, one after the other.
func (r profileResult) timeline() report.Trace {
	t := report.Trace{
		Process: fmt.Sprintf("TensorFlow %s: %s, %s a run", r.TensorFlow, r.Network, count(r.Pictures, "picture")),
		Tracks:  []string{"runs"},
	}
	layers := map[string]session.LayerProfile{}
	for _, l := range r.Layers {
		for _, k := range l.Kernels {
			layers[k.Node] = l
		}
	}
	lanes := &lanes{trace: &t, tracks: map[string][]int{}, busy: map[int]int64{}}
	origin := int64(0)
	for i, run := range r.Records {
		if len(run.Nodes) == 0 {
			continue
		}
		start, end := run.Nodes[0].Ready, run.Nodes[0].End
		for _, n := range run.Nodes {
			start, end = min(start, n.Ready), max(end, n.End)
		}
		if origin == 0 {
			origin = start
		}
		t.Slices = append(t.Slices, report.Slice{
			Name: fmt.Sprintf("run %d", i+1), Category: "run", Start: start - origin, Duration: end - start,
			Args: map[string]any{"call": run.Call.String()},
		})
		for _, n := range run.Nodes {
			s := nodeSlice(n, layers[n.Name])
			s.Start, s.Duration, s.Track = n.Start-origin, n.End-n.Start, lanes.place(n)
			t.Slices = append(t.Slices, s)
		}
		t.Counters = append(t.Counters, liveBytes(run, origin, start, end)...)
	}
	return t
}

// nodeSlice is a node with what is known of it, named after the layer that it
// computes.
func nodeSlice(n session.NodeRun, row session.LayerProfile) report.Slice {
	const micro = 1e3
	s := report.Slice{Name: n.Name, Category: "framework", Args: map[string]any{
		"node": n.Name, "op": n.Op,
		"kernel_us": float64(n.KernelEnd-n.KernelStart) / micro, "waited_us": float64(n.Start-n.Ready) / micro,
	}}
	if w := n.Work; w != nil {
		s.Name, s.Category = cmp.Or(n.Name, w.Kernel), "kernel"
		s.Args["kernel"] = w.Kernel
		if w.Copy != "" {
			s.Name, s.Category = w.Kernel, "copy"
			s.Args["copied_bytes"], s.Args["page_locked"] = w.Bytes, w.Pinned
		}
		if w.ByTime {
			s.Args["node_by"] = "time of launch"
		}
	}
	if n.Shape != nil {
		s.Args["output"] = strings.TrimSpace(times(n.Shape) + " " + n.Type)
	}
	allocated := int64(0)
	for _, a := range n.Allocations {
		allocated += max(0, a.Bytes)
	}
	if allocated > 0 {
		s.Args["allocated_bytes"] = allocated
	}
	if n.Layer != "" {
		s.Args["layer"] = n.Layer
	}
	if row.Layer != "" && (n.Work == nil || n.Work.Copy == "") {
		s.Name, s.Category = row.Layer, row.Kind
		s.Args["layers"] = strings.Join(append([]string{row.Layer}, row.With...), ", ")
		s.Args["multiplications"], s.Args["bytes"] = row.Multiplications, row.Bytes
	}
	return s
}

// lanes gives nodes of a device that ran at once tracks of their own.
type lanes struct {
	trace  *report.Trace
	tracks map[string][]int // by device
	busy   map[int]int64    // by track, until when
}

// place finds the first track that is idle; nodes come in the order in which
// they began.
func (l *lanes) place(n session.NodeRun) int {
	for _, track := range l.tracks[n.Device] {
		if l.busy[track] <= n.Start {
			l.busy[track] = n.End
			return track
		}
	}
	track := len(l.trace.Tracks)
	l.tracks[n.Device] = append(l.tracks[n.Device], track)
	l.busy[track] = n.End
	name := strings.TrimPrefix(n.Device, "/device:")
	if at := len(l.tracks[n.Device]); at > 1 {
		name += fmt.Sprintf(", %d at once", at)
	}
	l.trace.Tracks = append(l.trace.Tracks, name)
	return track
}

// liveBytes counts what the allocators had given out in a run and not got back.
// At its end all goes, the results last.
func liveBytes(run session.RunRecord, origin, start, end int64) []report.Counter {
	var changes []session.Allocation
	for _, n := range run.Nodes {
		changes = append(changes, n.Allocations...)
	}
	if len(changes) == 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b session.Allocation) int { return cmp.Compare(a.At, b.At) })
	live := map[string]int64{}
	for _, c := range changes {
		live[c.Allocator] = 0
	}
	var list []report.Counter
	note := func(at int64) {
		at = min(max(at, start), end) - origin
		if len(list) > 0 && list[len(list)-1].At == at {
			list = list[:len(list)-1]
		}
		list = append(list, report.Counter{Name: "allocated bytes", At: at, Values: maps.Clone(live)})
	}
	note(start)
	for _, c := range changes {
		live[c.Allocator] += c.Bytes
		note(c.At)
	}
	for name := range live {
		live[name] = 0
	}
	note(end)
	return list
}
