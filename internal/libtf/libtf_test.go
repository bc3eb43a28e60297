package libtf

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeWheel is a wheel with all members, and one that is none; without leaves
// members out, and size pads the large library.
func fakeWheel(t testing.TB, size int, without ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name := range members {
		if slices.Contains(without, name) {
			continue
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
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

// machine is what a test installs on: a prefix, a pinned wheel, and a PATH
// whose pip is a script.
type fixture struct {
	prefix, wheel string
	variant       Variant
}

const python = `#!/bin/sh
# pip, as far as the installer needs it: --version, and download into --dest
[ "$3" = --version ] && exit 0
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done
echo started > "$FAKE_PIP_STARTED"
%s
`

// newFixture makes a fixture whose pip does what the shell lines say; $WHEEL
// is the wheel, $dest where it is wanted.
func newFixture(t *testing.T, wheel []byte, pip string) fixture {
	t.Helper()
	dir := t.TempDir()
	sum := sha256.Sum256(wheel)
	f := fixture{prefix: filepath.Join(dir, "made", "prefix"), wheel: filepath.Join(dir, "tf-1-any.whl")}
	f.variant = Variant{
		Name: "linux-amd64-cpu", Requirement: "tf==1.2.3", Python: "311", ABI: "cp311", Platform: "any",
		Wheel: "tf-1-any.whl", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(wheel)), Installed: int64(len(wheel)), Status: "run",
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if pip != "" {
		if err := os.WriteFile(filepath.Join(bin, "python3"), fmt.Appendf(nil, python, pip), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(f.wheel, wheel, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "cp", "sleep", "head"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("WHEEL", f.wheel)
	t.Setenv("FAKE_PIP_STARTED", filepath.Join(dir, "started"))
	return f
}

func (f fixture) options() Options {
	return Options{Prefix: f.prefix, Manifest: []Variant{f.variant}, Variant: f.variant.Name, hasAVX: func() bool { return true }}
}

const goodPip = `cp "$WHEEL" "$dest/"`

// nothing asserts that no trace of an installation is there.
func nothing(t *testing.T, prefix string) {
	t.Helper()
	filepath.WalkDir(prefix, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return nil
	})
}

func TestInstall(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 1000), goodPip)
	changed, err := Install(t.Context(), f.options())
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	for _, target := range members {
		if _, err := os.Stat(filepath.Join(f.prefix, target)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(f.prefix, stagingName)); !os.IsNotExist(err) {
		t.Error("the staging folder is still there")
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
	found, err := Inspect(f.prefix)
	if err != nil || found.Version != "1.2.3" {
		t.Errorf("%+v, %v", found, err)
	}

	// Again, without pip and without the wheel.
	t.Setenv("PATH", "")
	os.Remove(f.wheel)
	if changed, err := Install(t.Context(), f.options()); err != nil || changed {
		t.Errorf("second run: changed %v, %v", changed, err)
	}

	// A file that was changed in size is not taken for whole; one that was
	// changed otherwise is found by Verify.
	library := filepath.Join(f.prefix, "lib/libtensorflow_framework.so.2")
	text, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	text[3] ^= 1
	os.WriteFile(library, text, 0o644)
	if err := Verify(f.prefix); err == nil || !strings.Contains(err.Error(), "libtensorflow_framework.so.2 has sha256") {
		t.Errorf("a changed file: %v", err)
	}
	os.Truncate(library, 3)
	if Installed(f.prefix, f.variant) {
		t.Error("a truncated library counts as installed")
	}
}

func TestFaults(t *testing.T) {
	whole := fakeWheel(t, 1000)
	full := func(w io.Writer) io.Writer { return &fullDisk{w: w, left: 500} }
	for _, tt := range []struct {
		name        string
		wheel       []byte
		pip         string
		change      func(t *testing.T, f *fixture, o *Options)
		want        string
		environment bool
	}{
		{"no pip", whole, "", nil, "no pip on PATH", true},
		{"another python without pip", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.Python = "python9" }, "python9 has no pip", true},
		{"no network", whole, "echo 'ERROR: Could not find a version' >&2; exit 1", nil, "pip could not download tf==1.2.3 (ERROR: Could not find a version); check the network", true},
		{"pip brings another file", whole, `cp "$WHEEL" "$dest/other.whl"`, nil, "pip brought no tf-1-any.whl", false},
		{"wrong checksum", whole, goodPip + `; echo x >> "$dest/tf-1-any.whl"`, nil, "the manifest wants", false},
		{"truncated on its way", whole, `head -c 700 "$WHEEL" > "$dest/tf-1-any.whl"`, nil, "the manifest wants", false},
		{"pinned, but no zip", []byte("no zip"), goodPip, nil, "wheel tf-1-any.whl: zip: not a valid zip file", false},
		{"a member is missing", fakeWheel(t, 0, "tensorflow/libtensorflow_cc.so.2"), goodPip, nil, "has no tensorflow/libtensorflow_cc.so.2", false},
		{"no AVX", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.hasAVX = func() bool { return false } }, "has no AVX", true},
		{"no such variant", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.Variant = "plan9-386-cpu" }, "no libtensorflow is pinned for plan9-386-cpu, known are linux-amd64-cpu", true},
		{"too little space", whole, goodPip, func(_ *testing.T, f *fixture, o *Options) { o.Manifest[0].Installed = 1 << 60 }, "are needed; free some", true},
		{"disk full in the middle", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.write = full }, "no space left on the device, nothing was installed", true},
		{"a file in the prefix's place", whole, goodPip, func(t *testing.T, f *fixture, _ *Options) {
			if err := os.WriteFile(filepath.Dir(f.prefix), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "cannot write to", true},
		{"the wheel that was named is not there", whole, "", func(_ *testing.T, _ *fixture, o *Options) { o.Wheel = "no.whl" }, "no such file", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.wheel, tt.pip)
			o := f.options()
			if tt.change != nil {
				tt.change(t, &f, &o)
			}
			_, err := Install(t.Context(), o)
			var lacks *EnvironmentError
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || errors.As(err, &lacks) != tt.environment {
				t.Errorf("got %v, want %q (environment: %v)", err, tt.want, tt.environment)
			}
			nothing(t, f.prefix)
			if _, err := os.Stat(f.prefix); err == nil {
				t.Error("the prefix that was made is still there")
			}
			// The fault mended, it works.
			if tt.name == "disk full in the middle" {
				o.write = nil
				if changed, err := Install(t.Context(), o); err != nil || !changed {
					t.Errorf("afterwards: %v", err)
				}
			}
		})
	}
}

// fullDisk takes so many bytes and no more.
type fullDisk struct {
	w    io.Writer
	left int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return 0, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	d.left -= len(p)
	return d.w.Write(p)
}

// A real full disk: a tmpfs that the wheel's files do not fit.
func TestFullFileSystem(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 3<<20), goodPip)
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("cannot mount a tmpfs here (%v); TestFaults fills the disk by other means", err)
	}
	defer syscall.Unmount(mount, 0)
	o := f.options()
	o.Prefix = filepath.Join(mount, "prefix")
	o.Manifest[0].Bytes, o.Manifest[0].Installed = 0, 0 // past the check of the free space
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no space left") && !strings.Contains(err.Error(), "No space left") {
		t.Error(err)
	}
	nothing(t, o.Prefix)
	o.Manifest[0].Installed = 5 << 20
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "4 MB free, 5 MB are needed") {
		t.Error(err)
	}
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 5000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("%s never came", path)
}

