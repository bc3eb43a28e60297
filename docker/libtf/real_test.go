//go:build cgo && !race

package libtf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// realPrefix is the prefix that the project is built with, if it is ours.
func realPrefix(t *testing.T) (string, Stamp) {
	t.Helper()
	prefix := os.Getenv("LIBTENSORFLOW")
	if prefix == "" {
		prefix = filepath.Join(Project("."), ".libtensorflow")
	}
	stamp, err := ReadStamp(prefix)
	if err != nil {
		t.Skipf("no libtensorflow of ours in %s", prefix)
	}
	return prefix, stamp
}

// The real prefix, where there is one: every header stands alone, and a C
// program finds all that it needs.
func TestRealPrefix(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	prefix, stamp := realPrefix(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	source := filepath.Join(t.TempDir(), "v.c")
	gcc := func(arguments ...string) {
		t.Helper()
		if out, err := exec.Command("gcc", append([]string{source, "-I" + prefix + "/include"}, arguments...)...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	for _, f := range stamp.Files {
		if header, is := strings.CutPrefix(f.Path, "include/"); is {
			write(t, source, "#include \""+header+"\"\n")
			gcc("-fsyntax-only", "-Wall", "-Werror")
		}
	}
	write(t, source, `#include <stdio.h>
#include "tensorflow/c/c_api.h"
int main(void) { TF_Status* s = TF_NewStatus(); puts(TF_Version()); TF_DeleteStatus(s); return 0; }
`)
	program := filepath.Join(t.TempDir(), "v")
	gcc("-o", program, "-L"+prefix+"/lib", "-Wl,-rpath,"+prefix+"/lib", "-ltensorflow")
	text, err := exec.Command(program).Output()
	if got := strings.TrimSpace(string(text)); err != nil || got != stamp.Version {
		t.Errorf("the library says it is %q, the stamp %q; %v", got, stamp.Version, err)
	}
	// No library of it is looked for outside it, whatever lies there: the run
	// path of the wheel begins in this folder.
	if list, err := Outside(prefix); err != nil || len(list) > 0 {
		t.Errorf("run paths that lead outside the prefix: %q, %v", list, err)
	}
	text, err = os.ReadFile(filepath.Join(prefix, largeLibrary))
	if err != nil {
		t.Fatal(err)
	}
	small, err := os.ReadFile(filepath.Join(prefix, smallLibrary))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Parts {
		if !bytes.Contains(text, []byte(p.Marker)) && !bytes.Contains(small, []byte(p.Marker)) {
			t.Errorf("%s is listed, and the libraries have no %q", p.Name, p.Marker)
		}
	}
}

// A library planted where the wheel's run path begins is not loaded.
func TestPlantedLibrary(t *testing.T) {
	prefix, stamp := realPrefix(t)
	dir := t.TempDir()
	copied := filepath.Join(dir, "prefix")
	for _, name := range []string{largeLibrary, smallLibrary} {
		to := filepath.Join(copied, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Link(filepath.Join(prefix, name), to) == nil {
			continue
		}
		if out, err := exec.Command("cp", filepath.Join(prefix, name), to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	const bazels = "_solib_x86_64/_U_S_Stensorflow_Spython_Ctensorflow_Uframework_Uimport___Utensorflow_Spython"
	const planted = "int write(int, const void *, long); __attribute__((constructor)) static void f(void) { write(2, \"PLANTED\\n\", 8); }\n"
	for _, name := range []string{"librt.so.1", "libdl.so.2", "libpthread.so.0"} {
		for _, folder := range []string{filepath.Join(dir, bazels), filepath.Join(copied, "lib", "libtensorflow_cc.so.2.runfiles/org_tensorflow", bazels)} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			linkLibrary(t, filepath.Join(folder, name), planted, "-Wl,-soname,"+name)
		}
	}
	program := filepath.Join(dir, "program")
	write(t, program+".c", `#include <dlfcn.h>
#include <stdio.h>
int main(int n, char **arguments) {
	void *library = dlopen(arguments[1], RTLD_LAZY);
	const char *(*version)(void) = library ? dlsym(library, "TF_Version") : 0;
	puts(version ? version() : dlerror());
	return !version;
}
`)
	if out, err := exec.Command("gcc", program+".c", "-o", program, "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program, filepath.Join(copied, largeLibrary)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), stamp.Version) || strings.Contains(string(out), "PLANTED") {
		t.Errorf("%v\n%s", err, out)
	}
}
