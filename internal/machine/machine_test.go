package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bare is a machine with nothing; each test gives it what it is about.
func bare(t *testing.T) Machine {
	return Machine{
		Project: t.TempDir(), Root: t.TempDir(), OS: "linux", Arch: "amd64",
		Getenv:   func(string) string { return "" },
		Output:   func(context.Context, string, ...string) (string, error) { return "", errors.New("not found") },
		Features: map[string]bool{},
	}
}

// with lets commands answer, by their whole line.
func (m Machine) with(answers map[string]string) Machine {
	m.Output = func(_ context.Context, name string, arguments ...string) (string, error) {
		if answer, found := answers[strings.Join(append([]string{name}, arguments...), " ")]; found {
			return answer, nil
		}
		return "", errors.New("not found")
	}
	return m
}

func fact(t *testing.T, m Machine, name string) Fact {
	t.Helper()
	for _, f := range m.Facts(t.Context()) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no fact %q", name)
	return Fact{}
}

func TestBareMachine(t *testing.T) {
	facts := bare(t).Facts(t.Context())
	var missing []string
	for _, f := range Missing(facts) {
		missing = append(missing, f.Name)
		if f.Fix == "" {
			t.Errorf("%s is missing and has no fix", f.Name)
		}
	}
	if got := strings.Join(missing, ", "); got != "processor, Go, C compiler, make, pip, libtensorflow" {
		t.Errorf("missing: %s", got)
	}
}

func prefix(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow.so", "lib/libtensorflow_framework.so.2"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFacts(t *testing.T) {
	m := bare(t)
	m.Features["AVX"], m.Features["AVX2"] = true, true
	if f := fact(t, m, "processor"); !f.Found || f.Value != "AVX AVX2" {
		t.Error(f)
	}
	m.Features["AVX"] = false
	if f := fact(t, m, "processor"); f.Found || !strings.Contains(f.Fix, "AVX") {
		t.Error(f)
	}
	m.OS = "darwin"
	if f := fact(t, m, "system"); f.Found || !f.Needed {
		t.Error(f)
	}

	os.WriteFile(filepath.Join(m.Project, "go.mod"), []byte("module x\n\ngo 1.26\n"), 0o644)
	for version, found := range map[string]bool{"go1.26": true, "go1.26.8": true, "go1.27rc1": true, "go2.0": true, "go1.25.9": false, "go1.9": false} {
		if f := fact(t, m.with(map[string]string{"go env GOVERSION": version}), "Go"); f.Found != found {
			t.Errorf("%s: %v", version, f)
		}
	}

	// libtensorflow: nowhere, in /usr/local, in the project, by the variable.
	if f := fact(t, m, "libtensorflow"); f.Found || !strings.Contains(f.Fix, "make libtensorflow") {
		t.Error(f)
	}
	prefix(t, m.Root+"/usr/local")
	if f := fact(t, m, "libtensorflow"); !f.Found || !strings.Contains(f.Value, m.Root+"/usr/local") {
		t.Error(f)
	}
	if f := fact(t, m, "go build"); !f.Found {
		t.Error(f)
	}
	ours := filepath.Join(m.Project, ".libtensorflow")
	prefix(t, ours)
	if f := fact(t, m, "libtensorflow"); !strings.Contains(f.Value, ours) {
		t.Error(f)
	}
	if f := fact(t, m, "pip"); f.Needed {
		t.Error("pip is needed although libtensorflow is there")
	}
	if f := fact(t, m, "go build"); f.Found || !strings.Contains(f.Fix, "make go-env") {
		t.Error(f)
	}
	if f := fact(t, m.with(map[string]string{"go env CGO_LDFLAGS": "-O2 -g -L" + ours + "/lib"}), "go build"); !f.Found || f.Fix != "" {
		t.Error(f)
	}
	m.Getenv = func(name string) string { return map[string]string{"LIBTENSORFLOW": "/elsewhere"}[name] }
	if f := fact(t, m, "libtensorflow"); f.Found || !strings.Contains(f.Value, "/elsewhere") {
		t.Error(f)
	}

	if f := fact(t, m, "GPU driver"); f.Found || f.Needed {
		t.Error(f)
	}
	driver := filepath.Join(m.Root, "proc/driver/nvidia")
	os.MkdirAll(driver, 0o755)
	os.WriteFile(filepath.Join(driver, "version"), []byte("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54  Tue\nGCC\n"), 0o644)
	if f := fact(t, m, "GPU driver"); !f.Found || !strings.HasPrefix(f.Value, "NVIDIA UNIX x86_64 Kernel Module 550.54") {
		t.Error(f)
	}
}
