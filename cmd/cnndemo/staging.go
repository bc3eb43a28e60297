package main

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
	"strings"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
)

// staging is a hidden folder inside the output folder where files are written
// whole before any of them gets its name: a run that fails or is stopped
// leaves nothing behind.
type staging struct {
	ctx      context.Context // of the run; writing ends with it
	out, dir string
	made     []string // folders that were made for out, deepest first
	lock     *flock.Flock
	open     []*os.File // scratch files
	end      func()     // of what is registered as unfinished

	mu    sync.Mutex
	files []string // in the order they were written

	ending sync.Mutex // held by commit and by the removal
	closed bool
}

const (
	stagingPrefix = ".cnndemo-"
	lockName      = "lock" // in the staging folder
)

// newStaging makes the output folder and the staging folder in it, and
// removes those of runs that were killed.
func newStaging(ctx context.Context, out string) (*staging, error) {
	s := &staging{ctx: ctx, out: out, end: func() {}}
	for folder := filepath.Clean(out); ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		s.made = append(s.made, folder)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, unwritable(out, err)
	}
	s.removeAbandoned()
	dir, err := os.MkdirTemp(out, stagingPrefix)
	if err != nil {
		s.close()
		return nil, unwritable(out, err)
	}
	s.dir = dir
	// The lock gets its name when it is held: another run that found it free
	// would take this folder for an abandoned one.
	unnamed := filepath.Join(dir, "locking")
	s.lock = flock.New(unnamed)
	err = s.lock.Lock()
	if err == nil {
		err = os.Rename(unnamed, filepath.Join(dir, lockName))
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("output folder: %w", err)
	}
	s.end = unfinished.begin(s.remove)
	return s, nil
}

// unwritable is the error of an output folder that nothing can be made in. Who
// mounts a folder in a container does not see whom it belongs to there.
func unwritable(out string, err error) error {
	info, statErr := os.Stat(out)
	if !errors.Is(err, fs.ErrPermission) || statErr != nil {
		return fmt.Errorf("output folder cannot be written to: %w", err)
	}
	fix := "choose another with --out"
	if owner, known := info.Sys().(*syscall.Stat_t); known {
		fix = fmt.Sprintf("it belongs to user %d:%d, this is user %d:%d; %s", owner.Uid, owner.Gid, os.Getuid(), os.Getgid(), fix)
		if os.Getenv(imageVariable) != "" {
			fix += fmt.Sprintf(", or run the image with docker run --user %d:%d", owner.Uid, owner.Gid)
		}
	}
	return fmt.Errorf("output folder %s cannot be written to: %s", out, fix)
}

const (
	// imageVariable is set in our images.
	imageVariable = "TFCNN_IMAGE_VARIANT"
	// unmountedVariable names a folder of the image that the launcher found to
	// be its own, so that what is written there goes with the container.
	unmountedVariable = "TFCNN_UNMOUNTED"
)

// withContainer is a note for files that go with the container.
func withContainer(out string) string {
	absolute, err := filepath.Abs(out)
	if err != nil || absolute != os.Getenv(unmountedVariable) {
		return ""
	}
	return fmt.Sprintf("no folder is mounted at %s, so that the files go with the container; docker run -v \"$PWD/out:%s\" keeps them", absolute, absolute)
}

// removeAbandoned removes staging folders that no process holds.
func (s *staging) removeAbandoned() {
	old, _ := filepath.Glob(filepath.Join(s.out, stagingPrefix+"*"))
	for _, dir := range old {
		lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDWR))
		if held, err := lock.TryLock(); err == nil && held {
			os.RemoveAll(dir)
			lock.Unlock()
		}
	}
}

// write writes a whole file and forces it to the disk.
func (s *staging) write(name string, content func(w io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(interruptible{s.ctx, f}, 1<<16)
	if err := content(w); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	s.note(name)
	return f.Close()
}

// interruptible is a writer that fails when the run is over.
type interruptible struct {
	ctx context.Context
	w   io.Writer
}

func (i interruptible) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.w.Write(p)
}

// scratch makes a file that gets no name and goes with the staging folder.
func (s *staging) scratch(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	s.open = append(s.open, f)
	return f, nil
}

func (s *staging) note(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(s.files, name)
}

// rename gives a staged file another name.
func (s *staging) rename(from, to string) error {
	if err := os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, name := range s.files {
		if name == from {
			s.files[i] = to
		}
	}
	return nil
}

// hash is the sha256 of a staged file.
func (s *staging) hash(name string) (string, error) {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// commit gives all files their names, the last one written last.
func (s *staging) commit() error {
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.closed {
		return context.Canceled
	}
	// What would stop a renaming is looked for before the first, so that
	// the files of two runs are not mixed.
	for _, name := range s.files {
		if info, err := os.Lstat(filepath.Join(s.out, name)); err == nil && info.IsDir() {
			return fmt.Errorf("write %s: a folder of that name is in the way", filepath.Join(s.out, name))
		}
	}
	for _, name := range s.files {
		if err := os.Rename(filepath.Join(s.dir, name), filepath.Join(s.out, name)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	s.made = nil
	unfinished.wrote(s.out)
	f, err := os.Open(s.out)
	if err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	return nil
}

// close removes what was not committed.
func (s *staging) close() {
	for _, f := range s.open {
		f.Close()
	}
	s.remove()
	s.end()
}

// remove takes the staging folder away, and after it the folders that were made
// for it. Of a command that is still writing it removes what comes behind it.
func (s *staging) remove() {
	s.ending.Lock()
	defer s.ending.Unlock()
	s.closed = true
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
	if s.lock != nil {
		s.lock.Unlock()
	}
	for _, folder := range s.made {
		os.Remove(folder) // only where it is empty
	}
}

// names hands out file names, none twice.
type names map[string]int

// unique is the picture's name without folder and ending, numbered where it
// was given before.
func (n names) unique(picture string) string {
	base := filepath.Base(picture)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if base == "" || strings.HasPrefix(base, ".") {
		base = "picture" + base
	}
	return n.number(base)
}

// number is the name, numbered where it was given before.
func (n names) number(name string) string {
	for {
		n[name]++
		if n[name] == 1 {
			return name
		}
		name = fmt.Sprint(name, "-", n[name])
	}
}
