package output

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Folder is an output folder that a command has claimed, and the files that the command
// writes into it.
type Folder struct {
	set   *Set
	path  string // as the caller named it
	stage *stage
	limit int

	mu      sync.Mutex
	names   []string // of files, in the order in which they get their names
	staged  map[string]bool
	scratch []*os.File
}

// Folder makes the folder where it is missing and claims it: until Close or
// Commit another command's Folder for it fails with ErrClaimed. Staging folders
// of processes that were killed are removed.
func (s *Set) Folder(path string) (*Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var made []string
	const tries = 100
	for try := 1; ; try++ {
		if s.closed {
			return nil, context.Canceled
		}
		more, err := makeFolder(path)
		made = append(more, made...)
		var st *stage
		var folder string
		if err == nil {
			folder, err = absolute(path)
		}
		if err == nil {
			st, err = newStage(s.ctx, folder, true)
		}
		if errors.Is(err, fs.ErrNotExist) && try < tries {
			continue // another command, which had made the folder too, has just removed it
		}
		if err != nil {
			removeEmpty(made)
			return nil, err
		}
		st.made = made
		s.stages = append(s.stages, st)
		f := &Folder{set: s, path: path, stage: st, limit: 255, staged: map[string]bool{}}
		var about unix.Statfs_t
		if unix.Statfs(folder, &about) == nil && about.Namelen > 0 {
			f.limit = min(f.limit, int(about.Namelen))
		}
		s.folders = append(s.folders, f)
		return f, nil
	}
}

// makeFolder makes a folder, and returns the folders that were missing, deepest first.
func makeFolder(path string) (made []string, err error) {
	for folder := filepath.Clean(path); ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		made = append(made, folder)
	}
	err = os.MkdirAll(path, 0o755)
	if link, notLink := os.Readlink(filepath.Clean(path)); err != nil && notLink == nil {
		if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
			err = fmt.Errorf("%s is a link to %s, which is not there, want a folder", path, link)
		}
	}
	return made, err
}

// NameLimit returns the largest number of bytes of a file name in the folder.
func (f *Folder) NameLimit() int { return f.limit }

// Write stages a whole file and forces it to the disk.
func (f *Folder) Write(name string, content func(w io.Writer) error) error {
	return f.Update(name, func(_ *os.File, end io.Writer) error { return content(end) })
}

// Update stages changes to a file: file is open for reading and writing, empty
// the first time; end appends to it, and fails when the set's context ends.
func (f *Folder) Update(name string, content func(file *os.File, end io.Writer) error) error {
	shown := filepath.Join(f.path, name)
	flags, err := f.stageFile(name)
	if err != nil {
		return withPath(shown, err)
	}
	file, err := os.OpenFile(f.stage.path(newName, name), flags, 0o644)
	if err != nil {
		return withPath(shown, err)
	}
	defer file.Close()
	w := bufio.NewWriterSize(interruptible{f.set.ctx, shown, appending{file}}, 1<<16)
	err = content(file, w)
	if err == nil {
		err = firstError(w.Flush(), file.Sync())
	}
	if err != nil {
		return withPath(shown, err)
	}
	return nil
}

// stageFile adds a name, if it is new, and returns the flags for opening the staged
// file. It returns an error where the name is an input's or cannot become a file.
func (f *Folder) stageFile(name string) (flags int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.staged[name] {
		return os.O_RDWR, nil
	}
	t, err := resolve(filepath.Join(f.path, name))
	if err == nil {
		err = t.writable()
	}
	if err == nil {
		err = f.set.distinct(t, map[string]string{})
	}
	if err != nil {
		return 0, err
	}
	f.names = append(f.names, name)
	f.staged[name] = true
	return os.O_RDWR | os.O_CREATE | os.O_EXCL, nil
}

// appending writes at the end of a file.
type appending struct{ file *os.File }

func (a appending) Write(p []byte) (int, error) {
	if _, err := a.file.Seek(0, io.SeekEnd); err != nil {
		return 0, err
	}
	return a.file.Write(p)
}

// Rename renames a staged file.
func (f *Folder) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.Rename(f.stage.path(newName, from), f.stage.path(newName, to)); err != nil {
		return withPath(filepath.Join(f.path, to), err)
	}
	f.names[slices.Index(f.names, from)] = to
	delete(f.staged, from)
	f.staged[to] = true
	return nil
}

// SHA256 returns the checksum of a staged file, in hexadecimal digits.
func (f *Folder) SHA256(name string) (string, error) {
	file, err := os.Open(f.stage.path(newName, name))
	if err != nil {
		return "", withPath(filepath.Join(f.path, name), err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", withPath(filepath.Join(f.path, name), err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Scratch makes a temporary file in the staging folder.
func (f *Folder) Scratch(name string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(f.stage.dir, "scratch-"+name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, withPath(filepath.Join(f.path, name), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scratch = append(f.scratch, file)
	return file, nil
}
