package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The most bytes that are read of an input file of each kind: more than any
// such file needs. A larger file is of another kind, and is not read into
// memory.
const (
	maxNetworkFile = 16 << 20
	maxFilterFile  = 256 << 20
	maxImageFile   = 1 << 30
)

// openInput opens a file that a command reads: a regular file, or a pipe, which
// is the form of a shell's <(…). Folders, devices and sockets are errors. The
// length is −1 where it is not known before the end.
//
// Every file that a command line names is opened here, but a baseline, which is
// read record by record. Opening or reading a pipe
// may wait for ever; supervise ends the process then.
func openInput(path string) (file *os.File, length int64, err error) {
	// Opening a device may act on it.
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.Unwrap(err)}
	}
	length = -1
	switch kind := info.Mode().Type(); {
	case kind == 0:
		length = info.Size()
	case kind == fs.ModeDir:
		return nil, 0, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case kind == fs.ModeNamedPipe:
	default:
		return nil, 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a device or a socket, want a file or a pipe")}
	}
	file, err = os.Open(path)
	return file, length, err
}

// readInput reads the whole of an input file of at most so many bytes.
func readInput(path string, most int64) ([]byte, error) {
	file, length, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readOpened(file, length, most)
}

func readOpened(file *os.File, length, most int64) ([]byte, error) {
	tooLong := func(format string, sizes ...any) error {
		return &fs.PathError{Op: "read", Path: file.Name(), Err: fmt.Errorf(format, sizes...)}
	}
	if length > most {
		return nil, tooLong("has %s, at most %s are read", size(length), size(most))
	}
	var text bytes.Buffer
	text.Grow(int(max(0, length)) + bytes.MinRead)
	// A file that grows, or one of /proc, has more bytes than its size says.
	n, err := text.ReadFrom(io.LimitReader(file, most+1))
	if err == nil && n > most {
		err = tooLong("has more than %s, the most that is read", size(most))
	}
	return text.Bytes(), err
}

// openRandomAccess opens an input file that is not read from front to back. Of
// a pipe at most so many bytes are read, into memory.
func openRandomAccess(path string, most int64) (content io.ReaderAt, length int64, done func() error, err error) {
	file, length, err := openInput(path)
	if err != nil {
		return nil, 0, nil, err
	}
	if length >= 0 {
		return file, length, file.Close, nil
	}
	defer file.Close()
	text, err := readOpened(file, length, most)
	return bytes.NewReader(text), int64(len(text)), func() error { return nil }, err
}

// inputFolder is a folder as package proof reads it, each file by openInput.
// (os.DirFS refuses names that are no UTF-8.)
type inputFolder string

func (f inputFolder) path(name string) string { return filepath.Join(string(f), name) }

func (f inputFolder) Open(name string) (fs.File, error) {
	file, _, err := openInput(f.path(name))
	if err != nil {
		return nil, err // not a File that is nil
	}
	return file, nil
}
func (f inputFolder) Stat(name string) (fs.FileInfo, error)      { return os.Stat(f.path(name)) }
func (f inputFolder) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(f.path(name)) }
