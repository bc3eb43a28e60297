package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// entry is an output whose content is complete.
type entry struct {
	target
	stage  *stage // nil for content in memory
	name   string // in the stage
	memory []byte
}

// Commit renames all outputs that were written to their names, in the order in which
// they were added, or returns an error and leaves every regular file as it was. Special
// files, whose content cannot be undone, are written first, and not at all where an
// output is refused.
func (s *Set) Commit() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	entries, err := s.entries()
	if err != nil {
		return err
	}
	var regular []entry
	for _, e := range entries {
		if !e.special() {
			regular = append(regular, e)
			continue
		}
		if err := s.writeSpecial(e); err != nil {
			return err
		}
	}
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.closed {
		return context.Canceled
	}
	for i, e := range regular {
		if regular[i], err = s.move(e); err != nil {
			return withPath(e.path, err)
		}
	}
	if err := s.replace(regular); err != nil {
		return err
	}
	for _, st := range s.stages {
		st.made = nil
	}
	s.report()
	s.removeStages()
	return nil
}

// report calls Wrote with every output that Commit has written.
func (s *Set) report() {
	if s.Wrote == nil {
		return
	}
	for _, f := range s.folders {
		s.Wrote(f.path)
	}
	for _, f := range s.files {
		if f.buffer != nil {
			s.Wrote(f.path)
		}
	}
}

// entries lists the outputs that were written, each with the present target of its
// path.
func (s *Set) entries() ([]entry, error) {
	var list []entry
	add := func(path string, e entry) error {
		var err error
		if e.target, err = resolve(path); err != nil {
			return withPath(path, err)
		}
		list = append(list, e)
		return nil
	}
	for _, f := range s.folders {
		for _, name := range f.names {
			if err := add(filepath.Join(f.path, name), entry{stage: f.stage, name: name}); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range s.files {
		if f.buffer == nil {
			continue
		}
		if err := f.finish(); err != nil {
			return nil, withPath(f.path, err)
		}
		e := entry{stage: f.stage, name: f.name}
		if f.memory != nil {
			e.memory = f.memory.Bytes()
		}
		if err := add(f.path, e); err != nil {
			return nil, err
		}
	}
	before := map[string]string{}
	for _, e := range list {
		if err := s.distinct(e.target, before); err != nil {
			return nil, withPath(e.path, err)
		}
	}
	return list, nil
}

// open reads an entry's content.
func (e entry) open() (io.ReadCloser, error) {
	if e.stage == nil {
		return io.NopCloser(bytes.NewReader(e.memory)), nil
	}
	return os.Open(e.stage.path(newName, e.name))
}

func (s *Set) writeSpecial(e entry) error {
	content, err := e.open()
	if err != nil {
		return withPath(e.path, err)
	}
	defer content.Close()
	if err := e.target.copyFrom(s.ctx, content); err != nil {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		return withPath(e.path, err)
	}
	return nil
}

// move copies an entry into a stage of the folder of its target: a link may lead
// elsewhere, and a special file may have become a regular one since it was staged.
func (s *Set) move(e entry) (entry, error) {
	if e.stage != nil && e.stage.folder == e.dir && e.name == e.base {
		return e, nil
	}
	st, err := s.stageIn(e.dir)
	if err != nil {
		return e, err
	}
	content, err := e.open()
	if err != nil {
		return e, err
	}
	defer content.Close()
	file, err := st.create(e.base)
	if err != nil {
		return e, err
	}
	_, err = io.Copy(interruptible{s.ctx, e.path, file}, content)
	e.stage, e.name = st, e.base
	return e, firstError(err, file.Sync(), file.Close())
}

// replace renames the staged files of all folders, or none.
func (s *Set) replace(entries []entry) (err error) {
	var stages []*stage
	for _, e := range entries {
		if !slices.Contains(stages, e.stage) {
			stages = append(stages, e.stage)
		}
	}
	// Every command takes locks in one order, so that there is no deadlock.
	slices.SortFunc(stages, func(a, b *stage) int { return strings.Compare(a.folder, b.folder) })
	for _, st := range stages {
		unlock, err := lockFolder(s.ctx, st.folder)
		if err != nil {
			return fmt.Errorf("write into %s: %w", st.folder, err)
		}
		defer unlock()
	}
	for _, st := range stages {
		if err := st.begin(entries); err != nil {
			return fmt.Errorf("write into %s: %w", st.folder, err)
		}
	}
	defer func() {
		if err == nil {
			return
		}
		for _, st := range stages {
			if undone := undo(st.folder, st.dir); undone != nil {
				st.dir = "" // keeps the old files for the next command and for the user
				err = fmt.Errorf("%w; and the files in %s could not be brought back: %w", err, st.folder, undone)
				continue
			}
			st.end()
		}
	}()
	for _, e := range entries {
		if err := s.backUp(e); err != nil {
			return withPath(e.path, err)
		}
	}
	for _, e := range entries {
		if err := s.rename(e.stage.path(newName, e.name), filepath.Join(e.dir, e.base)); err != nil {
			return withPath(e.path, err)
		}
	}
	for _, st := range stages {
		if err := syncFolder(st.folder); err != nil {
			return fmt.Errorf("write into %s: %w", st.folder, err)
		}
	}
	for _, st := range stages {
		if err := st.end(); err != nil {
			return fmt.Errorf("write into %s: %w", st.folder, err)
		}
	}
	return nil
}

// begin writes the journal of the renames.
func (st *stage) begin(entries []entry) error {
	j := journal{Format: stageFormat}
	for _, e := range entries {
		if e.stage != st {
			continue
		}
		info, err := os.Lstat(st.path(newName, e.name))
		if err != nil {
			return err
		}
		j.Files = append(j.Files, identify(e.name, info))
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	writing := filepath.Join(st.dir, journalName+"-writing")
	file, err := os.OpenFile(writing, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := firstError(err, file.Sync(), file.Close(), syncFolder(filepath.Join(st.dir, newName))); err != nil {
		return err
	}
	return firstError(os.Rename(writing, filepath.Join(st.dir, journalName)), syncFolder(st.dir), syncFolder(st.folder))
}

// end removes the journal, after which the new files stay.
func (st *stage) end() error {
	err := os.Remove(filepath.Join(st.dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return firstError(err, syncFolder(st.dir))
}

// backUp links the file that an entry replaces, and gives the new one its mode
// and, where this process may, its owner.
func (s *Set) backUp(e entry) error {
	path, old := filepath.Join(e.dir, e.base), e.stage.path(oldName, e.name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("another file has taken the name")
	}
	fresh := e.stage.path(newName, e.name)
	if stat, known := info.Sys().(*syscall.Stat_t); known {
		_ = os.Lchown(fresh, int(stat.Uid), int(stat.Gid)) // allowed for root, and for the user's own groups
	}
	if err := os.Chmod(fresh, info.Mode().Perm()); err != nil {
		return err
	}
	if s.link(path, old) == nil {
		return nil
	}
	// Some file systems have no hard links, and Linux may protect other users' files
	// (fs.protected_hardlinks). Then the file is renamed, and its name is missing for
	// a moment.
	if err := s.rename(path, old); err != nil {
		return err
	}
	if info, err := os.Lstat(old); err != nil || !info.Mode().IsRegular() {
		return firstError(err, os.Rename(old, path), errors.New("another file has taken the name"))
	}
	return nil
}
