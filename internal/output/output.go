// Package output writes the results of a command: into regular files, which
// are replaced whole and together or not at all, and into special files (a
// FIFO, a character device, an open descriptor), which are written to.
//
//	set := output.New(ctx)
//	defer set.Close() // what was not committed leaves nothing
//	page, err := set.File("report.html") // checked before the work
//	…
//	err = page.Write(func(w io.Writer) error { … })
//	err = set.Commit()
//
// New content is staged in a hidden folder, .cnndemo-N, of the folder that the
// file is in. Commit keeps a hard link to each old file, renames all staged
// files to their names, and undoes the renames when one fails. A process that
// is killed during Commit leaves its staging folder and a journal in it; the
// next command that writes into the folder undoes what the journal lists.
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

// ErrSameFile is in the error of an output that another output of the command,
// or one of its inputs, names too.
var ErrSameFile = errors.New("same file")

// Set is the outputs of one command. Its methods, File's and Folder's may be
// called from many goroutines, Commit and Close after all others.
type Set struct {
	ctx context.Context

	rename, link func(from, to string) error // os.Rename and os.Link; tests make them fail

	mu      sync.Mutex
	stages  []*stage
	files   []*File
	folders []*Folder
	inputs  []input
	claimed []target // by File
}

// input is a file that the command reads.
type input struct {
	path string
	info fs.FileInfo
}

// New makes an empty set. Writing ends when ctx does.
func New(ctx context.Context) *Set {
	return &Set{ctx: ctx, rename: os.Rename, link: os.Link}
}

// Keep registers files that the command reads: an output that is one of them
// is refused with ErrSameFile. A path that cannot be looked up is left out.
func (s *Set) Keep(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			s.inputs = append(s.inputs, input{path, info})
		}
	}
}

// File adds an output at path. It creates nothing; it returns an error for
// what Commit would refuse: a folder, socket or block device of that name, a
// parent that is missing or not writable, a file that is write-protected or
// that the set has already.
func (s *Set) File(path string) (*File, error) {
	t, err := resolve(path)
	if err == nil {
		err = t.writable()
	}
	if err != nil {
		return nil, failed(path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.distinct(t, s.claimed); err != nil {
		return nil, failed(path, err)
	}
	s.claimed = append(s.claimed, t)
	f := &File{set: s, path: path}
	s.files = append(s.files, f)
	return f, nil
}

// distinct reports an output that is an input, or one of others.
func (s *Set) distinct(t target, others []target) error {
	for _, other := range others {
		if t.same(other) {
			return fmt.Errorf("%w as the output %s", ErrSameFile, other.path)
		}
	}
	for _, in := range s.inputs {
		if t.info != nil && os.SameFile(t.info, in.info) {
			return fmt.Errorf("%w as the input %s", ErrSameFile, in.path)
		}
	}
	return nil
}

// failed names the output in an error.
func failed(path string, err error) error {
	switch cause := err.(type) {
	case *fs.PathError: // which may name a file in the staging folder
		err = cause.Err
	case *os.LinkError:
		err = cause.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// first is the first error of a few, without the text of the others.
func first(errs ...error) error {
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
	file   *os.File
	buffer *bufio.Writer
}

// Write stages the whole content of the file. A file that is never written to
// is no part of Commit.
func (f *File) Write(content func(io.Writer) error) error {
	w, err := f.Writer()
	if err == nil {
		err = content(w)
	}
	if err == nil {
		err = f.finish()
	}
	if err != nil && f.set.ctx.Err() == nil {
		return failed(f.path, err)
	}
	return err
}

// Writer stages what is written to it until Commit. It fails when the set's
// context ends.
func (f *File) Writer() (io.Writer, error) {
	if f.buffer != nil {
		return f.buffer, nil
	}
	t, err := resolve(f.path)
	if err != nil {
		return nil, failed(f.path, err)
	}
	if t.special() {
		f.memory = &bytes.Buffer{}
		f.buffer = bufio.NewWriter(f.memory)
		return f.buffer, nil
	}
	stage, err := f.set.stageIn(t.dir)
	if err == nil {
		f.stage, f.name = stage, t.base
		f.file, err = stage.create(t.base)
	}
	if err != nil {
		return nil, failed(f.path, err)
	}
	f.buffer = bufio.NewWriterSize(interruptible{f.set.ctx, f.file}, 1<<16)
	return f.buffer, nil
}

// finish brings what was written to the disk.
func (f *File) finish() error {
	if f.buffer == nil {
		return nil
	}
	err := f.buffer.Flush()
	if f.file == nil {
		return err
	}
	if err == nil {
		err = f.file.Sync()
	}
	err = first(err, f.file.Close())
	f.file = nil
	return err
}

// interruptible is a writer that fails when ctx ends.
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

// stageIn is the set's staging folder in a folder, made where there is none.
func (s *Set) stageIn(folder string) (*stage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.IndexFunc(s.stages, func(st *stage) bool { return st.folder == folder }); at >= 0 {
		return s.stages[at], nil
	}
	st, err := newStage(s.ctx, folder, false)
	if err != nil {
		return nil, err
	}
	s.stages = append(s.stages, st)
	return st, nil
}

// Close removes what was not committed, and the folders that were made for it.
func (s *Set) Close() {
	for _, f := range s.files {
		if f.file != nil {
			f.file.Close()
		}
	}
	s.drop()
}

// drop takes the staging folders away.
func (s *Set) drop() {
	for _, f := range s.folders {
		for _, file := range f.scratch {
			file.Close()
		}
	}
	for _, st := range s.stages {
		st.remove()
	}
	s.stages, s.files, s.folders = nil, nil, nil
}

// absolute is the real path of a folder.
func absolute(folder string) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
