package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// removeAbandoned removes the staging folders in a folder that no process has locked,
// and undoes their renames. With claim it returns ErrClaimed where a running process
// has claimed the folder. The caller has locked the folder.
func removeAbandoned(folder string, claim bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() || !stageNames.MatchString(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // removed meanwhile
		}
		stat, known := info.Sys().(*syscall.Stat_t)
		ours := known && int(stat.Uid) == os.Geteuid()
		if err := removeIfAbandoned(filepath.Join(folder, entry.Name()), ours, claim); err != nil {
			return err
		}
	}
	return nil
}

// removeIfAbandoned removes a folder with the name of a staging folder, where this user
// made it (ours), its owner file has the format of this package, and no process has
// locked that file.
func removeIfAbandoned(dir string, ours, claim bool) error {
	path := filepath.Join(dir, ownerName)
	file, err := openOwned(path)
	if errors.Is(err, fs.ErrNotExist) && ours {
		os.Remove(dir) // empty where its process was killed before it made the owner file; otherwise this fails
	}
	if err != nil {
		return nil
	}
	defer file.Close()
	locked := tryLock(file)
	var by owner
	text, err := io.ReadAll(io.LimitReader(file, 1<<12))
	if err == nil && len(text) == 0 && locked == nil && ours {
		// The process was killed before it wrote the file: the folder has no other file.
		os.Remove(path)
		os.Remove(dir)
		return nil
	}
	if err != nil || json.Unmarshal(text, &by) != nil || by.Format != stageFormat {
		return nil
	}
	if errors.Is(locked, unix.EWOULDBLOCK) && claim && by.Claims {
		return fmt.Errorf("%w: %s", ErrClaimed, by)
	}
	if locked != nil || !ours {
		return nil
	}
	if err := undo(filepath.Dir(dir), dir); err != nil {
		return fmt.Errorf("undo the renames that %s began, kept in %s: %w", by, dir, err)
	}
	return os.RemoveAll(dir)
}

// journal lists the files that a Commit renames.
type journal struct {
	Format string         `json:"format"`
	Files  []fileIdentity `json:"files"`
}

// fileIdentity has the size and time of a new file. A rename and a reboot keep both, so
// that the file is recognised under its name.
type fileIdentity struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds
}

func identify(name string, info fs.FileInfo) fileIdentity {
	return fileIdentity{name, info.Size(), info.ModTime().UnixNano()}
}

// undo undoes the renames in the journal of a staging folder, if there is a journal. A
// file that another one has replaced since stays.
func undo(folder, dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var j journal
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	if err == nil && j.Format != stageFormat {
		err = fmt.Errorf("journal: format %q is not known", j.Format)
	}
	if err != nil {
		return err
	}
	var failures []error
	for _, file := range j.Files {
		if file.Name != filepath.Base(file.Name) {
			failures = append(failures, fmt.Errorf("journal: %q is no file name", file.Name))
			continue
		}
		failures = append(failures, undoOne(filepath.Join(folder, file.Name), filepath.Join(dir, oldName, file.Name), file))
	}
	return errors.Join(append(failures, syncFolder(folder))...)
}

func undoOne(path, old string, file fileIdentity) error {
	info, err := os.Lstat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if !missing && (!info.Mode().IsRegular() || identify(file.Name, info) != file) {
		return nil // not renamed yet, or replaced since
	}
	err = os.Rename(old, path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if missing {
		return nil
	}
	return os.Remove(path) // there was no old one
}

// syncFolder forces a folder's names to the disk.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return firstError(ignoreUnsupported(f.Sync()), f.Close())
}

// ignoreUnsupported drops the error of file systems that cannot sync folders.
func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}
