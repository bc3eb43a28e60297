package libtf

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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
		{"disk full under pip", whole, "echo \"ERROR: OSError: [Errno 28] No space left on device: 'x'\" >&2; exit 1", nil, "no space left on the device, nothing was installed; free some", true},
		{"pip brings another file", whole, `cp "$WHEEL" "$dest/other.whl"`, nil, "pip brought no tf-1-any.whl", false},
		{"wrong checksum", whole, `tr w W < "$WHEEL" > "$dest/tf-1-any.whl"`, nil, "the manifest wants", false},
		{"truncated on its way", whole, `head -c 700 "$WHEEL" > "$dest/tf-1-any.whl"`, nil, "has 700 bytes, the manifest wants", false},
		{"pinned, but no zip", []byte("no zip"), goodPip, nil, "wheel tf-1-any.whl: zip: not a valid zip file", false},
		{"pinned, but cut", whole[:len(whole)-40], goodPip, nil, "wheel tf-1-any.whl: zip: not a valid zip file", false},
		{"a file is missing", fakeWheel(t, 0, "tensorflow/libtensorflow_cc.so.2"), goodPip, nil, "has no tensorflow/libtensorflow_cc.so.2", false},
		{"no AVX", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.hasAVX = func() bool { return false } }, "has no AVX", true},
		{"no such variant", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.Variant = "plan9-386-cpu" }, "no libtensorflow is pinned for plan9-386-cpu, known are linux-amd64-cpu", true},
		{"too little space", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.Manifest[0].Installed = 1 << 60 }, "are needed; free some", true},
		{"disk full in the middle", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.write = full }, "no space left on the device, nothing was installed", true},
		{"a file in the prefix's place", whole, goodPip, func(t *testing.T, f *fixture, _ *Options) {
			write(t, filepath.Dir(f.prefix), "")
		}, "cannot write to", true},
		{"a prefix that cannot be made", whole, goodPip, func(_ *testing.T, f *fixture, o *Options) { f.prefix, o.Prefix = "/proc/no/prefix", "/proc/no/prefix" }, "cannot write to /proc/no/prefix", true},
		{"an empty prefix", whole, goodPip, func(_ *testing.T, _ *fixture, o *Options) { o.Prefix = "" }, "the prefix is empty, want a folder", false},
		{"the wheel that was named is not there", whole, "", func(_ *testing.T, _ *fixture, o *Options) { o.Wheel = "no.whl" }, "no such file", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.wheel, tt.pip)
			o := f.options()
			if tt.change != nil {
				tt.change(t, f, &o)
			}
			_, err := Install(t.Context(), o)
			var missing *EnvironmentError
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || errors.As(err, &missing) != tt.environment {
				t.Errorf("got %v, want %q (environment: %v)", err, tt.want, tt.environment)
			}
			if _, err := os.Stat(f.prefix); err == nil {
				t.Error("the prefix that was made is still there")
			}
		})
	}
}

// The fault mended, the next run works.
func TestAfterFullDisk(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 1000), goodPip)
	o := f.options()
	o.write = func(w io.Writer) io.Writer { return &fullDisk{w: w, left: 500} }
	if _, err := Install(t.Context(), o); !errors.As(err, new(*EnvironmentError)) {
		t.Fatal(err)
	}
	f.install(t)
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

// mount mounts a tmpfs for the test.
func mount(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, options); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(folder, 0) })
	return folder
}

// A real full disk: a tmpfs that the wheel's files do not fit.
func TestFullFileSystem(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 3<<20), goodPip)
	o := f.options()
	o.Prefix = filepath.Join(mount(t, 0, "size=4m"), "prefix")
	o.Manifest[0].Installed = 0 // past the check of the free space
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no space left on the device, nothing was installed") {
		t.Error(err)
	}
	untouched(t, o.Prefix, "nothing")
	o.Manifest[0].Installed = 5 << 20
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "4 MB free, 8 MB are needed") {
		t.Error(err)
	}
	untouched(t, o.Prefix, "nothing")
}

// A prefix that is there and cannot be written to.
func TestReadOnlyFileSystem(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	folder := mount(t, syscall.MS_RDONLY, "size=1m")
	for _, prefix := range []string{folder, filepath.Join(folder, "prefix")} {
		o := f.options()
		o.Prefix = prefix
		if _, err := Install(t.Context(), o); !errors.As(err, new(*EnvironmentError)) || !strings.Contains(err.Error(), "cannot write to "+prefix) || !strings.Contains(err.Error(), "-prefix") {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}
