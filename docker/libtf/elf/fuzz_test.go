package elf

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
)

// FuzzShortenNames: a library that is edited has as many symbols as before,
// and one that is damaged is refused.
func FuzzShortenNames(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	if gcc, err := exec.LookPath("gcc"); err == nil {
		source, library := filepath.Join(f.TempDir(), "a.c"), filepath.Join(f.TempDir(), "liba.so")
		if err := os.WriteFile(source, []byte("int _Z4long_a(int x) { return x; }\nint _Z4long_b(int x) { return x; }\nint kept(int x) { return _Z4long_a(x); }\n"), 0o644); err != nil {
			f.Fatal(err)
		}
		if out, err := exec.Command(gcc, "-shared", "-fPIC", "-nostdlib", "-Wl,--build-id,--hash-style=gnu,-soname,liba.so", "-o", library, source).CombinedOutput(); err != nil {
			f.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(library)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, library []byte) {
		var short []byte
		err := hostile.Read(t, "", len(library), hostile.Limits{PerByte: 1000}, func() (err error) {
			short, err = ShortenNames(library, func(name string) bool { return !strings.HasPrefix(name, "_Z") })
			return err
		})
		if err != nil {
			return
		}
		before, after := countSymbols(library), countSymbols(short)
		if len(short) > len(library) || before != after {
			t.Errorf("%d bytes with %d symbols became %d with %d", len(library), before, len(short), after)
		}
	})
}

// countSymbols counts a library's dynamic symbols, −1 if they cannot be read.
func countSymbols(library []byte) int {
	file, err := elf.NewFile(bytes.NewReader(library))
	if err != nil {
		return -1
	}
	list, err := file.DynamicSymbols()
	if err != nil {
		return -1
	}
	return len(list)
}
