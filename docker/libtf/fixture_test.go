package libtf

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// emptyLibrary is the header of a shared library for x86-64 without sections.
var emptyLibrary = append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00\x01\x00\x00\x00"), make([]byte, 40)...)

// fakeWheel is a wheel with all wheelFiles, and one that is none; without leaves
// members out, and size pads the large library.
func fakeWheel(t testing.TB, size int, without ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range WheelFiles() {
		if slices.Contains(without, name) {
			continue
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, ".so") {
			f.Write(emptyLibrary)
		}
		fmt.Fprintf(f, "this is %s", name)
		if strings.HasSuffix(name, "libtensorflow_cc.so.2") {
			f.Write(make([]byte, size))
		}
	}
	f, err := w.Create("tensorflow/python/other.py")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "not wanted")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// fixture is what a test installs on: a prefix, a pinned wheel, and a PATH
// whose pip is a script.
type fixture struct {
	dir, prefix, wheel string
	variant            Variant
}

const python = `#!/bin/sh
# pip, as far as the installer needs it: --version, and download into --dest
[ "$3" = --version ] && exit 0
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done
echo started >> "$FAKE_PIP_STARTED"
%s
`

const goodPip = `cp "$WHEEL" "$dest/"`

// newFixture makes a fixture whose pip does what the shell lines say; $WHEEL
// is the wheel, $dest where it is wanted. An empty pip is none.
func newFixture(t *testing.T, wheel []byte, pip string) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{dir: dir, prefix: filepath.Join(dir, "made", "prefix"), wheel: filepath.Join(dir, "tf-1-any.whl")}
	f.variant = Variant{
		Name: "linux-amd64-cpu", Status: "run",
		Pin: Pin{Requirement: "tf==1.2.3", Python: "311", ABI: "cp311", Platform: "any", Wheel: "tf-1-any.whl"},
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "cp", "sleep", "head", "tr"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	f.pin(t, wheel)
	if pip != "" {
		f.setPip(t, pip)
	}
	t.Setenv("PATH", bin)
	t.Setenv("WHEEL", f.wheel)
	t.Setenv("FAKE_PIP_STARTED", filepath.Join(dir, "started"))
	return f
}

// pin makes this wheel the one that the manifest wants.
func (f *fixture) pin(t *testing.T, wheel []byte) {
	t.Helper()
	sum := sha256.Sum256(wheel)
	f.variant.SHA256, f.variant.Bytes, f.variant.Installed = hex.EncodeToString(sum[:]), int64(len(wheel)), int64(len(wheel))
	if err := os.WriteFile(f.wheel, wheel, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) setPip(t *testing.T, lines string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, "bin", "python3"), fmt.Appendf(nil, python, lines), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) options() Options {
	return Options{Prefix: f.prefix, Manifest: []Variant{f.variant}, Variant: f.variant.Name, hasAVX: func() bool { return true }}
}

// install is for tests that are about what comes after it.
func (f *fixture) install(t *testing.T) {
	t.Helper()
	if changed, err := Install(t.Context(), f.options()); err != nil || !changed {
		t.Fatalf("install: changed %v, %v", changed, err)
	}
}

// tree is every file and folder below the prefix, with the files' contents
// and times: two that are equal mean that nothing was touched.
func tree(t *testing.T, prefix string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(prefix, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(prefix, path)
		if entry.IsDir() {
			fmt.Fprintf(&b, "%s/\n", name)
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s %x\n", name, info.ModTime().Format(time.RFC3339Nano), sha256.Sum256(text))
		return err
	})
	if os.IsNotExist(err) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// untouched fails unless the prefix is as it was.
func untouched(t *testing.T, prefix, before string) {
	t.Helper()
	if after := tree(t, prefix); after != before {
		t.Errorf("the prefix was\n%sand is\n%s", before, after)
	}
}

// noHidden fails where the installer has left something of its own.
func noHidden(t *testing.T, prefix string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(prefix, ".libtensorflow-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 15000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("%s never came", path)
}
