package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// target is the file that a path leads to, with all symbolic links followed.
type target struct {
	path       string      // as the caller named it
	dir, base  string      // the real folder, and the name in it
	info       fs.FileInfo // nil where no file has the name
	descriptor int         // an open descriptor of this process, or -1
	opened     bool        // the target is an open descriptor of a process
}

// descriptors is the folder where Linux lists a process's open descriptors.
var descriptors = regexp.MustCompile(`^/proc/([0-9]+)(/task/[0-9]+)?/fd$`)

const mostLinks = 40 // as Linux

// resolve returns the target of path. A dangling link leads to the file that opening
// the link would make.
func resolve(path string) (target, error) {
	t := target{path: path, descriptor: -1}
	if path == "" || strings.HasSuffix(path, "/") {
		return t, fmt.Errorf("got the path %q, want a file", path)
	}
	at := path
	for range mostLinks {
		folder, base := filepath.Split(at)
		var err error
		if t.dir, err = absolute(folder); err != nil {
			return t, err
		}
		t.base = base
		at = filepath.Join(t.dir, base)
		if owner := descriptors.FindStringSubmatch(t.dir); owner != nil {
			return t.open(owner[1])
		}
		t.info, err = os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return t, nil
		}
		if err != nil {
			return t, err
		}
		if t.info.Mode()&fs.ModeSymlink == 0 {
			return t, t.kind()
		}
		// The kernel may forbid a link that another user left in a folder
		// that all may write to (fs.protected_symlinks).
		if _, err := os.Stat(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return t, err
		}
		link, err := os.Readlink(at)
		if err != nil {
			return t, err
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(t.dir, link)
		}
		at = link
	}
	return t, unix.ELOOP
}

// open makes the target an open descriptor, as /dev/stdout is one.
func (t target) open(process string) (target, error) {
	t.opened = true
	own := process == strconv.Itoa(os.Getpid())
	if fd := ownStdout.Load(); own && t.base == "1" && fd > 0 {
		t.base = strconv.FormatInt(fd, 10)
	}
	var err error
	if t.info, err = os.Stat(filepath.Join(t.dir, t.base)); err != nil {
		return t, err
	}
	if own {
		if t.descriptor, err = strconv.Atoi(t.base); err != nil {
			return t, err
		}
	}
	switch {
	case t.info.IsDir():
		return t, unix.EISDIR
	case t.descriptor < 0 && t.info.Mode().IsRegular():
		return t, errors.New("got a regular file that another process has open, want its path")
	}
	return t, nil
}

// kind returns an error unless the file can be an output.
func (t target) kind() error {
	switch mode := t.info.Mode(); {
	case mode.IsDir():
		return errors.New("a folder of that name is in the way")
	case mode.IsRegular(), mode&fs.ModeNamedPipe != 0, mode&fs.ModeCharDevice != 0:
		return nil
	case mode&fs.ModeSocket != 0:
		return errors.New("got a socket, want a regular file, a FIFO or a character device")
	case mode&fs.ModeDevice != 0:
		return errors.New("got a block device, want a regular file, a FIFO or a character device")
	}
	return errors.New("got a file of an unknown kind, want a regular file, a FIFO or a character device")
}

// special reports whether the target is written to instead of replaced.
func (t target) special() bool { return t.opened || t.info != nil && !t.info.Mode().IsRegular() }

// writable returns an error where neither writing nor replacing can work.
func (t target) writable() error {
	if t.opened {
		return nil
	}
	if t.info != nil {
		if err := unix.Access(filepath.Join(t.dir, t.base), unix.W_OK); err != nil {
			return err
		}
	}
	if t.special() {
		return nil
	}
	if err := unix.Access(t.dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("folder %s: %w", t.dir, err)
	}
	return nil
}

// identity returns equal strings for targets that are one file. Two hard links of a
// regular file are two targets, since Commit replaces each of them.
func (t target) identity() string {
	if t.special() {
		return fmt.Sprint(inodeOf(t.info))
	}
	return filepath.Join(t.dir, t.base)
}

// inode identifies a file.
type inode struct{ device, number uint64 }

func inodeOf(info fs.FileInfo) inode {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return inode{}
	}
	return inode{uint64(stat.Dev), stat.Ino}
}

// copyFrom writes content to a special file. Opening a FIFO waits for a reader,
// writing for its pace; both end with ctx, and leave a goroutine until then.
func (t target) copyFrom(ctx context.Context, content io.Reader) error {
	done := make(chan error, 1)
	go func() {
		file, err := t.forWriting()
		if err != nil {
			done <- err
			return
		}
		_, err = io.Copy(file, content)
		done <- firstError(err, file.Close())
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forWriting opens a special file. A descriptor of this process is duplicated,
// so that content goes to where the descriptor stands and appends if it does.
func (t target) forWriting() (*os.File, error) {
	if t.descriptor >= 0 {
		fd, err := unix.FcntlInt(uintptr(t.descriptor), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), t.path), nil
	}
	file, err := os.OpenFile(filepath.Join(t.dir, t.base), os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	// A regular file may have taken the name meanwhile.
	if info, err := file.Stat(); err != nil || !os.SameFile(info, t.info) {
		return nil, firstError(err, file.Close(), errors.New("another file has taken the name"))
	}
	return file, nil
}
