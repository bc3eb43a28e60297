//go:build cgo && !race

package libtf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real prefix, where there is one: every header stands alone, and a C
// program finds all that it needs.
func TestRealPrefix(t *testing.T) {
	prefix := os.Getenv("LIBTENSORFLOW")
	if prefix == "" {
		prefix = filepath.Join(Project("."), ".libtensorflow")
	}
	stamp, err := ReadStamp(prefix)
	if err != nil {
		t.Skipf("no libtensorflow of ours in %s", prefix)
	}
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
}
