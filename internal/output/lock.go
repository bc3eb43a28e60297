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

// lockWait is the longest wait for a folder's lock. A process has the lock while it
// makes a staging folder and while it renames files.
var lockWait = time.Minute

// lockFolder locks the folder; the lock ends with the process. The lock's file exists
// as long as the lock.
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
		if err == nil && hasName(file) {
			return func() {
				os.Remove(path) // before the unlock: other processes see that the file has no name
				file.Close()
			}, nil
		}
		file.Close()
		if err == nil {
			continue // the lock of a removed file excludes no other process
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

// openLock opens the lock's file, or makes it. It follows no link. It opens without
// O_CREATE first: Linux forbids O_CREATE for other users' files in a folder that all
// users may write to (fs.protected_regular).
func openLock(path string) (*os.File, error) {
	file, err := openOwned(path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666)
	}
	return file, err
}

// openOwned opens a file for locking. NFS requires a file open for writing.
func openOwned(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	return file, err
}

// tryLock locks an open file, or returns EWOULDBLOCK where another process has locked
// it.
func tryLock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// hasName reports whether the file's name still leads to it.
func hasName(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(open, there)
}
