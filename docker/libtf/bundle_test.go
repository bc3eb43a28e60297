package libtf

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gcc is run with the machine's own PATH: a fixture has another.
var (
	gcc, _      = exec.LookPath("gcc")
	environment = os.Environ()
)

// compile runs gcc.
func compile(t *testing.T, arguments ...string) {
	t.Helper()
	cmd := exec.Command(gcc, arguments...)
	cmd.Env = environment
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// link links a program with a prefix's libraries, as cgo does.
func link(t *testing.T, program, prefix string, flags ...string) {
	t.Helper()
	write(t, program+".c", "int TF_Large(void), TF_Small(void); int main(void) { return TF_Large() + TF_Small(); }\n")
	compile(t, append([]string{program + ".c", "-o", program, "-L" + prefix + "/lib", "-ltensorflow"}, flags...)...)
}

// unpack writes a tar's files into a folder and lists them.
func unpack(t *testing.T, archive []byte, folder string) (names []string) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return names
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		path := filepath.Join(folder, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeSymlink {
			err = os.Symlink(h.Linkname, path)
		} else {
			var text []byte
			if text, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, text, os.FileMode(h.Mode))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A bundle's program runs where it is unpacked, when the prefix that it was built
// with is gone: position-independent or not.
func TestBundle(t *testing.T) {
	for _, kind := range []string{"-pie", "-no-pie"} {
		t.Run(kind, func(t *testing.T) {
			f := linkedWheel(t)
			f.install(t)
			program, own := filepath.Join(f.dir, "program"), filepath.Join(f.dir, "LICENSE")
			write(t, own, "as you like\n")
			link(t, program, f.prefix, kind, "-fPIE", "-Wl,-rpath,"+f.prefix+"/lib")
			before, err := os.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			b := Bundle{Program: program, Prefix: f.prefix, Files: []string{own}}
			var archive, again bytes.Buffer
			if err := errors.Join(b.Write(t.Context(), &archive), b.Write(t.Context(), &again)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(archive.Bytes(), again.Bytes()) {
				t.Error("the same files gave other bytes")
			}
			if after, err := os.ReadFile(program); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the program itself changed, %v", err)
			}
			if err := os.RemoveAll(f.prefix); err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			names := unpack(t, archive.Bytes(), folder)
			slices.Sort(names)
			want := []string{
				"program/bin/program", "program/lib/libtensorflow_cc.so.2", "program/lib/libtensorflow_framework.so.2", "program/share/LICENSE",
				"program/share/doc/libtensorflow/LICENSE", "program/share/doc/libtensorflow/THIRD_PARTY_NOTICES.txt",
			}
			if !slices.Equal(names, want) {
				t.Errorf("got %q, want %q", names, want)
			}
			cmd := exec.Command(filepath.Join(folder, "program/bin/program"))
			if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestBundleFaults(t *testing.T) {
	f := linkedWheel(t)
	f.install(t)
	short, plain, good, own := filepath.Join(f.dir, "short"), filepath.Join(f.dir, "plain"), filepath.Join(f.dir, "good"), filepath.Join(f.dir, "bin")
	link(t, short, f.prefix, "-Wl,-rpath,/x")
	link(t, plain, f.prefix)
	link(t, good, f.prefix, "-Wl,-rpath,"+f.prefix+"/lib")
	another := filepath.Join(f.dir, "another")
	write(t, another+".c", "int main(void) { return 0; }\n")
	compile(t, another+".c", "-o", another)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	const hint = "build it with -Wl,-rpath,$ORIGIN/../lib at the end of CGO_LDFLAGS"
	for _, tt := range []struct {
		ctx    context.Context
		bundle Bundle
		want   string
	}{
		{t.Context(), Bundle{Program: short}, `has the run path "/x", too short for "$ORIGIN/../lib"; ` + hint},
		{t.Context(), Bundle{Program: plain}, "has no run path; " + hint},
		{t.Context(), Bundle{Program: another}, "is not linked with libtensorflow_cc.so.2"},
		{t.Context(), Bundle{Program: own}, "cannot be read"},
		{t.Context(), Bundle{Program: good, Files: []string{good, good}}, "two files for share/good"},
		{t.Context(), Bundle{Program: good, Files: []string{own + "/none"}}, "no such file"},
		{canceled, Bundle{Program: good}, "context canceled"},
	} {
		tt.bundle.Prefix = f.prefix
		if err := tt.bundle.Write(tt.ctx, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.bundle, err, tt.want)
		}
	}
	if err := os.Truncate(filepath.Join(f.prefix, smallLibrary), 10); err != nil {
		t.Fatal(err)
	}
	if err := (Bundle{Program: good, Prefix: f.prefix}).Write(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "is damaged: "+smallLibrary) {
		t.Error(err)
	}
}
