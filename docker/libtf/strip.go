package libtf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"tfcnn/docker/libtf/elf"
)

// strips reports whether the installer strips the variant's libraries: the option is
// set, and libraries and machine are x86-64, so that the machine's strip reads them.
func (o Options) strips(v Variant) bool {
	return o.Strip && runtime.GOARCH == "amd64" && strings.Contains(v.Name, "-amd64-")
}

const orKeep = "or keep the wheel's own symbols with -strip=false (make: SYMBOLS=1)"

// canStrip says what this machine lacks for it.
func canStrip() error {
	if _, err := exec.LookPath("strip"); err != nil {
		return environmentErrorf("no strip on PATH; install it (Debian: apt-get install binutils), %s", orKeep)
	}
	for _, name := range systemLibraries {
		if _, err := findLibrary(name); err != nil {
			return err
		}
	}
	return nil
}

// edit confines the run paths of TensorFlow's own libraries, strips them if
// asked, and enters their new sizes and sums. NVIDIA's libraries stay as they
// came: their licence lets them be handed on so.
func (o Options) edit(ctx context.Context, staging string, files []File, strip bool) error {
	for i, f := range files {
		if !slices.Contains(libraries, f.Path) {
			continue
		}
		path := filepath.Join(staging, f.Path)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := confineFile(path); err != nil {
			return err
		}
		if strip {
			if err := o.strip(ctx, staging, f.Path); err != nil {
				return err
			}
		}
		var err error
		if files[i].SHA256, files[i].Bytes, err = hashFile(path); err != nil {
			return fmt.Errorf("libtf: edit: %w", err)
		}
		if err := syncFile(path); err != nil {
			return fmt.Errorf("libtf: edit: %w", err)
		}
	}
	return nil
}

// strip takes out of a library what neither linking with the C API nor running
// needs, and settles its symbols.
func (o Options) strip(ctx context.Context, staging, library string) error {
	cmd := exec.CommandContext(ctx, "strip", "--strip-unneeded", filepath.Join(staging, library))
	if out, err := cmd.CombinedOutput(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return fmt.Errorf("libtf: strip %s: %w: %s", library, err, bytes.TrimSpace(out))
	}
	return o.settle(staging, library)
}

// settle binds a library's own symbols and shortens their names, so that programs
// start in less time: of all but those that the libraries around it have or
// want, those without C++ in their names, and those that tfcnn looks up. The
// small library's names stay: they are few, and plugins want them.
func (o Options) settle(staging, library string) error {
	others := map[string]bool{}
	for _, name := range systemLibraries {
		path, err := findLibrary(name)
		if err == nil {
			err = addSymbols(others, path)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{smallLibrary, largeLibrary} {
		if name == library {
			continue
		}
		if err := addSymbols(others, filepath.Join(staging, name)); err != nil {
			return err
		}
	}
	keep := func(name string) bool {
		return others[name] || !strings.HasPrefix(name, "_Z") || slices.ContainsFunc(lookedUp, func(part string) bool { return strings.Contains(name, part) })
	}
	path := filepath.Join(staging, library)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("libtf: strip: %w", err)
	}
	_, err = elf.BindOwn(text, keep)
	if err == nil && library == largeLibrary {
		text, err = elf.ShortenNames(text, keep)
	}
	if err != nil {
		return fmt.Errorf("libtf: strip: %s %w", filepath.Base(library), err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("libtf: strip: %w", err)
	}
	return nil
}

// lookedUp are parts of the names that internal/capi asks for at run time.
var lookedUp = []string{"IsMKLEnabled", "OpDeterminism", "SetMinLogLevel", "IsGoogleCudaEnabled", "tensor_float_32", "DsoLoader", "use_global_threadpool_"}

// systemLibraries are those of the system that TensorFlow's need.
var systemLibraries = []string{"libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libc.so.6"}

// findLibrary looks for a library where Linux has its system's.
func findLibrary(name string) (string, error) {
	for _, folder := range []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", environmentErrorf("no %s among the system's libraries, which stripping reads and TensorFlow needs; install it (Debian: apt-get install libstdc++6), %s", name, orKeep)
}

// addSymbols adds the names of a library's dynamic symbols.
func addSymbols(names map[string]bool, library string) error {
	symbols, err := elf.Symbols(library)
	if err != nil {
		return fmt.Errorf("libtf: strip: %s: %w", library, err)
	}
	for _, name := range symbols {
		names[name] = true
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