// Interrupted while pip downloads, and while files are taken out.
func TestInterrupted(t *testing.T) {
	t.Run("download", func(t *testing.T) {
		f := newFixture(t, fakeWheel(t, 10), `sleep 600`)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			waitFor(t, os.Getenv("FAKE_PIP_STARTED"))
			cancel()
		}()
		if _, err := Install(ctx, f.options()); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted, nothing was installed") {
			t.Error(err)
		}
		nothing(t, f.prefix)
	})
	t.Run("extraction", func(t *testing.T) {
		f := newFixture(t, fakeWheel(t, 1<<20), goodPip)
		ctx, cancel := context.WithCancel(t.Context())
		o := f.options()
		o.Progress = func(_ string, done, _ int64) {
			if done > 100 {
				cancel()
			}
		}
		if _, err := Install(ctx, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		nothing(t, f.prefix)
	})
}

// TestMain lets the test binary be an installer of its own, to be killed and
// to be run twice.
func TestMain(m *testing.M) {
	if prefix := os.Getenv("LIBTF_TEST_INSTALL"); prefix != "" {
		variants, err := ParseManifest(strings.NewReader(os.Getenv("LIBTF_TEST_MANIFEST")))
		if err == nil {
			var changed bool
			changed, err = Install(context.Background(), Options{Prefix: prefix, Manifest: variants, Variant: variants[0].Name, hasAVX: func() bool { return true }})
			fmt.Print(changed)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func (f fixture) process() *exec.Cmd {
	v := f.variant
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIBTF_TEST_INSTALL="+f.prefix, "LIBTF_TEST_MANIFEST="+fmt.Sprintln(
		v.Name, v.Requirement, v.Python, v.ABI, v.Platform, v.Wheel, v.SHA256, v.Bytes, v.Installed, v.Status))
	return cmd
}

// Killed in the middle: what is left is hidden, counts for nothing, and is
// gone after the next run.
func TestKilled(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), `cp "$WHEEL" "$dest/half"; sleep 600`)
	cmd := f.process()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(f.prefix, stagingName, "wheel", "half"))
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := Inspect(f.prefix); err == nil || Installed(f.prefix, f.variant) {
		t.Error("half an installation counts as one")
	}
	os.WriteFile(filepath.Join(filepath.Dir(f.wheel), "bin", "python3"), fmt.Appendf(nil, python, goodPip), 0o755)
	if changed, err := Install(t.Context(), f.options()); err != nil || !changed {
		t.Error(changed, err)
	}
	if _, err := os.Stat(filepath.Join(f.prefix, stagingName)); !os.IsNotExist(err) {
		t.Error("what the killed run left is still there")
	}
}

