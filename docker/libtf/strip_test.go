package libtf

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// wheelRunPath is what the wheel's libraries have, shortened.
const wheelRunPath = "$ORIGIN/../../_solib_x86_64/x:$ORIGIN/libtensorflow_cc.so.2.runfiles/x:$ORIGIN/"

// linkedWheel is a wheel whose libraries are real ones, and a fixture that has
// strip on its PATH.
func linkedWheel(t *testing.T) *fixture {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("libraries for other processors are not stripped")
	}
	dir := t.TempDir()
	link := func(name, source string) []byte {
		write(t, filepath.Join(dir, name+".c"), source)
		cmd := exec.Command("gcc", "-g", "-shared", "-fPIC", "-Wl,--hash-style=gnu,-soname,"+name, "-Wl,-rpath,"+wheelRunPath, "-o", name, name+".c")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
			t.Skip("no gcc to make a library with")
		} else if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		library, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return library
	}
	strip, err := exec.LookPath("strip")
	if err != nil {
		t.Skip("no strip")
	}
	libraries := map[string][]byte{
		"libtensorflow_cc.so.2":        link("libtensorflow_cc.so.2", "int _Zlarge_and_so_long_that_room_is_left_for_others(void) { return 1; } int _ZIsMKLEnabled(void) { return 2; } int TF_Large(void) { return _Zlarge_and_so_long_that_room_is_left_for_others(); } int (*large[])(void) = {_Zlarge_and_so_long_that_room_is_left_for_others, _ZIsMKLEnabled, TF_Large};"),
		"libtensorflow_framework.so.2": link("libtensorflow_framework.so.2", "int _Zsmall(void) { return 1; } int TF_Small(void) { return _Zsmall(); } int (*small[])(void) = {_Zsmall, TF_Small};"),
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range WheelFiles() {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		content := libraries[filepath.Base(name)]
		if content == nil {
			content = []byte("this is " + name)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, buf.Bytes(), goodPip)
	if err := os.Symlink(strip, filepath.Join(f.dir, "bin", "strip")); err != nil {
		t.Fatal(err)
	}
	return f
}

// again installs and holds the stamp and what was said to what is wanted.
func (f *fixture) again(t *testing.T, strip, changed bool, said string) Stamp {
	t.Helper()
	var log bytes.Buffer
	o := f.options()
	o.Strip, o.Log = strip, &log
	got, err := Install(t.Context(), o)
	if err != nil || got != changed || !strings.Contains(log.String(), said) || strings.Count(log.String(), "\n") != min(1, len(said)) {
		t.Fatalf("strip %v: changed %v, want %v; %v; said %q, want a line with %q", strip, got, changed, err, log.String(), said)
	}
	stamp, err := ReadStamp(f.prefix)
	if err != nil || stamp.Stripped != strip || stamp.Bound != strip {
		t.Errorf("strip %v: %+v, %v", strip, stamp, err)
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
	noHidden(t, f.prefix)
	return stamp
}

// downloads counts how often pip ran.
func (f *fixture) downloads(t *testing.T, want int) {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("FAKE_PIP_STARTED"))
	if got := strings.Count(string(text), "\n"); err != nil || got != want {
		t.Errorf("pip ran %d times, want %d; %v", got, want, err)
	}
}

func TestStrip(t *testing.T) {
	f := linkedWheel(t)
	own := f.again(t, false, true, "")
	stripped := f.again(t, true, true, "installing libtensorflow 1.2.3 in "+f.prefix+" again, stripped")
	f.downloads(t, 1) // it was made of what was there
	for i, file := range stripped.Files {
		is := slices.Contains([]string{largeLibrary, smallLibrary}, file.Path)
		if before := own.Files[i]; before.Path != file.Path || before.Wheel != file.Wheel || (before.SHA256 != file.SHA256) != is || is && before.Bytes <= file.Bytes {
			t.Errorf("%+v became %+v", before, file)
		}
	}
	for library, want := range map[string][]string{largeLibrary: {"TF_Large", "_ZIsMKLEnabled"}, smallLibrary: {"TF_Small"}} {
		names, left := pointers(t, filepath.Join(f.prefix, library))
		slices.Sort(left)
		if !slices.Equal(left, want) {
			t.Errorf("%s: not bound are %q, want %q", library, left, want)
		}
		if slices.Contains(names, "_Zlarge_and_so_long_that_room_is_left_for_others") {
			t.Errorf("%s: the name _Zlarge_and_so_long_that_room_is_left_for_others is still there", library)
		}
	}

	before := tree(t, f.prefix)
	f.again(t, true, false, "")
	untouched(t, f.prefix, before)
	if again := f.again(t, false, true, "again, with the wheel's own symbols"); !slices.Equal(again.Files, own.Files) {
		t.Errorf("%+v became %+v", own.Files, again.Files)
	}
	f.downloads(t, 2)

	// What is not as it came from the wheel is no source.
	library := filepath.Join(f.prefix, smallLibrary)
	text, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	write(t, library, string(text))
	if again := f.again(t, true, true, "again, stripped"); !slices.Equal(again.Files, stripped.Files) {
		t.Errorf("%+v became %+v", stripped.Files, again.Files)
	}
	f.downloads(t, 3)

	// Stripped before symbols were bound: made anew, from the wheel.
	stampFile := filepath.Join(f.prefix, stampName)
	stamp, err := os.ReadFile(stampFile)
	if err != nil {
		t.Fatal(err)
	}
	write(t, stampFile, strings.Replace(string(stamp), `"bound": true,`, "", 1))
	f.again(t, true, true, "again, stripped")
	f.downloads(t, 4)
}

// pointers returns the names of a library's dynamic symbols, and the names of the
// symbols that its R_X86_64_64 relocations look up.
func pointers(t *testing.T, library string) (names, lookedUp []string) {
	t.Helper()
	file, err := elf.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		names = append(names, s.Name)
	}
	table, err := file.Section(".rela.dyn").Data()
	if err != nil {
		t.Fatal(err)
	}
	const size = 24 // of Elf64_Rela: offset, info, addend
	for ; len(table) >= size; table = table[size:] {
		if info := binary.LittleEndian.Uint64(table[8:]); elf.R_X86_64(info&0xffffffff) == elf.R_X86_64_64 {
			lookedUp = append(lookedUp, names[info>>32-1])
		}
	}
	return names, lookedUp
}

