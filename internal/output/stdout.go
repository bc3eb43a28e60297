package output

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Stdout is a writer that keeps its first error, so that a command which does not check
// each print still ends with the error. It writes nothing after an error. Many
// goroutines may use it.
type Stdout struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewStdout wraps standard output, or a test's writer.
func NewStdout(w io.Writer) *Stdout { return &Stdout{w: w} }

func (s *Stdout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if err != nil {
		s.err = withPath("stdout", err)
	}
	return n, s.err
}

// Close closes the writer if it is an io.Closer, since some file systems report a full
// disk only then. It returns the first error of all writes and the close.
func (s *Stdout) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, can := s.w.(io.Closer); can {
		if err := c.Close(); s.err == nil && err != nil {
			s.err = withPath("stdout", err)
		}
	}
	return s.err
}

// ownStdout is the descriptor that OwnStdout has made, or 0 while descriptor 1 is
// standard output.
var ownStdout atomic.Int64

// OwnStdout duplicates file descriptor 1 into the file that it returns, and redirects
// descriptor 1 to standard error. A command writes its results to the file; lines that
// libraries print to standard output (oneDNN, with ONEDNN_VERBOSE) go to standard
// error. An output that names descriptor 1, as /dev/stdout does, writes to the file.
func OwnStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, withPath("stdout", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		unix.Close(fd)
		return nil, withPath("stdout", err)
	}
	ownStdout.Store(int64(fd))
	return os.NewFile(uintptr(fd), os.Stdout.Name()), nil
}

// ClosedPipe reports whether an error is that of a pipe whose reader has ended, as head
// does.
func ClosedPipe(err error) bool { return errors.Is(err, unix.EPIPE) }