// Two at once: one installs, the other waits and finds it done.
func TestTwoAtOnce(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), `sleep 0.3; `+goodPip)
	var outputs [2]bytes.Buffer
	var processes [2]*exec.Cmd
	for i := range processes {
		processes[i] = f.process()
		processes[i].Stdout = &outputs[i]
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range processes {
		if err := processes[i].Wait(); err != nil {
			t.Errorf("%d: %v %s", i, err, outputs[i].String())
		}
	}
	got := []string{outputs[0].String(), outputs[1].String()}
	slices.Sort(got)
	if !slices.Equal(got, []string{"false", "true"}) {
		t.Errorf("changed: %v, want one true", got)
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
}

// A prefix that others use keeps what is theirs, also when we fail.
func TestSharedPrefix(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	theirs := filepath.Join(f.prefix, "lib", "libtheirs.so")
	os.MkdirAll(filepath.Dir(theirs), 0o755)
	os.WriteFile(theirs, []byte("theirs"), 0o644)
	// A folder where a file of ours must go makes the last step fail.
	os.MkdirAll(filepath.Join(f.prefix, "share/libtensorflow/stamp.json", "x"), 0o755)
	if _, err := Install(t.Context(), f.options()); err == nil {
		t.Fatal("no error")
	}
	left, _ := filepath.Glob(filepath.Join(f.prefix, "lib", "*"))
	if !slices.Equal(left, []string{theirs}) {
		t.Errorf("left in lib: %v", left)
	}
	os.RemoveAll(filepath.Join(f.prefix, "share"))
	if _, err := Install(t.Context(), f.options()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error(err)
	}
}

func TestInspectTarball(t *testing.T) {
	prefix := t.TempDir()
	if _, err := Inspect(prefix); err == nil || !strings.Contains(err.Error(), "make libtensorflow") {
		t.Error(err)
	}
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow.so.2.18.0", "lib/libtensorflow_framework.so.2.18.0"} {
		os.MkdirAll(filepath.Dir(filepath.Join(prefix, name)), 0o755)
		os.WriteFile(filepath.Join(prefix, name), nil, 0o644)
	}
	os.Symlink("libtensorflow.so.2.18.0", filepath.Join(prefix, "lib/libtensorflow.so"))
	os.Symlink("libtensorflow_framework.so.2.18.0", filepath.Join(prefix, "lib/libtensorflow_framework.so.2"))
	if found, err := Inspect(prefix); err != nil || found.Version != "2.18.0" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestManifest(t *testing.T) {
	file, err := os.Open("../../docker/libtensorflow.manifest")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	variants, err := ParseManifest(file)
	if err != nil || len(variants) != 3 || variants[0].Name != "linux-amd64-cpu" || variants[0].Version() != "2.21.0" {
		t.Errorf("%+v, %v", variants, err)
	}
	sum := strings.Repeat("0", 64)
	for text, want := range map[string]string{
		"":                                    "no variant",
		"a b==1 c":                            "line 1: got 3 fields, want 10",
		"a b 3 c p w " + sum + " 1 1 run":     `"b" is not pinned`,
		"a b==1 3 c p w 00 1 1 run":           `"00" is no sha256`,
		"a b==1 3 c p w " + sum + " x 1 run":  `"x" is no number`,
		"a b==1 3 c p w " + sum + " 1 1 well": `status is "well"`,
	} {
		if _, err := ParseManifest(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// The real prefix, where there is one: its parts are what a C program needs.
func TestRealPrefix(t *testing.T) {
	prefix, err := filepath.Abs("../../.libtensorflow")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStamp(prefix); err != nil {
		t.Skip("no libtensorflow in the project's folder")
	}
	dir := t.TempDir()
	source := `#include <stdio.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
int main(void) { TF_Status* s = TF_NewStatus(); puts(TF_Version()); TF_DeleteStatus(s); return 0; }`
	if err := os.WriteFile(filepath.Join(dir, "v.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "v")
	out, err := exec.Command("gcc", "-o", program, filepath.Join(dir, "v.c"), "-I"+prefix+"/include", "-L"+prefix+"/lib", "-Wl,-rpath,"+prefix+"/lib", "-ltensorflow").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no gcc")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := exec.Command(program).Output()
	stamp, _ := ReadStamp(prefix)
	if got := strings.TrimSpace(string(text)); err != nil || got != stamp.Version {
		t.Errorf("the library says it is %q, the stamp %q; %v", got, stamp.Version, err)
	}
}
