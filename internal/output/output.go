// Package output writes the results of a command: into regular files, which
// are replaced whole and together or not at all, and into special files (a
// FIFO, a character device, an open descriptor), which are written to.
//
//	set := output.New(ctx)
//	defer set.Close() // removes outputs that were not committed
//	page, err := set.File("report.html") // checked before the work
//	…
//	err = page.Write(func(w io.Writer) error { … })
//	err = set.Commit()
//
// New content is staged in a hidden folder, .cnndemo-N, in the file's folder. Commit
// makes a hard link to each old file, renames all staged files to their names, and
// undoes the renames when a rename fails. A process that is killed during Commit leaves
// its staging folder with a journal; the next command that writes into the folder
// undoes the renames in the journal.
//
// docs/outputs.md lists the guarantees.
package output

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// ErrSameFile is wrapped by the error of an output that is another output or an input
// of the command.
var ErrSameFile = errors.New("same file")

// Set is the outputs of one command. The methods of Set and Folder may be
// called from many goroutines; those of one File may not. Commit comes after
// all writing; Close may come at any time, and ends a Commit that has not begun
// to rename with context.Canceled.
type Set struct {
	// Wrote, where it is set, is called with the path of each file and folder,
	// as the caller named it, when Commit has written them all.
	Wrote func(path string)

	ctx context.Context

	rename, link func(from, to string) error // os.Rename and os.Link; tests make them fail

	ending sync.Mutex // locked by Close, and by Commit while it renames

	mu      sync.Mutex
	closed  bool
	stages  []*stage
	files   []*File
	folders []*Folder
	inputs  map[inode]string  // their paths
	claimed map[string]string // by File: paths by target
}

// New makes an empty set. Writing ends when ctx does.
func New(ctx context.Context) *Set {
	return &Set{ctx: ctx, rename: os.Rename, link: os.Link, inputs: map[inode]string{}, claimed: map[string]string{}}
}

// AddInputs registers files that the command reads: an output that is one of them
// is refused with ErrSameFile. A path that cannot be looked up is left out.
func (s *Set) AddInputs(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			s.inputs[inodeOf(info)] = path
		}
	}
}

// File adds an output at path. It creates no file. It returns an error where Commit
// would refuse the output: for a folder, socket or block device of that name, a parent
// that is missing or not writable, and a file that is write-protected or in the set
// already.
func (s *Set) File(path string) (*File, error) {
	t, err := resolve(path)
	if err == nil {
		err = t.writable()
	}
	if err != nil {
		return nil, withPath(path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.distinct(t, s.claimed); err != nil {
		return nil, withPath(path, err)
	}
	f := &File{set: s, path: path}
	s.files = append(s.files, f)
	return f, nil
}

// distinct adds a target to others. It returns an error where others has it already, or
// where it is an input.
func (s *Set) distinct(t target, others map[string]string) error {
	if t.info != nil {
		if path, is := s.inputs[inodeOf(t.info)]; is {
			return fmt.Errorf("%w as the input %s", ErrSameFile, path)
		}
	}
	if path, is := others[t.identity()]; is {
		return fmt.Errorf("%w as the output %s", ErrSameFile, path)
	}
	others[t.identity()] = t.path
	return nil
}

// writeError is an error that names its output.
type writeError struct {
	path string
	err  error
}

func (e *writeError) Error() string { return "write " + e.path + ": " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// withPath adds the output's path to an error.
func withPath(path string, err error) error {
	switch cause := err.(type) {
	case *writeError:
		return err
	case *fs.PathError: // which may name a file in the staging folder
		err = cause.Err
	case *os.LinkError:
		err = cause.Err
	}
	return &writeError{path, err}
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// File is one output.
type File struct {
	set    *Set
	path   string // as the caller named it
	stage  *stage // nil until it is written to, and for a special file
	name   string // in the stage
	memory *bytes.Buffer
	buffer *bufio.Writer

	mu   sync.Mutex
	file *os.File
}

// Write stages the whole content of the file. Commit ignores a file that was never
// written to.
func (f *File) Write(content func(io.Writer) error) error {
	w, err := f.Writer()
	if err == nil {
		err = content(w)
	}
	if err == nil {
		err = f.finish()
	}
	if err != nil && f.set.ctx.Err() == nil {
		return withPath(f.path, err)
	}
	return err
}

// Writer returns a writer that stages content until Commit. Its Write fails when the
// set's context ends.
func (f *File) Writer() (io.Writer, error) {
	if f.buffer != nil {
		return f.buffer, nil
	}
	t, err := resolve(f.path)
	if err != nil {
		return nil, withPath(f.path, err)
	}
	if t.special() {
		f.memory = &bytes.Buffer{}
		f.buffer = bufio.NewWriter(f.memory)
		return f.buffer, nil
	}
	stage, err := f.set.stageIn(t.dir)
	var file *os.File
	if err == nil {
		file, err = stage.create(t.base)
	}
	if err != nil {
		return nil, withPath(f.path, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stage, f.name, f.file = stage, t.base, file
	f.buffer = bufio.NewWriterSize(interruptible{f.set.ctx, f.path, file}, 1<<16)
	return f.buffer, nil
}

// finish writes the buffered content to the disk.
func (f *File) finish() error {
	if f.buffer == nil {
		return nil
	}
	err := f.buffer.Flush()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return err
	}
	if err == nil {
		err = f.file.Sync()
	}
	err = firstError(err, f.file.Close())
	f.file = nil
	return err
}

// interruptible is a writer that fails when ctx ends.
type interruptible struct {
	ctx  context.Context
	path string
	w    io.Writer
}

func (i interruptible) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.w.Write(p)
	if err != nil {
		return n, withPath(i.path, err)
	}
	return n, nil
}

// stageIn returns the set's staging folder in a folder; it makes a missing one.
func (s *Set) stageIn(folder string) (*stage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.IndexFunc(s.stages, func(st *stage) bool { return st.folder == folder }); at >= 0 {
		return s.stages[at], nil
	}
	if s.closed {
		return nil, context.Canceled
	}
	st, err := newStage(s.ctx, folder, false)
	if err != nil {
		return nil, err
	}
	s.stages = append(s.stages, st)
	return st, nil
}

// Close removes outputs that were not committed, and the folders that were made for
// them.
func (s *Set) Close() {
	s.ending.Lock()
	defer s.ending.Unlock()
	s.removeStages()
}

// removeStages removes the staging folders.
func (s *Set) removeStages() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, f := range s.files {
		f.mu.Lock()
		if f.file != nil {
			f.file.Close()
		}
		f.mu.Unlock()
	}
	for _, f := range s.folders {
		f.mu.Lock()
		for _, file := range f.scratch {
			file.Close()
		}
		f.mu.Unlock()
	}
	for _, st := range s.stages {
		st.remove()
	}
	s.stages = nil
}

// absolute returns the real path of a folder.
func absolute(folder string) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// SameFile reports whether the output and path lead to one file.
func (f *File) SameFile(path string) bool {
	mine, err := resolve(f.path)
	if err != nil {
		return false
	}
	other, err := resolve(path)
	return err == nil && mine.identity() == other.identity()
}

// Special reports whether the output is written to and not replaced: a FIFO, a
// character device or an open descriptor.
func (f *File) Special() bool {
	t, err := resolve(f.path)
	return err == nil && t.special()
}
