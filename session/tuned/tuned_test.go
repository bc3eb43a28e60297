package tuned_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// found is what testdata/host prints.
type found struct {
	Started, Before, After []string
	Calls                  map[string]int
	Answers                map[string]string
	Arenas                 int
	Changed                []string
	Ended                  int
	OneDNN                 bool
	OwnThreads             string
	GoVariables            []string
}

// build builds testdata/host; flags are of go build.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "host")
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", program}, flags, []string{"./testdata/host"})...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return program
}

// start runs the program with just this environment.
func start(t *testing.T, program string, environment ...string) (f found, stderr string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = environment
	var out, text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &text
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", environment, err, text.String())
	}
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !slices.Equal(f.Started, f.Before) || !slices.Equal(f.Started, f.After) || !slices.Equal(f.Started, f.GoVariables) {
		t.Errorf("the environment was %q, then %q when main started and %q at the end (%q to Go)", f.Started, f.Before, f.After, f.GoVariables)
	}
	if f.Changed != nil {
		t.Errorf("changed: %q", f.Changed)
	}
	return f, text.String()
}

// notice is of TensorFlow's lines before main.
const notice = "oneDNN custom operations are on"

// withoutNotice cuts the two lines that TensorFlow writes before main where oneDNN
// is on.
func withoutNotice(stderr string) string {
	var rest strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, notice) && !strings.HasPrefix(line, "WARNING: All log messages before absl::InitializeLog()") {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

// A program that imports package session and no more keeps its malloc, its
// environment, its threads and its stderr.
func TestPlainImport(t *testing.T) {
	program := build(t)
	for _, tt := range []struct {
		environment []string
		oneDNN      string // "on", "off", "" where the processor decides
	}{
		{nil, ""},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=1", "HOME=/"}, "on"},
		{[]string{"HOME=/", "TF_ENABLE_ONEDNN_OPTS=0"}, "off"},
	} {
		f, stderr := start(t, program, tt.environment...)
		if len(f.Calls) != 0 {
			t.Errorf("%q: called %v, want no such function", tt.environment, f.Calls)
		}
		if f.Ended != 0 {
			t.Errorf("%q: %d threads were ended", tt.environment, f.Ended)
		}
		if f.Arenas <= runtime.NumCPU() {
			t.Errorf("%q: 32 threads have %d arenas, want more than the %d cores", tt.environment, f.Arenas, runtime.NumCPU())
		}
		if !strings.Contains(f.OwnThreads, "tfcnn/session/tuned") {
			t.Errorf("%q: a pool of a session's own: %q, want an error that names the import", tt.environment, f.OwnThreads)
		}
		if tt.oneDNN != "" && f.OneDNN != (tt.oneDNN == "on") {
			t.Errorf("%q: oneDNN is on: %v", tt.environment, f.OneDNN)
		}
		if _, there := f.Answers["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]; there || f.Answers["TF_ENABLE_WINOGRAD_NONFUSED"] != "" {
			t.Errorf("%q: C reads %v", tt.environment, f.Answers)
		}
		if rest := withoutNotice(stderr); rest != "" || !f.OneDNN && stderr != "" {
			t.Errorf("%q: stderr has\n%s", tt.environment, stderr)
		}
	}
	// A log that is asked for comes.
	if _, stderr := start(t, program, "TF_CPP_MIN_LOG_LEVEL=0"); !strings.Contains(stderr, "cpu_feature_guard") {
		t.Errorf("with TF_CPP_MIN_LOG_LEVEL=0 stderr has\n%s", stderr)
	}
}

// The import does what the package's comment lists, unless the environment says
// otherwise.
func TestTunedImport(t *testing.T) { check(t, "", build(t, "-tags=tuned")) }

// The same in programs of other kinds, which take minutes to build.
func TestTunedImportInOtherPrograms(t *testing.T) {
	if os.Getenv("TFCNN_HOSTILE") == "" {
		t.Skip("make hostile runs it")
	}
	for _, flag := range []string{"-buildmode=exe", "-buildmode=pie", "-race", "-asan"} {
		check(t, flag, build(t, "-tags=tuned", flag))
	}
}

func check(t *testing.T, mode, program string) {
	t.Helper()
	avx2 := hasAVX2(t)
	start := func(t *testing.T, program string, environment ...string) (found, string) {
		t.Helper()
		if mode == "-asan" { // TensorFlow keeps some memory until the end
			environment = append(environment, "ASAN_OPTIONS=detect_leaks=0")
		}
		return start(t, program, environment...)
	}
	f, stderr := start(t, program)
	if stderr != "" {
		t.Errorf("%s: stderr has\n%s", mode, stderr)
	}
	if f.OneDNN != avx2 || (f.Answers["TF_ENABLE_ONEDNN_OPTS"] == "1") != avx2 {
		t.Errorf("%s: oneDNN is on: %v, C reads %v, the processor has AVX2: %v", mode, f.OneDNN, f.Answers, avx2)
	}
	if f.Answers["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] != "256" || f.Answers["TFCNN_NONE"] != "" {
		t.Errorf("%s: C reads %v", mode, f.Answers)
	}
	if f.OwnThreads != "" {
		t.Errorf("%s: a pool of a session's own: %s", mode, f.OwnThreads)
	}
	if avx2 && f.Ended == 0 {
		t.Errorf("%s: no thread was ended", mode)
	}
	if mode != "-asan" && (f.Calls["mallopt"] != 3 || f.Calls["malloc_trim"] < 2 || f.Arenas > runtime.NumCPU()) {
		t.Errorf("%s: called %v, %d arenas on %d cores", mode, f.Calls, f.Arenas, runtime.NumCPU())
	}
	for _, name := range []string{"setenv", "putenv", "unsetenv"} {
		if f.Calls[name] > 0 {
			t.Errorf("%s: called %s", mode, name)
		}
	}

	for _, tt := range []struct {
		environment string
		oneDNN      bool
		capacity    string
		says        string // on stderr
	}{
		{"TF_ENABLE_ONEDNN_OPTS=0", false, "256", ""},
		{"TF_ENABLE_ONEDNN_OPTS=1", true, "256", ""},
		{"ONEDNN_PRIMITIVE_CACHE_CAPACITY=64", avx2, "64", ""},
		{"DNNL_PRIMITIVE_CACHE_CAPACITY=64", avx2, "", ""},
		{"TF_CPP_MIN_LOG_LEVEL=3", avx2, "256", ""},
		{"TF_CPP_MIN_LOG_LEVEL=0", avx2, "256", "cpu_feature_guard"},
	} {
		f, stderr := start(t, program, tt.environment)
		if f.OneDNN != tt.oneDNN || f.Answers["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] != tt.capacity {
			t.Errorf("%s, %s: oneDNN is on: %v, C reads %v", mode, tt.environment, f.OneDNN, f.Answers)
		}
		if tt.says == "" && stderr != "" || !strings.Contains(stderr, tt.says) {
			t.Errorf("%s, %s: stderr has\n%s", mode, tt.environment, stderr)
		}
		if tt.says != "" && strings.Contains(stderr, notice) != tt.oneDNN {
			t.Errorf("%s, %s: stderr has, or lacks, the notice:\n%s", mode, tt.environment, stderr)
		}
	}
	for _, variable := range []string{"TFCNN_MALLOC=default", "MALLOC_ARENA_MAX=4", "GLIBC_TUNABLES=glibc.malloc.arena_max=4"} {
		if f, _ := start(t, program, variable); f.Calls["mallopt"] != 0 {
			t.Errorf("%s: %s does not leave malloc alone: %v", mode, variable, f.Calls)
		}
	}
}

func hasAVX2(t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	words := strings.Fields(string(text))
	return slices.Contains(words, "avx2") && slices.Contains(words, "fma")
}

// A shared library cannot have the import, and its build says why.
func TestSharedLibraryIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", filepath.Join(t.TempDir(), "host.so"), "./testdata/library")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "tfcnn_session_tuned_is_for_programs_not_for_shared_libraries") {
		t.Errorf("%v, want a failure that names what is wrong:\n%s", err, out)
	}
}
