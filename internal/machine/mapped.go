package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MappedFiles returns the paths of the files that this process has mapped into its
// memory, as it does with libraries, and whose names begin with a prefix.
func (m Machine) MappedFiles(prefix string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(m.Root, "/proc/self/maps"))
	if err != nil {
		return nil, fmt.Errorf("machine: mapped files: %w", err)
	}
	var files []string
	for line := range strings.Lines(string(text)) {
		// address, permissions, offset, device, inode, and then the path, which may have
		// spaces.
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := strings.TrimSuffix(line[at:], "\n")
		if !strings.HasPrefix(filepath.Base(path), prefix) || slices.Contains(files, path) {
			continue
		}
		if strings.HasSuffix(path, " (deleted)") {
			return nil, fmt.Errorf("machine: mapped files: %w: %s was deleted or replaced since it was loaded", errReplaced, strings.TrimSuffix(path, " (deleted)"))
		}
		files = append(files, path)
	}
	slices.Sort(files)
	return files, nil
}

var errReplaced = errors.New("no such file any more")
