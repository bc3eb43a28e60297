package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A library of many long names, and a program that calls one of them, which
// calls all others through the dynamic linker: by relocations of functions, by
// pointers in data, and by name.
const (
	manyNames = `
#include <stdlib.h>
#define NAME(n) _Z%s_##n
%s
int (*pointers[])(int) = {%s NULL};
int kept(int x) { for (size_t i = 0; pointers[i]; i++) x = pointers[i](x); %s return x + (getenv("_none_") != NULL); }
`
	caller = `
#include <dlfcn.h>
#include <stdio.h>
int kept(int);
int main(void) { printf("%d %d\n", kept(1), dlsym(RTLD_DEFAULT, "_Zfound_by_name_7") != NULL); return 0; }
`
)

func TestShortenNames(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to make a library with")
	}
	dir := t.TempDir()
	var functions, pointers, calls strings.Builder
	const n = 300
	for i := range n {
		fmt.Fprintf(&functions, "int NAME(%d)(int x) { return x + %d; }\n", i, i)
		fmt.Fprintf(&pointers, "NAME(%d), ", i)
		fmt.Fprintf(&calls, "x = NAME(%d)(x);\n", i)
	}
	functions.WriteString("int _Zfound_by_name_7(void) { return 7; }\n")
	write(t, filepath.Join(dir, "many.c"), fmt.Sprintf(manyNames, strings.Repeat("long", 40), functions.String(), pointers.String(), calls.String()))
	write(t, filepath.Join(dir, "caller.c"), caller)
	library := filepath.Join(dir, "libmany.so.1")
	run := func(name string, arguments ...string) string {
		t.Helper()
		cmd := exec.Command(name, arguments...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run(gcc, "-shared", "-fPIC", "-Wl,--build-id,--hash-style=gnu,-soname,libmany.so.1", "-o", library, "many.c")
	run(gcc, "-o", "caller", "caller.c", library, "-ldl", "-Wl,-rpath,"+dir)
	want := fmt.Sprintln(1+2*n*(n-1)/2, 1)
	if got := run(filepath.Join(dir, "caller")); got != want {
		t.Fatalf("before: got %q, want %q", got, want)
	}
	before, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	after, err := ShortenNames(bytes.Clone(before), func(name string) bool { return !strings.Contains(name, "longlong") })
	if err != nil {
		t.Fatal(err)
	}
	if saved := len(before) - len(after); saved < n*150-pageSize {
		t.Errorf("%d bytes became %d: the names are still there", len(before), len(after))
	}
	if err := os.WriteFile(library, after, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(filepath.Join(dir, "caller")); got != want {
		t.Errorf("after: got %q, want %q", got, want)
	}

	// But for names the symbols are what they were, in their order.
	old, short := symbols(t, before), symbols(t, after)
	if len(old) != len(short) {
		t.Fatalf("%d symbols became %d", len(old), len(short))
	}
	renamed := 0
	found := map[string]bool{}
	for i := range old {
		a, b := old[i], short[i]
		if a.Name != b.Name {
			renamed++
			if !strings.Contains(a.Name, "longlong") || !strings.HasPrefix(b.Name, "~") || found[b.Name] {
				t.Fatalf("%q was called %q", a.Name, b.Name)
			}
			found[b.Name] = true
			a.Name = b.Name
		}
		if a != b {
			t.Errorf("%+v became %+v", a, b)
		}
	}
	if renamed != n {
		t.Errorf("%d symbols were renamed, want %d", renamed, n)
	}

	// Each bucket of the hash table ends where it did.
	first, err := openShared(before)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openShared(after)
	if err != nil {
		t.Fatal(err)
	}
	needed, err := second.file.ImportedLibraries()
	if err != nil || !slices.Contains(needed, "libc.so.6") {
		t.Errorf("needed libraries: %v, %v", needed, err)
	}
	for i := 0; i < len(first.chain); i += 4 {
		if (first.chain[i]^second.chain[i])&1 != 0 {
			t.Fatalf("word %d of the hash table's chains was %#x and is %#x", i/4, first.chain[i], second.chain[i])
		}
	}

	// A library cut short or with offsets that lead nowhere is an error.
	for _, damaged := range [][]byte{{}, before[:3000], before[:len(before)/2], bytes.Replace(before, []byte("\x7fELF\x02"), []byte("\x7fELF\x01"), 1)} {
		if _, err := ShortenNames(bytes.Clone(damaged), func(string) bool { return false }); err == nil {
			t.Errorf("%d bytes of a library were taken for a whole one", len(damaged))
		}
	}
}

func symbols(t *testing.T, library []byte) []elf.Symbol {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(library))
	if err != nil {
		t.Fatal(err)
	}
	list, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	return list
}
