package profile

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tfcnn/internal/trace"
)

// WriteTrace writes the recorded runs, one after the other, in the Trace Event
// Format, which ui.perfetto.dev opens: each node on a track of its device, with
// its layer, shape and bytes, and the memory that was live. title names the
// process.
func (p Profile) WriteTrace(w io.Writer, title string) error { return p.timeline(title).write(w) }

// timeline is the recorded runs as a trace, one after the other.
func (p Profile) timeline(title string) timeline {
	t := timeline{process: title, tracks: []string{"runs"}}
	layers := map[string]Layer{}
	for _, l := range p.Layers {
		for _, k := range l.Kernels {
			layers[k.Node] = l
		}
	}
	tracks := &tracks{timeline: &t, of: map[string][]int{}, busy: map[int]int64{}}
	origin := int64(0)
	for i, run := range p.records {
		if len(run.Nodes) == 0 {
			continue
		}
		start, end := run.Span()
		if origin == 0 {
			origin = start
		}
		t.slices = append(t.slices, slice{
			name: fmt.Sprintf("run %d", i+1), category: "run", start: start - origin, duration: end - start,
			args: map[string]any{"call": run.Call.String()},
		})
		for _, n := range run.Nodes {
			s := nodeSlice(n, layers[n.Name])
			s.start, s.duration, s.track = n.Start-origin, n.End-n.Start, tracks.assign(n)
			t.slices = append(t.slices, s)
		}
		t.counters = append(t.counters, liveBytes(run, origin, start, end)...)
	}
	return t
}

// nodeSlice returns the slice of a node, named after the layer that it computes.
func nodeSlice(n trace.Node, row Layer) slice {
	const micro = 1e3
	s := slice{name: n.Name, category: "framework", args: map[string]any{
		"node": n.Name, "op": n.Op,
		"kernel_us": float64(n.KernelEnd-n.KernelStart) / micro, "waited_us": float64(n.Start-n.Ready) / micro,
	}}
	if w := n.Work; w != nil {
		s.name, s.category = cmp.Or(n.Name, w.Kernel), "kernel"
		s.args["kernel"] = w.Kernel
		if w.Copy != "" {
			s.name, s.category = w.Kernel, "copy"
			s.args["copied_bytes"], s.args["page_locked"] = w.Bytes, w.Pinned
		}
		if w.ByTime {
			s.args["node_by"] = "time of launch"
		}
	}
	if o := n.First(); o.Shape != nil {
		s.args["output"] = strings.TrimSpace(strings.Trim(strings.ReplaceAll(fmt.Sprint(o.Shape), " ", "×"), "[]") + " " + o.Type)
	}
	if allocated := n.Allocated(); allocated > 0 {
		s.args["allocated_bytes"] = allocated
	}
	if n.Layer != "" {
		s.args["layer"] = n.Layer
	}
	if row.Layer != "" && (n.Work == nil || n.Work.Copy == "") {
		s.name, s.category = row.Layer, row.Kind
		s.args["layers"] = strings.Join(append([]string{row.Layer}, row.With...), ", ")
		s.args["multiplications"], s.args["bytes"] = row.Multiplications, row.Bytes
	}
	return s
}

// tracks assigns nodes of a device that ran at once to tracks of their own.
type tracks struct {
	*timeline
	of   map[string][]int // by device
	busy map[int]int64    // by track, until when
}

// assign returns the first idle track of the node's device; nodes come in the order of
// their starts.
func (t *tracks) assign(n trace.Node) int {
	for _, track := range t.of[n.Device] {
		if t.busy[track] <= n.Start {
			t.busy[track] = n.End
			return track
		}
	}
	track := len(t.timeline.tracks)
	t.of[n.Device] = append(t.of[n.Device], track)
	t.busy[track] = n.End
	name := strings.TrimPrefix(n.Device, "/device:")
	if at := len(t.of[n.Device]); at > 1 {
		name += fmt.Sprintf(", %d at once", at)
	}
	t.timeline.tracks = append(t.timeline.tracks, name)
	return track
}

// liveBytes returns the memory of a run that the allocators had given out and not got
// back. At the end of the run all memory is freed, the results last.
func liveBytes(run trace.Record, origin, start, end int64) []counter {
	var changes []trace.Allocation
	for _, n := range run.Nodes {
		changes = append(changes, n.Allocations...)
	}
	if len(changes) == 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b trace.Allocation) int { return cmp.Compare(a.At, b.At) })
	live := map[string]int64{}
	for _, c := range changes {
		live[c.Allocator] = 0
	}
	var list []counter
	note := func(at int64) {
		at = min(max(at, start), end) - origin
		if len(list) > 0 && list[len(list)-1].at == at {
			list = list[:len(list)-1]
		}
		list = append(list, counter{name: "allocated bytes", at: at, values: maps.Clone(live)})
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
