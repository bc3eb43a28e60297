package libtf

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tfcnn/docker/libtf/elf"
)

// The run paths of the wheel's libraries begin with folders of the build
// machine, as $ORIGIN/../../_solib_x86_64/…: below the prefix's parent, where
// another user may write. The dynamic linker looks there first for every
// library, libc among them. confineFile leaves $ORIGIN and the folders of NVIDIA's
// libraries in the prefix.

// nvidiaFolder matches a run path's entry that leads to a runtime wheel's folder:
// runtimeFiles keeps the wheel's nvidia/NAME/lib.
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

// confineFile confines a library's file.
func confineFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("libtf: run path: %w", err)
	}
	changed, err := elf.SetRunPath(text, confinedPath)
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

// outside is Outside for one library.
func outside(prefix, name string) (list []string, err error) {
	entries, err := elf.RunPath(filepath.Join(prefix, name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, entry := range entries {
		if leaves(path.Dir(filepath.ToSlash(name)), entry) {
			list = append(list, name+": "+entry)
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
