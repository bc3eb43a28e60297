package profile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// timeline is events in time, for programs that show them.
type timeline struct {
	process  string   // its name
	tracks   []string // their names, from the top
	slices   []slice
	counters []counter
}

// slice is a stretch of time on a track. Slices of one track do not overlap, or
// lie one within the other. Times are nanoseconds from the timeline's beginning.
type slice struct {
	track           int // into tracks
	name, category  string
	start, duration int64
	args            map[string]any
}

// counter is the values of some counts from one moment on.
type counter struct {
	name   string
	at     int64
	values map[string]int64
}

// traceEvent is an event of the Trace Event Format that Chrome introduced: "X"
// a slice, "C" a counter, "M" names. Times are microseconds.
type traceEvent struct {
	Name     string   `json:"name"`
	Category string   `json:"cat,omitempty"`
	Phase    string   `json:"ph"`
	Time     float64  `json:"ts"`
	Duration *float64 `json:"dur,omitempty"`
	Process  int      `json:"pid"`
	Thread   int      `json:"tid"`
	Args     any      `json:"args,omitempty"`
}

const nanosPerMicro = 1e3

// write writes the timeline as JSON in the Trace Event Format, an event a line.
func (t timeline) write(w io.Writer) error {
	const process = 1
	named := func(name string, thread int, args any) traceEvent {
		return traceEvent{Name: name, Phase: "M", Process: process, Thread: thread, Args: args}
	}
	type name struct {
		Name string `json:"name"`
	}
	type order struct {
		Index int `json:"sort_index"`
	}
	events := []traceEvent{named("process_name", 0, name{t.process})}
	for i, track := range t.tracks {
		events = append(events, named("thread_name", i+1, name{track}), named("thread_sort_index", i+1, order{i + 1}))
	}
	for _, s := range t.slices {
		if s.track < 0 || s.track >= len(t.tracks) || s.duration < 0 {
			return fmt.Errorf("profile: trace: slice %q lies on track %d for %d ns, want one of %d tracks and 0 ns or more", s.name, s.track, s.duration, len(t.tracks))
		}
		duration := float64(s.duration) / nanosPerMicro
		e := traceEvent{Name: s.name, Category: s.category, Phase: "X", Time: float64(s.start) / nanosPerMicro, Duration: &duration, Process: process, Thread: s.track + 1}
		if len(s.args) > 0 {
			e.Args = s.args
		}
		events = append(events, e)
	}
	for _, c := range t.counters {
		events = append(events, traceEvent{Name: c.name, Phase: "C", Time: float64(c.at) / nanosPerMicro, Process: process, Args: c.values})
	}
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `{"displayTimeUnit":"ns","traceEvents":[`)
	for i, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("profile: trace: %w", err)
		}
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprintf(out, "\n%s", text)
	}
	fmt.Fprint(out, "\n]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("profile: trace: %w", err)
	}
	return nil
}
