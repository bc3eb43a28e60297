package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Trace is what happened when, for programs that show it on a time line, as
// Perfetto.
type Trace struct {
	Process  string   // what it is of
	Tracks   []string // their names, from the top
	Slices   []Slice
	Counters []Counter
}

// Slice is a stretch of time on a track. Those of one track lie apart, or one
// within the other. Times are nanoseconds from the trace's beginning.
type Slice struct {
	Track           int // into Tracks
	Name, Category  string
	Start, Duration int64
	Args            map[string]any
}

// Counter is the values of some counts from one moment on.
type Counter struct {
	Name   string
	At     int64
	Values map[string]int64
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

// WriteTrace writes the trace as JSON in the Trace Event Format, an event a
// line.
func WriteTrace(w io.Writer, t Trace) error {
	const process = 1
	named := func(what string, thread int, args any) traceEvent {
		return traceEvent{Name: what, Phase: "M", Process: process, Thread: thread, Args: args}
	}
	type name struct {
		Name string `json:"name"`
	}
	type order struct {
		Index int `json:"sort_index"`
	}
	events := []traceEvent{named("process_name", 0, name{t.Process})}
	for i, track := range t.Tracks {
		events = append(events, named("thread_name", i+1, name{track}), named("thread_sort_index", i+1, order{i + 1}))
	}
	for _, s := range t.Slices {
		if s.Track < 0 || s.Track >= len(t.Tracks) || s.Duration < 0 {
			return fmt.Errorf("report: trace: slice %q lies on track %d for %d ns, want one of %d tracks and 0 ns or more", s.Name, s.Track, s.Duration, len(t.Tracks))
		}
		duration := float64(s.Duration) / nanosPerMicro
		e := traceEvent{Name: s.Name, Category: s.Category, Phase: "X", Time: float64(s.Start) / nanosPerMicro, Duration: &duration, Process: process, Thread: s.Track + 1}
		if len(s.Args) > 0 {
			e.Args = s.Args
		}
		events = append(events, e)
	}
	for _, c := range t.Counters {
		events = append(events, traceEvent{Name: c.Name, Phase: "C", Time: float64(c.At) / nanosPerMicro, Process: process, Args: c.Values})
	}
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `{"displayTimeUnit":"ns","traceEvents":[`)
	for i, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("report: trace: %w", err)
		}
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprintf(out, "\n%s", text)
	}
	fmt.Fprint(out, "\n]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("report: trace: %w", err)
	}
	return nil
}
