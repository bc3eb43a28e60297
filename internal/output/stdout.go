package output

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Stdout is a writer that remembers its first error, so that a command whose
// printing nobody checks cannot end as if its results had been printed. It
// writes nothing after an error. It may be used from many goroutines.
type Stdout struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewStdout wraps standard output, or what a test has in its place.
func NewStdout(w io.Writer) *Stdout { return &Stdout{w: w} }

func (s *Stdout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if err != nil {
		s.err = failed("stdout", err)
	}
	return n, s.err
}

// Close closes the writer where it can be closed: some file systems tell only
// then that a disk is full. It returns the first error of all.
func (s *Stdout) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, can := s.w.(io.Closer); can {
		if err := c.Close(); s.err == nil && err != nil {
			s.err = failed("stdout", err)
		}
	}
	return s.err
}

// ownStdout is the descriptor that OwnStdout has made; 0: descriptor 1 is still
// standard output.
var ownStdout atomic.Int64

// OwnStdout returns a file of this process's own for what file descriptor 1 leads
// to, and lets descriptor 1 lead to standard error: what libraries print to
// standard output (oneDNN, where ONEDNN_VERBOSE asks it to) does not mix with the
// results of a command, which go to the file. An output that names descriptor 1,
// as /dev/stdout does, goes where the file goes.
func OwnStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, failed("stdout", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		unix.Close(fd)
		return nil, failed("stdout", err)
	}
	ownStdout.Store(int64(fd))
	return os.NewFile(uintptr(fd), os.Stdout.Name()), nil
}

// ClosedPipe reports whether an error is that of a pipe whose reader has gone,
// as head goes.
func ClosedPipe(err error) bool { return errors.Is(err, unix.EPIPE) }
