package libtf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// install moves the staged files to their names, the stamp last. When it fails
// everything is put back as it was.
func (o Options) install(staging string, stamp Stamp) (err error) {
	prefix := o.Prefix
	var undo []func()
	defer func() {
		if err != nil {
			for _, step := range slices.Backward(undo) {
				step()
			}
		}
	}()
	text, err := json.MarshalIndent(stamp, "", "  ")
	if err != nil {
		return fmt.Errorf("libtf: stamp: %w", err)
	}
	if _, err := (Options{}).writeFile(staging, stampName, strings.NewReader(string(text)+"\n")); err != nil {
		return fmt.Errorf("libtf: stamp: %w", err)
	}
	before := filepath.Join(staging, "before")
	put := func(name string) error {
		to, old := filepath.Join(prefix, name), filepath.Join(before, name)
		made, err := makePrefix(filepath.Dir(to))
		if err != nil {
			return notWritable(prefix, err)
		}
		undo = append(undo, func() { removeEmpty(made) })
		if info, err := os.Lstat(to); err == nil {
			if info.IsDir() {
				return isFolder(to)
			}
			if err := keep(to, old); err != nil {
				return fmt.Errorf("libtf: install: keep the old %s: %w", name, err)
			}
			undo = append(undo, func() { os.Rename(old, to) })
		} else {
			undo = append(undo, func() { os.Remove(to) })
		}
		if err := os.Rename(filepath.Join(staging, name), to); err != nil {
			return fmt.Errorf("libtf: install: %w", err)
		}
		if o.placed != nil {
			o.placed(name)
		}
		return nil
	}

	// An old stamp must not vouch for a mixture of old and new files.
	toStamp, oldStamp := filepath.Join(prefix, stampName), filepath.Join(staging, "old-stamp")
	if info, err := os.Lstat(toStamp); err == nil && info.IsDir() {
		return isFolder(toStamp)
	}
	switch err := os.Rename(toStamp, oldStamp); {
	case err == nil:
		undo = append(undo, func() { os.Rename(oldStamp, toStamp) })
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("libtf: install: %w", err)
	}
	// The linker script comes first: by it refuseForeign knows what a killed
	// run has left for ours.
	names := []string{linkerScriptName}
	for _, f := range stamp.Files {
		if f.Path != linkerScriptName {
			names = append(names, f.Path)
		}
	}
	folders := map[string]bool{}
	for _, name := range names {
		if err := put(name); err != nil {
			return err
		}
		folders[filepath.Join(prefix, filepath.Dir(name))] = true
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	if err := put(stampName); err != nil {
		return err
	}
	return syncFolder(filepath.Join(prefix, filepath.Dir(stampName)))
}

func isFolder(path string) error {
	return fmt.Errorf("libtf: install: %s is a folder, want a file; move it away", path)
}

// keep saves a file, without a moment in which it is not in its place where
// the file system can.
func keep(path, kept string) error {
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	if os.Link(path, kept) == nil {
		return nil
	}
	return os.Rename(path, kept)
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("libtf: install: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("libtf: install: %w", err)
	}
	return nil
}
