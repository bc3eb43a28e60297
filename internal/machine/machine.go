// Package machine lists the tools and libraries that building and running tfcnn needs,
// with a fix for each missing one. It needs neither cgo nor libtensorflow, since it
// runs where those are missing.
//
//	for _, fact := range machine.This(project).Facts(ctx) {
//		fmt.Println(fact.Name, fact.Value, fact.Fix)
//	}
package machine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// Fact is a tool, a library or a feature that the machine has or does not have.
type Fact struct {
	Name  string `json:"name"`
	Found bool   `json:"found"`
	Value string `json:"value"`
	// Needed reports that tfcnn does not work without it.
	Needed bool `json:"needed"`
	// Fix is the instruction for a machine without it.
	Fix string `json:"fix,omitempty"`
}

// Machine is the source of the facts. Tests make machines of their own.
type Machine struct {
	Project string // the project's folder, "" where the doctor is in none
	Root    string // "" or the folder that stands for /
	OS      string
	Arch    string
	Getenv  func(name string) string
	// Output runs a command and returns its standard output.
	Output func(ctx context.Context, name string, arguments ...string) (string, error)
	// Features are the processor's, as "AVX2".
	Features map[string]bool
	Cores    int
}

// This returns the machine that the process runs on.
func This(project string) Machine {
	return Machine{
		Cores:   runtime.NumCPU(),
		Project: project, OS: runtime.GOOS, Arch: runtime.GOARCH, Getenv: os.Getenv,
		Output: func(ctx context.Context, name string, arguments ...string) (string, error) {
			out, err := exec.CommandContext(ctx, name, arguments...).Output()
			return string(bytes.TrimSpace(out)), err
		},
		Features: map[string]bool{
			"AVX": cpu.X86.HasAVX, "AVX2": cpu.X86.HasAVX2, "FMA": cpu.X86.HasFMA,
			"AVX512F": cpu.X86.HasAVX512F, "AVX512_VNNI": cpu.X86.HasAVX512VNNI, "AMX": cpu.X86.HasAMXTile,
		},
	}
}

// Facts returns all facts about building.
func (m Machine) Facts(ctx context.Context) []Fact {
	return []Fact{
		m.system(), m.processor(), m.goToolchain(ctx), m.compiler(ctx), m.make(ctx),
		m.pip(ctx), m.strip(ctx), m.libtensorflow(), m.goEnvironment(ctx), m.gpuDriver(ctx),
	}
}

// Missing returns the facts that are needed and not found.
func Missing(facts []Fact) []Fact {
	var missing []Fact
	for _, f := range facts {
		if f.Needed && !f.Found {
			missing = append(missing, f)
		}
	}
	return missing
}

// String returns the fact on one line.
func (f Fact) String() string {
	mark := "ok     "
	switch {
	case !f.Found && f.Needed:
		mark = "MISSING"
	case !f.Found:
		mark = "-      "
	}
	text := fmt.Sprintf("%s  %-13s  %s", mark, f.Name, f.Value)
	if f.Fix != "" {
		text += "\n" + strings.Repeat(" ", 24) + "→ " + f.Fix
	}
	return text
}
