package libtf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const lockName = ".libtensorflow-lock"

var lockRetry = 100 * time.Millisecond // shorter in a test

// acquire makes the prefix where it is missing and locks it, waiting for who
// has it. The release takes away the lock's file, and after a failure the
// folders that were made for nothing. The lock is the kernel's: it ends with
// the process, however that ends.
func acquire(ctx context.Context, prefix string, log io.Writer) (release func(failed bool), err error) {
	var made []string
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	told, gone := false, 0
	for ctx.Err() == nil {
		// In the loop, since who had the lock may have taken the folder away.
		var file *os.File
		more, err := makePrefix(prefix)
		made = append(more, made...)
		if err == nil {
			file, err = os.OpenFile(filepath.Join(prefix, lockName), os.O_RDONLY|os.O_CREATE, 0o644)
		}
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)) && gone < 1000 {
			// Under our hands, or between mkdir's refusal and a look at what is
			// there; a folder that cannot be, as in /proc, says the same.
			gone++
			continue
		}
		if err != nil {
			return nil, notWritable(prefix, err)
		}
		locked, err := tryLock(file)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("libtf: lock %s: %w", file.Name(), err)
		}
		if locked && named(file) {
			return func(failed bool) {
				os.Remove(file.Name())
				file.Close()
				if failed {
					removeEmpty(made)
				}
			}, nil
		}
		file.Close()
		if locked {
			continue // of a file that was removed meanwhile: others lock its successor
		}
		if !told {
			told = true
			fmt.Fprintf(log, "libtf: another installer is at work in %s; waiting for it\n", prefix)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockRetry):
		}
	}
	return nil, ctx.Err()
}

// named reports whether the file's name still leads to it.
func named(file *os.File) bool {
	locked, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(file.Name())
	return err == nil && os.SameFile(locked, there)
}
