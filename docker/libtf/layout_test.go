package libtf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspectTarball(t *testing.T) {
	prefix := t.TempDir()
	if _, err := Inspect(prefix); !errors.As(err, new(*EnvironmentError)) || !strings.Contains(err.Error(), "make libtensorflow") {
		t.Error(err)
	}
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow.so.2.18.0", "lib/libtensorflow_framework.so.2.18.0"} {
		write(t, filepath.Join(prefix, name), "")
	}
	os.Symlink("libtensorflow.so.2.18.0", filepath.Join(prefix, "lib/libtensorflow.so"))
	os.Symlink("libtensorflow_framework.so.2.18.0", filepath.Join(prefix, "lib/libtensorflow_framework.so.2"))
	if found, err := Inspect(prefix); err != nil || found.Version != "2.18.0" || found.Variant != "" {
		t.Errorf("%+v, %v", found, err)
	}
	// A link into nowhere is no library.
	os.Remove(filepath.Join(prefix, "lib/libtensorflow.so.2.18.0"))
	if _, err := Inspect(prefix); err == nil || !strings.Contains(err.Error(), "has no lib/libtensorflow.so") {
		t.Error(err)
	}
}

func TestProject(t *testing.T) {
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if got := Project("."); got != here {
		t.Errorf("got %q, want %q", got, here)
	}
	if got := Project("/"); got != "" {
		t.Errorf("got %q, want none", got)
	}
}
