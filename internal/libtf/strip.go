package libtf

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// strip takes out of TensorFlow's own libraries what neither linking with the
// C API nor running needs, and enters their new sizes and sums. NVIDIA's are
// left as they came: their licence lets them be handed on so.
func (o Options) strip(ctx context.Context, staging string, files []File) error {
	for i, f := range files {
		if !slices.Contains(libraries, f.Path) {
			continue
		}
		path := filepath.Join(staging, f.Path)
		cmd := exec.CommandContext(ctx, "strip", "--strip-unneeded", path)
		if out, err := cmd.CombinedOutput(); ctx.Err() != nil {
			return ctx.Err()
		} else if errors.Is(err, exec.ErrNotFound) {
			return lacking("no strip on PATH; install it (Debian: apt-get install binutils), or leave -strip out")
		} else if err != nil {
			return fmt.Errorf("libtf: strip %s: %w: %s", f.Path, err, bytes.TrimSpace(out))
		}
		if err := o.edit(staging, f.Path); err != nil {
			return err
		}
		var err error
		if files[i].SHA256, files[i].Bytes, err = hashFile(path); err != nil {
			return fmt.Errorf("libtf: strip: %w", err)
		}
		if err := syncFile(path); err != nil {
			return fmt.Errorf("libtf: strip: %w", err)
		}
	}
	return nil
}

// edit binds a library's own symbols and shortens their names, so that programs
// start in less time: of all but those that the libraries around it have or
// want, those without C++ in their names, and those that tfcnn looks up. The
// small library's names stay: they are few, and plugins want them.
func (o Options) edit(staging, library string) error {
	others := map[string]bool{}
	for _, name := range []string{smallLibrary, largeLibrary, "libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libc.so.6"} {
		switch name {
		case library:
			continue
		case smallLibrary, largeLibrary:
			name = filepath.Join(staging, name)
		}
		if err := addSymbols(others, name); err != nil {
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
	_, err = bindOwn(text, keep)
	if err == nil && library == largeLibrary {
		text, err = shortenNames(text, keep)
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
var lookedUp = []string{"IsMKLEnabled", "SetMinLogLevel", "IsGoogleCudaEnabled", "tensor_float_32", "DsoLoader"}

// addSymbols adds the names of a library's dynamic symbols. A name without a
// folder is looked for where Linux has its system's libraries.
func addSymbols(names map[string]bool, library string) error {
	candidates := []string{library}
	if !strings.Contains(library, "/") {
		candidates = nil
		for _, folder := range []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"} {
			candidates = append(candidates, filepath.Join(folder, library))
		}
	}
	i := slices.IndexFunc(candidates, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if i < 0 {
		return lacking("no %s among the system's libraries, which -strip reads; install it (Debian: apt-get install libstdc++6), or leave -strip out", library)
	}
	file, err := elf.Open(candidates[i])
	if err != nil {
		return fmt.Errorf("libtf: strip: %s: %w", candidates[i], err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("libtf: strip: %s: %w", candidates[i], err)
	}
	for _, s := range symbols {
		names[s.Name] = true
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
