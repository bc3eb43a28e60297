package elf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linkLibrary links C source as a shared library.
func linkLibrary(t *testing.T, path, source string, flags ...string) {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to make a library with")
	}
	write(t, path+".c", source)
	if out, err := exec.Command(gcc, append([]string{"-shared", "-fPIC", "-o", path, path + ".c"}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What cannot be changed without harm is refused.
func TestSetRunPathRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lib.so")
	origin := func(string) string { return "$ORIGIN" }
	// The symbol's name ends the run path: the linker lets both share the text.
	linkLibrary(t, path, "int runpathtail(void) { return 1; }\n", "-Wl,-rpath,/a/runpathtail", "-Wl,-O2")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text[:bytes.Index(text, []byte("/a/runpathtail"))+20], []byte("runpathtail")); n != 1 {
		t.Skip("this linker shares no text")
	}
	before := slices.Clone(text)
	if changed, err := SetRunPath(text, origin); err == nil || changed || !strings.Contains(err.Error(), "2 references read") || !bytes.Equal(text, before) {
		t.Errorf("a shared text: changed %v, %v", changed, err)
	}
	linkLibrary(t, path, "int f(void) { return 1; }\n", "-Wl,-rpath,/x")
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if changed, err := SetRunPath(text, origin); err == nil || changed || !strings.Contains(err.Error(), `run path "/x", too short for "$ORIGIN"`) {
		t.Errorf("a short run path: changed %v, %v", changed, err)
	}
	if _, err := SetRunPath([]byte("not a library"), origin); err == nil {
		t.Error("not a library is taken for one")
	}
}

// Of each kind of run path the entries are found; a linker script has none.
func TestRunPath(t *testing.T) {
	dir := t.TempDir()
	for _, tags := range []string{"--enable-new-dtags", "--disable-new-dtags"} {
		path := filepath.Join(dir, "lib"+tags+".so")
		linkLibrary(t, path, "int f(void) { return 1; }\n", "-Wl,-rpath,$ORIGIN/../lib:/x", "-Wl,"+tags, "-Wl,--no-as-needed")
		if got, err := RunPath(path); err != nil || !slices.Equal(got, []string{"$ORIGIN/../lib", "/x"}) {
			t.Errorf("%s: %q, %v", tags, got, err)
		}
		if got, err := Needed(path); err != nil || !slices.Contains(got, "libc.so.6") {
			t.Errorf("%s: needed %q, %v", tags, got, err)
		}
	}
	script := filepath.Join(dir, "libscript.so")
	write(t, script, "INPUT(lib.so)\n")
	if got, err := RunPath(script); err != nil || got != nil {
		t.Errorf("a linker script: %q, %v", got, err)
	}
	if _, err := RunPath(filepath.Join(dir, "none.so")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}
