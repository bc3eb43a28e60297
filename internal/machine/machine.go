// Package machine finds out what this machine has for building and running
// tfcnn, and names the fix for what it lacks. It needs neither cgo nor
// libtensorflow, since it is asked where those are missing.
//
//	for _, fact := range machine.This(".").Facts(ctx) {
//		fmt.Println(fact.Name, fact.Value, fact.Fix)
//	}
package machine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"tfcnn/internal/libtf"
)

// Fact is one thing that the machine has or lacks.
type Fact struct {
	Name  string `json:"name"`
	Found bool   `json:"found"`
	Value string `json:"value"`
	// Needed says that nothing works without it.
	Needed bool `json:"needed"`
	// Fix is what to do where it is missing.
	Fix string `json:"fix,omitempty"`
}

// Machine is where Facts looks. Tests put one of their own together.
type Machine struct {
	Project string // the project's folder
	Root    string // "" or the folder that stands for /
	OS      string
	Arch    string
	Getenv  func(name string) string
	// Output runs a command and gives what it printed.
	Output func(ctx context.Context, name string, arguments ...string) (string, error)
	// Features are the processor's, as "AVX2".
	Features map[string]bool
}

// This is the machine at hand.
func This(project string) Machine {
	return Machine{
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

// Facts looks at everything.
func (m Machine) Facts(ctx context.Context) []Fact {
	return []Fact{
		m.system(), m.processor(), m.goToolchain(ctx), m.compiler(ctx),
		m.command(ctx, "make", "make", "install make (Debian: apt-get install make)", "--version"),
		m.pip(ctx), m.libtensorflow(), m.goEnvironment(ctx), m.gpu(ctx),
	}
}

// Missing lists what is needed and not there.
func Missing(facts []Fact) []Fact {
	var missing []Fact
	for _, f := range facts {
		if f.Needed && !f.Found {
			missing = append(missing, f)
		}
	}
	return missing
}

func (m Machine) system() Fact {
	f := Fact{Name: "system", Needed: true, Found: m.OS == "linux", Value: m.OS + "/" + m.Arch}
	if !f.Found {
		f.Fix = "libtensorflow is pinned for Linux only; use a Linux machine or container, or LIBTENSORFLOW=/prefix"
	}
	return f
}

func (m Machine) processor() Fact {
	if m.Arch != "amd64" {
		return Fact{Name: "processor", Needed: true, Found: true, Value: m.Arch}
	}
	var have []string
	for _, name := range []string{"AVX", "AVX2", "FMA", "AVX512F", "AVX512_VNNI", "AMX"} {
		if m.Features[name] {
			have = append(have, name)
		}
	}
	f := Fact{Name: "processor", Needed: true, Found: m.Features["AVX"], Value: "no AVX"}
	if f.Found {
		f.Value = strings.Join(have, " ")
	} else {
		f.Fix = "TensorFlow's library needs AVX: use another machine (not an emulated one), or a library built without it by LIBTENSORFLOW=/prefix"
	}
	return f
}

func (m Machine) goToolchain(ctx context.Context) Fact {
	f := Fact{Name: "Go", Needed: true, Fix: "install Go " + m.goWanted() + " or newer"}
	version, err := m.Output(ctx, "go", "env", "GOVERSION")
	if err != nil {
		f.Value = "not found"
		return f
	}
	f.Value = strings.TrimPrefix(version, "go")
	if f.Found = !older(f.Value, m.goWanted()); f.Found {
		f.Fix = ""
	}
	return f
}

// goWanted is the version in go.mod.
func (m Machine) goWanted() string {
	text, err := os.ReadFile(filepath.Join(m.Project, "go.mod"))
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if version, found := strings.CutPrefix(strings.TrimSpace(line), "go "); found {
				return version
			}
		}
	}
	return "1.26"
}

// older compares dotted versions number by number.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range y {
		n := 0
		if i < len(x) {
			// 27rc1 counts as 27.
			digits := strings.IndexFunc(x[i]+".", func(r rune) bool { return r < '0' || r > '9' })
			n, _ = strconv.Atoi(x[i][:digits])
		}
		if want, _ := strconv.Atoi(y[i]); n != want {
			return n < want
		}
	}
	return false
}

