package libtf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The run paths of the wheel's libraries begin with folders of the build
// machine, as $ORIGIN/../../_solib_x86_64/…: below the prefix's parent, where
// another user may write. The dynamic linker looks there first for every
// library, libc among them. confine leaves $ORIGIN and the folders of NVIDIA's
// libraries in the prefix.

// nvidiaFolder matches a run path's entry that leads to a companion's folder:
// companionMembers keeps the wheel's nvidia/NAME/lib.
var nvidiaFolder = regexp.MustCompile(`^\$ORIGIN/\.\./nvidia/[A-Za-z0-9_]+/lib$`)

// confinedPath returns $ORIGIN and, of a run path's entries, the folders of
// NVIDIA's libraries, each once and in their order.
func confinedPath(runPath string) string {
	entries := []string{"$ORIGIN"}
	for entry := range strings.SplitSeq(runPath, ":") {
		if nvidiaFolder.MatchString(entry) && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	return strings.Join(entries, ":")
}

// confine writes the confined run path over a library's own, in place: no byte
// moves. It reports whether the library changed; one without a run path does not.
func confine(library []byte) (changed bool, err error) {
	defer recoverDamage(&err)
	s, err := openDynamic(library)
	if err != nil || s.names == nil {
		return false, err
	}
	text, err := s.view(s.names)
	if err != nil {
		return false, err
	}
	err = s.eachDynamic(func(tag elf.DynTag, value []byte) error {
		if tag != elf.DT_RUNPATH && tag != elf.DT_RPATH {
			return nil
		}
		at := order.Uint32(value)
		old, err := s.name(at)
		if err != nil {
			return err
		}
		confined := confinedPath(old)
		if confined == old {
			return nil
		}
		if len(confined) > len(old) {
			return fmt.Errorf("has the run path %q, too short for %q", old, confined)
		}
		if err := s.readBy(at, len(old)); err != nil {
			return err
		}
		place := text[at:][:len(old)]
		clear(place[copy(place, confined):])
		changed = true
		return nil
	})
	return changed, err
}

// readBy refuses to let the name at an offset be changed where another
// reference reads it too: linkers let a name that ends another one share its
// bytes.
func (s *shared) readBy(at uint32, length int) error {
	text, err := s.view(s.names)
	if err != nil {
		return err
	}
	first, end := bytes.LastIndexByte(text[:at], 0)+1, int(at)+length
	readers := 0
	count := func(place []byte) error {
		if name := int(order.Uint32(place)); first <= name && name < end {
			readers++
		}
		return nil
	}
	if err := s.eachName(count); err != nil {
		return err
	}
	for entry := s.table; len(entry) >= symbolSize; entry = entry[symbolSize:] {
		if err := count(entry); err != nil {
			return err
		}
	}
	if readers != 1 {
		return fmt.Errorf("has a run path whose text %d references read, want 1", readers)
	}
	return nil
}

// confineFile confines a library's file.
func confineFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("libtf: run path: %w", err)
	}
	changed, err := confine(text)
	if err != nil {
		return fmt.Errorf("libtf: run path: %s %w", filepath.Base(path), err)
	}
	if !changed {
		return nil
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("libtf: run path: %w", err)
	}
	return nil
}

// Outside lists the run path entries, as FILE: ENTRY, with which a shared
// library below the prefix has the dynamic linker look outside the prefix.
func Outside(prefix string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(prefix, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !strings.Contains(entry.Name(), ".so") {
			return err
		}
		name, err := filepath.Rel(prefix, file)
		if err != nil {
			return err
		}
		some, err := outside(prefix, name)
		list = append(list, some...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("libtf: run path: %w", err)
	}
	return list, nil
}

// outside is Outside for one library. A file that is no ELF file, as a linker
// script, has no entry.
func outside(prefix, name string) (list []string, err error) {
	library, err := elf.Open(filepath.Join(prefix, name))
	if damaged := (*elf.FormatError)(nil); errors.As(err, &damaged) || errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer library.Close()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, err := library.DynString(tag)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for entry := range strings.SplitSeq(strings.Join(paths, ":"), ":") {
			if leaves(path.Dir(filepath.ToSlash(name)), entry) {
				list = append(list, name+": "+entry)
			}
		}
	}
	return list, nil
}

// leaves reports whether a run path's entry of a library in a folder of the
// prefix leads outside the prefix. glibc ignores an empty run path.
func leaves(folder, entry string) bool {
	if entry == "" {
		return false
	}
	for _, origin := range []string{"$ORIGIN", "${ORIGIN}"} {
		if below, is := strings.CutPrefix(entry, origin); is && (below == "" || below[0] == '/') {
			return !filepath.IsLocal(path.Join(folder, below))
		}
	}
	return true
}
