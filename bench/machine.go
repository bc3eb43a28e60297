package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	facts "tfcnn/internal/machine"
)

// machine is where the measurements were made.
type machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Features  string `json:"features"` // of the processor
	Memory    int64  `json:"memory"`   // bytes
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	// OneDNN is TF_ENABLE_ONEDNN_OPTS of all that run TensorFlow; "" leaves it
	// to TensorFlow, which has it on where the processor has AVX512_VNNI, AMX or
	// the like.
	OneDNN string `json:"onednn"`
}

// thisMachine describes where the program runs; what the system does not tell
// is left empty.
func thisMachine(oneDNN string) machine {
	model, features := facts.This("").Processor()
	m := machine{
		Processor: model, Features: strings.Join(features, " "), Cores: runtime.NumCPU(),
		Go: runtime.Version(), OneDNN: oneDNN,
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kilobytes int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kilobytes); err == nil {
			m.Memory = kilobytes << 10
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	return m
}

// loadAverage is the system's over the last minute, 0 where it does not tell.
// Above some tenths before a start, other work is under way.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}
