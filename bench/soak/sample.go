package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"tfcnn/internal/capi"
)

// Sample is the process's memory at a time when no call was under way. Bytes.
type Sample struct {
	Calls      int64 `json:"calls"`
	Cycles     int64 `json:"cycles"`
	Fed        int64 `json:"fed"`       // to the networks so far, by calls that were not refused
	RSS        int64 `json:"resident"`  // RSS
	Anonymous  int64 `json:"anonymous"` // the part of RSS that is no file, as libtensorflow is
	Most       int64 `json:"most"`      // the largest RSS so far
	GoHeap     int64 `json:"go_heap"`   // in use, garbage and all
	GoSystem   int64 `json:"go_system"` // Go's part of the system's memory
	Goroutines int   `json:"goroutines"`
	// Native is the memory of sessions outside Go's heap, without TensorFlow's own.
	Memory capi.Allocations `json:"native"`
}

// look reads the figures without freeing anything first.
func look() (Sample, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Sample{}, fmt.Errorf("soak: memory of the process: %w: %w", ErrEnvironment, err)
	}
	s := Sample{Goroutines: runtime.NumGoroutine(), Memory: capi.LiveAllocations()}
	into := map[string]*int64{"VmRSS:": &s.RSS, "RssAnon:": &s.Anonymous, "VmHWM:": &s.Most}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) == 3 && into[string(fields[0])] != nil {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return Sample{}, fmt.Errorf("soak: memory of the process: %s: %w", fields[0], err)
			}
			*into[string(fields[0])] = kilobytes << 10
		}
	}
	if s.RSS == 0 || s.Anonymous == 0 {
		return Sample{}, fmt.Errorf("soak: memory of the process: %w: /proc/self/status has no VmRSS or no RssAnon", ErrEnvironment)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.GoHeap, s.GoSystem = int64(memory.HeapAlloc), int64(memory.Sys-memory.HeapReleased)
	return s, nil
}

// trim is look after Go and C returned unused memory.
func trim() (Sample, error) {
	debug.FreeOSMemory()
	capi.Trim()
	return look()
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

func (s Sample) String() string {
	return fmt.Sprintf("%d calls, %d cycles, RSS %.1f MB, anonymous %.1f MB, Go heap %.1f MB",
		s.Calls, s.Cycles, megabytes(s.RSS), megabytes(s.Anonymous), megabytes(s.GoHeap))
}

func (s Sample) row(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t\n", name, s.Cycles,
		megabytes(s.RSS), megabytes(s.Anonymous), megabytes(s.Most), megabytes(s.GoHeap), megabytes(s.GoSystem), megabytes(s.Memory.BufferBytes), s.Goroutines)
}
