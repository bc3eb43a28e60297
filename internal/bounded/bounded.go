// Package bounded reads whole files up to a limit of bytes. It compares a file's size
// with the limit before it reads; a pipe or a device, which has no size, is read up to
// the limit.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ErrTooLarge is wrapped by the error of a file with more bytes than the limit.
var ErrTooLarge = errors.New("too large")

// ReadFile reads a file of at most most bytes. For a larger file it returns an error
// that wraps ErrTooLarge.
func ReadFile(fsys fs.FS, name string, most int64) (text []byte, err error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file, name, most)
}

// Read reads an open file as ReadFile does; name is for errors.
func Read(file fs.File, name string, most int64) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("%s is %w: it has more than %d bytes", name, ErrTooLarge, most)
	if info.Mode().IsRegular() && info.Size() > most {
		return nil, tooLarge
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = tooLarge
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}