// Another's bytes stay: NVIDIA's, by their licence, and another processor's.
func TestStripLeaves(t *testing.T) {
	f := linkedWheel(t)
	const name = "nvidia/x/lib/libx.so.1"
	f.addRuntimeWheel(t, "x", runtimeWheel(t, name, "nvidia_x-1.dist-info/License.txt"), "libx.so.1")
	o := f.options()
	o.Wheel, o.Strip = f.dir, true
	if _, err := Install(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(f.prefix, name)); string(text) != "this is "+name {
		t.Errorf("%q, %v", text, err)
	}

	f = newFixture(t, fakeWheel(t, 10), goodPip)
	f.variant.Name = "linux-arm64-cpu"
	o = f.options()
	o.Strip = true
	for i := range 2 {
		if changed, err := Install(t.Context(), o); err != nil || changed != (i == 0) {
			t.Errorf("arm64, time %d: changed %v, %v", i, changed, err)
		}
	}
	if stamp, err := ReadStamp(f.prefix); err != nil || stamp.Stripped {
		t.Errorf("%+v, %v", stamp, err)
	}
}

// Without strip, and interrupted while it works: all is as it was.
func TestStripFaults(t *testing.T) {
	f := linkedWheel(t)
	o := f.options()
	o.Strip = true
	tool := filepath.Join(f.dir, "bin", "strip")
	os.Remove(tool)
	var missing *EnvironmentError
	if _, err := Install(t.Context(), o); !errors.As(err, &missing) || !strings.Contains(err.Error(), "no strip on PATH; install it (Debian: apt-get install binutils), or keep the wheel's own symbols with -strip=false") {
		t.Error(err)
	}
	untouched(t, f.prefix, "nothing")
	f.again(t, false, true, "")
	before := tree(t, f.prefix)
	if _, err := Install(t.Context(), o); !errors.As(err, &missing) {
		t.Error(err)
	}
	untouched(t, f.prefix, before)

	marker := filepath.Join(f.dir, "stripping")
	write(t, tool, "#!/bin/sh\necho > "+marker+"\nexec sleep 600\n")
	os.Chmod(tool, 0o755)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		waitFor(t, marker)
		cancel()
	}()
	if _, err := Install(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	untouched(t, f.prefix, before)
	noHidden(t, f.prefix)
}

// Whatever internal/capi asks for by its C++ name is kept.
func TestLookedUp(t *testing.T) {
	sources, err := filepath.Glob("../../internal/capi/*.go")
	if err != nil {
		t.Fatal(err)
	}
	mangled := regexp.MustCompile(`"_Z[^"]+"`)
	found := 0
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range mangled.FindAllString(string(text), -1) {
			found++
			if !slices.ContainsFunc(lookedUp, func(part string) bool { return strings.Contains(name, part) }) {
				t.Errorf("%s asks for %s, which lookedUp does not know", source, name)
			}
		}
	}
	if found < 9 {
		t.Errorf("%d names were found in %v", found, sources)
	}
}
