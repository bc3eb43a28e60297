package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/cpu"

	"tfcnn/docker/libtf"
)

// TestMain lets the test binary be the installer, with a manifest of the
// test's.
func TestMain(m *testing.M) {
	if manifest := os.Getenv("INSTALLER_TEST_MANIFEST"); manifest != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, []byte(manifest), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// machine is a folder with a pinned wheel, and a PATH whose pip is a script.
type machine struct {
	t                    *testing.T
	dir, prefix, variant string
	environment          []string
}

// newMachine has a pip that does what the shell lines say: $WHEEL is the
// wheel, $dest where it is wanted. No lines are no pip.
func newMachine(t *testing.T, pip string) *machine {
	t.Helper()
	if !cpu.X86.HasAVX {
		t.Skip("no AVX here: the installer refuses, as it should")
	}
	var wheel bytes.Buffer
	w := zip.NewWriter(&wheel)
	for _, name := range libtf.WheelFiles() {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, ".so") { // a shared library's header, without sections
			f.Write(append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00\x01\x00\x00\x00"), make([]byte, 40)...))
		}
		fmt.Fprintf(f, "this is %s", name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: t.TempDir()}
	m.prefix = filepath.Join(m.dir, "prefix")
	path := m.write("tf-1-any.whl", wheel.String())
	m.variant = fmt.Sprintf("linux-amd64-cpu tf==1.2.3 311 cp311 any tf-1-any.whl %x %d %d not-run\n", sha256.Sum256(wheel.Bytes()), wheel.Len(), wheel.Len())
	bin := filepath.Join(m.dir, "bin")
	if pip != "" {
		m.write("bin/python3", `#!/bin/sh
[ "$3" = --version ] && exit 0
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done
echo ran >> "$STARTED"
`+pip+"\n")
	}
	m.environment = []string{"PATH=" + bin + ":/bin:/usr/bin", "WHEEL=" + path, "STARTED=" + filepath.Join(m.dir, "started"), "INSTALLER_TEST_MANIFEST=" + m.variant}
	if pip == "" {
		m.environment[0] = "PATH=" + bin
	}
	return m
}

func (m *machine) write(name, text string) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// installer is the program, to be started, and what it prints. What the wheel
// has for libraries cannot be stripped.
func (m *machine) installer(arguments ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	return m.stripper(append([]string{"-strip=false"}, arguments...)...)
}

func (m *machine) stripper(arguments ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command(os.Args[0], arguments...)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = m.environment, stdout, stderr, m.dir
	return cmd, stdout, stderr
}

// expect runs the installer and compares its status and its output.
func (m *machine) expect(status int, wantOut, wantErr string, arguments ...string) {
	m.t.Helper()
	cmd, stdout, stderr := m.installer(arguments...)
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(stdout.String(), wantOut) || !strings.Contains(stderr.String(), wantErr) {
		m.t.Errorf("%q: status %d, want %d (%v)\nstdout %q, want %q\nstderr %q, want %q", arguments, got, status, err, stdout, wantOut, stderr, wantErr)
	}
}

func (m *machine) empty() {
	m.t.Helper()
	if entries, err := os.ReadDir(m.prefix); err == nil || !os.IsNotExist(err) {
		m.t.Errorf("left behind: %v, %v", entries, err)
	}
}

const goodPip = `cp "$WHEEL" "$dest/"`

func TestProgram(t *testing.T) {
	m := newMachine(t, goodPip)
	m.expect(2, "", "flag provided but not defined", "-nonsense")
	m.expect(2, "", `unexpected argument "x"`, "x")
	m.expect(0, "", "Installs libtensorflow, TensorFlow's C library, into a folder", "-h")
	m.expect(2, "", "say where to with -prefix DIR")
	m.expect(0, "linux-amd64-cpu    tf==1.2.3", "", "-list")
	m.expect(3, "", "known are linux-amd64-cpu", "-prefix", m.prefix, "-variant", "windows-amd64-cpu")
	m.empty()
	m.expect(0, "libtensorflow 1.2.3 is in "+m.prefix+"\n", "has never run it", "-prefix", m.prefix, "-variant", "linux-amd64-cpu")

	// Again, with neither pip nor a wheel.
	m.environment[0] = "PATH="
	m.environment[1] = "WHEEL="
	m.expect(0, "libtensorflow 1.2.3 is in "+m.prefix, "", "-prefix", m.prefix)
	m.expect(0, "libtensorflow 1.2.3 is in "+m.prefix, "", "-prefix", m.prefix, "-check")
	library := filepath.Join(m.prefix, "lib/libtensorflow_cc.so.2")
	text, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	text[0] ^= 1
	m.write("prefix/lib/libtensorflow_cc.so.2", string(text))
	m.expect(1, "", "remove that file and install again", "-prefix", m.prefix, "-check")

	m.environment = append(m.environment, "LIBTENSORFLOW="+m.prefix)
	m.expect(0, "is in "+m.prefix+" (LIBTENSORFLOW)", "")
	os.Remove(library)
	m.expect(3, "", "is damaged: lib/libtensorflow_cc.so.2")
}

// Who says nothing has the libraries stripped, which needs strip: said before
// anything is downloaded.
func TestStripIsTheDefault(t *testing.T) {
	m := newMachine(t, goodPip)
	for _, tt := range []struct {
		path, want string
		status     int
	}{
		{"PATH=" + filepath.Join(m.dir, "bin"), "no strip on PATH; install it (Debian: apt-get install binutils), or keep the wheel's own symbols with -strip=false", 3},
		{m.environment[0], "libtf: strip lib/libtensorflow_cc.so.2: exit status 1", 1},
	} {
		m.environment[0] = tt.path
		cmd, stdout, stderr := m.stripper("-prefix", m.prefix, "-variant", "linux-amd64-cpu")
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(stderr.String(), tt.want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("status %d, want %d and %q; got %q %q", got, tt.status, tt.want, stdout, stderr)
		}
		if _, err := os.Stat(filepath.Join(m.dir, "started")); (err == nil) != (tt.status == 1) {
			t.Errorf("%s: pip ran: %v", tt.want, err == nil)
		}
		m.empty()
	}
}

// A checkout of the project is found from any folder in it.
func TestDefaultPrefix(t *testing.T) {
	m := newMachine(t, goodPip)
	m.write("docker/libtensorflow.manifest", "")
	m.write("some/folder/x", "")
	cmd, stdout, stderr := m.installer("-variant", "linux-amd64-cpu")
	cmd.Dir = filepath.Join(m.dir, "some", "folder")
	if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), "is in "+filepath.Join(m.dir, ".libtensorflow")) {
		t.Errorf("%v: %q %q", err, stdout, stderr)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, pip string
		status    int
		want      string
	}{
		{"no pip", "", 3, "libtf: no pip on PATH to download the wheel with; install it"},
		{"no network", "echo 'ERROR: nothing there' >&2; exit 1", 3, "libtf: pip could not download tf==1.2.3 (ERROR: nothing there); check the network"},
		{"wrong checksum", `tr w W < "$WHEEL" > "$dest/tf-1-any.whl"`, 1, "the manifest wants"},
		{"truncated", `head -c 100 "$WHEEL" > "$dest/tf-1-any.whl"`, 1, "has 100 bytes, the manifest wants"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.pip)
			m.expect(tt.status, "", tt.want, "-prefix", m.prefix, "-variant", "linux-amd64-cpu")
			m.empty()
		})
	}
}

