package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const lockName = ".cnndemo-lock"

// lockWait is how long a folder's lock is waited for. It is held while a
// staging folder is made and while files are renamed.
var lockWait = time.Minute

// lockFolder takes the folder's lock, which ends with the process. The
// lock's file is there as long as the lock is held.
func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	path := filepath.Join(folder, lockName)
	limit := time.Now().Add(lockWait)
	for {
		file, err := openLock(path)
		if errors.Is(err, fs.ErrExist) {
			continue // made or removed by another at the same time
		}
		if err != nil {
			return nil, err
		}
		err = tryLock(file)
		if err == nil && named(file) {
			return func() {
				os.Remove(path) // while it is held: others see that it has no name
				file.Close()
			}, nil
		}
		file.Close()
		if err == nil {
			continue // the lock of a removed file excludes nobody
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if time.Now().After(limit) {
			return nil, fmt.Errorf("lock: another process has held %s for %v", path, lockWait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// openLock opens the lock's file, or makes it. It follows no link, and opens
// without O_CREATE first: Linux forbids that for other users' files in a
// folder that all may write to (fs.protected_regular).
func openLock(path string) (*os.File, error) {
	file, err := openOwned(path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666)
	}
	return file, err
}

// openOwned opens a file to be locked. NFS wants it open for writing.
func openOwned(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	return file, err
}

// tryLock locks an open file, or returns EWOULDBLOCK where another process
// holds it.
func tryLock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// named reports whether the file's name still leads to it.
func named(file *os.File) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(held, there)
}