func (m Machine) compiler(ctx context.Context) Fact {
	name := m.Getenv("CC")
	if name == "" {
		name = "gcc"
	}
	return m.command(ctx, "C compiler", name, "install a C compiler for cgo (Debian: apt-get install gcc libc6-dev)", "--version")
}

func (m Machine) command(ctx context.Context, what, name, fix string, arguments ...string) Fact {
	out, err := m.Output(ctx, name, arguments...)
	if err != nil {
		return Fact{Name: what, Needed: true, Value: name + " not found", Fix: fix}
	}
	first, _, _ := strings.Cut(out, "\n")
	return Fact{Name: what, Needed: true, Found: true, Value: first}
}

// pip is needed only to fetch libtensorflow.
func (m Machine) pip(ctx context.Context) Fact {
	f := Fact{Name: "pip", Value: "not found", Needed: !m.libtensorflow().Found}
	for _, c := range [][]string{{"python3", "-m", "pip", "--version"}, {"pip3", "--version"}, {"pip", "--version"}} {
		if out, err := m.Output(ctx, c[0], c[1:]...); err == nil {
			f.Found = true
			f.Value, _, _ = strings.Cut(out, " from ")
			return f
		}
	}
	f.Fix = "install pip to fetch libtensorflow (Debian: apt-get install python3-pip)"
	return f
}

// prefix is where make would look for libtensorflow.
func (m Machine) prefix() string {
	if own := m.Getenv("LIBTENSORFLOW"); own != "" {
		return own
	}
	ours := filepath.Join(m.Project, ".libtensorflow")
	system := m.Root + "/usr/local"
	if _, err := libtf.Inspect(ours); err != nil {
		if _, err := libtf.Inspect(system); err == nil {
			return system
		}
	}
	if absolute, err := filepath.Abs(ours); err == nil {
		return absolute
	}
	return ours
}

func (m Machine) libtensorflow() Fact {
	prefix := m.prefix()
	found, err := libtf.Inspect(prefix)
	if err != nil {
		return Fact{Name: "libtensorflow", Needed: true, Value: "not in " + prefix, Fix: "run `make libtensorflow`, or set LIBTENSORFLOW to a prefix that has it"}
	}
	return Fact{Name: "libtensorflow", Needed: true, Found: true, Value: found.Version + " in " + prefix}
}

// goEnvironment says whether plain go commands find libtensorflow.
func (m Machine) goEnvironment(ctx context.Context) Fact {
	f := Fact{Name: "go build", Fix: "for plain go commands and editors: `make go-env` (make's own targets need nothing)"}
	flags, err := m.Output(ctx, "go", "env", "CGO_LDFLAGS")
	prefix := m.prefix()
	switch {
	case err == nil && strings.Contains(flags, "-L"+prefix+"/lib"):
		f.Found, f.Value = true, "CGO_LDFLAGS names "+prefix
	case prefix == m.Root+"/usr/local":
		f.Found, f.Value = true, "the compiler looks in "+prefix+" by itself"
	default:
		f.Value = "plain go commands do not find libtensorflow"
	}
	if f.Found {
		f.Fix = ""
	}
	return f
}

// gpu is never needed: without a driver TensorFlow takes the CPU.
func (m Machine) gpu(ctx context.Context) Fact {
	f := Fact{Name: "GPU driver", Value: "none: the CPU is used", Fix: "for a GPU: NVIDIA's driver, and the CUDA variant of libtensorflow"}
	if text, err := os.ReadFile(m.Root + "/proc/driver/nvidia/version"); err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		f.Found, f.Value, f.Fix = true, strings.Join(strings.Fields(strings.TrimPrefix(first, "NVRM version:")), " "), ""
	}
	if out, err := m.Output(ctx, "nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"); err == nil && out != "" {
		f.Found, f.Value, f.Fix = true, strings.ReplaceAll(out, "\n", "; "), ""
	}
	return f
}

// String is the fact on one line.
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
