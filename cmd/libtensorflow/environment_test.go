package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withGo lets the program find go, which has a file of settings of its own.
func (m *machine) withGo() (file string) {
	m.t.Helper()
	program, err := exec.LookPath("go")
	if err != nil {
		m.t.Skip("no go on PATH")
	}
	file = filepath.Join(m.dir, "user.env")
	m.environment = append(m.environment, "GO="+program, "HOME="+os.Getenv("HOME"), "GOENV="+file)
	return file
}

func (m *machine) content(path string) string {
	m.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	return string(text)
}

// Go's own file of settings, and another one, get the flags once, whatever else
// is in them, and lose them again.
func TestGoEnv(t *testing.T) {
	m := newMachine(t, goodPip)
	user := m.withGo()
	m.write("user.env", "CGO_LDFLAGS=-O2 -g -L/other\nGOFLAGS=-mod=mod\n")
	m.write("tf.env", "GOPRIVATE=example.com\n")
	arguments := []string{"-prefix", m.prefix, "-variant", "linux-amd64-cpu", "-go-env", "-env", "tf.env"}
	compile, link := "-I"+m.prefix+"/include", "-L"+m.prefix+"/lib -Wl,-rpath,"+m.prefix+"/lib"
	wantUser := "CGO_CFLAGS=-O2 -g " + compile + "\nCGO_LDFLAGS=-O2 -g -L/other " + link + "\nGOFLAGS=-mod=mod\n"
	wantFile := "CGO_CFLAGS=-O2 -g " + compile + "\nCGO_LDFLAGS=-O2 -g " + link + "\nGOPRIVATE=example.com\n"
	// Flags that this process has by chance belong to neither file.
	m.environment = append(m.environment, "CGO_CFLAGS=-DCHANCE", "CGO_LDFLAGS=-lchance")
	for range 2 {
		m.expect(0, "libtensorflow 1.2.3 is in "+m.prefix+"\n", "takes that back", arguments...)
		if got := m.content(user); got != wantUser {
			t.Errorf("go env -w wrote\n%s, want\n%s", got, wantUser)
		}
		if got := m.content(filepath.Join(m.dir, "tf.env")); got != wantFile {
			t.Errorf("-env wrote\n%s, want\n%s", got, wantFile)
		}
	}
	m.expect(0, "", "", "-prefix", m.prefix, "-go-env-undo")
	if got, want := m.content(user), "CGO_LDFLAGS=-O2 -g -L/other\nGOFLAGS=-mod=mod\n"; got != want {
		t.Errorf("-go-env-undo left\n%s, want\n%s", got, want)
	}
}

// A shell that evaluates what -exports prints has the flags, once, behind its own;
// a prefix with spaces stays one word for cgo.
func TestExports(t *testing.T) {
	m := newMachine(t, goodPip)
	m.withGo()
	m.environment = append(m.environment, "CGO_CFLAGS=-DOWN")
	m.prefix = filepath.Join(m.dir, "a prefix")
	cmd, stdout, stderr := m.installer("-prefix", m.prefix, "-variant", "linux-amd64-cpu", "-exports")
	if err := cmd.Run(); err != nil || !strings.Contains(stderr.String(), "libtensorflow 1.2.3 is in "+m.prefix) {
		t.Fatalf("%v: %s", err, stderr)
	}
	out, err := exec.Command("sh", "-c", stdout.String()+`printf '%s\n' "$CGO_CFLAGS" "$CGO_LDFLAGS"`).Output()
	want := "-DOWN '-I" + m.prefix + "/include'\n-O2 -g '-L" + m.prefix + "/lib' '-Wl,-rpath," + m.prefix + "/lib'\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: the shell has\n%s, want\n%s", err, out, want)
	}
	m.expect(1, "", "has a quote or a line break", "-prefix", filepath.Join(m.dir, "it's"), "-variant", "linux-amd64-cpu", "-exports")
}

// What bundle refuses before it writes anything.
func TestBundleUsage(t *testing.T) {
	m := newMachine(t, goodPip)
	for _, tt := range []struct {
		arguments []string
		status    int
		want      string
	}{
		{nil, 2, "got no program"},
		{[]string{"-o", "x.zip", "program"}, 2, "want a name that ends in .tar or .tar.gz"},
		{[]string{"program"}, 2, "say where to with -prefix DIR"},
		{[]string{"-prefix", m.prefix, "program"}, 1, "stamp.json: no such file"},
		{[]string{"-h"}, 0, "Writes one archive with a program"},
	} {
		cmd, stdout, stderr := m.stripper(append([]string{"bundle"}, tt.arguments...)...)
		err := cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(stderr.String(), tt.want) || stdout.Len() > 0 {
			t.Errorf("bundle %q: status %d, want %d (%v)\nstdout %q, stderr %q, want %q", tt.arguments, got, tt.status, err, stdout, stderr, tt.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(m.dir, "*program*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
