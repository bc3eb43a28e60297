package profile

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"tfcnn/internal/capi"
)

// rss is the process's memory in RAM by Linux's counts, now and at the most since the
// last reset. Bytes.
type rss struct{ now, most int64 }

// readRSS frees unused memory of Go and C first, so that two readings differ by memory
// in use.
func readRSS() (rss, error) {
	debug.FreeOSMemory()
	capi.Trim()
	return currentRSS()
}

// currentRSS reads the figures as they are.
func currentRSS() (rss, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return rss{}, fmt.Errorf("profile: memory of the process: %w", err)
	}
	r := rss{now: -1, most: -1}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[2]) != "kB" {
			continue
		}
		kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			continue
		}
		switch string(fields[0]) {
		case "VmRSS:":
			r.now = kilobytes << 10
		case "VmHWM:":
			r.most = kilobytes << 10
		}
	}
	if r.now < 0 || r.most < 0 {
		return rss{}, fmt.Errorf("profile: memory of the process: /proc/self/status has no VmRSS or no VmHWM")
	}
	return r, nil
}

// resetMost makes the present the most that there has been.
func resetMost() error {
	const highWaterMark = "5" // proc(5), clear_refs
	if err := os.WriteFile("/proc/self/clear_refs", []byte(highWaterMark), 0); err != nil {
		return fmt.Errorf("profile: memory of the process: %w", err)
	}
	return nil
}