// A signal ends the download and leaves nothing.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		m := newMachine(t, "exec sleep 600")
		cmd, _, stderr := m.installer("-prefix", m.prefix, "-variant", "linux-amd64-cpu")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		m.waitFor("started")
		cmd.Process.Signal(s)
		var failed *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 130 || !strings.Contains(stderr.String(), "interrupted, nothing was installed") {
			t.Errorf("%v: %v, want status 130\n%s", s, err, stderr)
		}
		m.empty()
	}
}

// Of two at once the second says that it waits, and pip runs once.
func TestTwoAtOnce(t *testing.T) {
	m := newMachine(t, `while [ ! -e "$STARTED.go" ]; do sleep 0.05; done; `+goodPip)
	first, _, firstErr := m.installer("-prefix", m.prefix, "-variant", "linux-amd64-cpu")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	m.waitFor("started")
	second, _, _ := m.installer("-prefix", m.prefix, "-variant", "linux-amd64-cpu")
	words, err := os.Create(filepath.Join(m.dir, "words"))
	if err != nil {
		t.Fatal(err)
	}
	defer words.Close()
	second.Stderr = words
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	m.waitFor("words", "another installer is at work")
	m.write("started.go", "")
	if err := first.Wait(); err != nil {
		t.Errorf("%v %s", err, firstErr)
	}
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(m.dir, "started")); string(text) != "ran\n" {
		t.Errorf("pip: %q, %v; want it to have run once", text, err)
	}
}

// waitFor waits until the file is there, with this in it.
func (m *machine) waitFor(name string, want ...string) {
	m.t.Helper()
	for range 15000 {
		if text, err := os.ReadFile(filepath.Join(m.dir, name)); err == nil && strings.Contains(string(text), strings.Join(want, "")) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	m.t.Errorf("%s never came", name)
}
