package output

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A staging folder holds
//
//	owner    the process that made it; locked as long as that process lives
//	new/     the new files, under the names that they get
//	old/     hard links to the files that Commit replaces
//	journal  what Commit renames, while it does
const (
	stagePrefix = ".cnndemo-"
	ownerName   = "owner"
	newName     = "new"
	oldName     = "old"
	journalName = "journal"
	stageFormat = "cnndemo staging folder, version 1"
)

// stageNames are the names that os.MkdirTemp gives with stagePrefix.
var stageNames = regexp.MustCompile(`^\.cnndemo-[0-9]+$`)

// owner is the process that made a staging folder.
type owner struct {
	Format  string    `json:"format"`
	Process int       `json:"process"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	Claims  bool      `json:"claims"` // the folder around it
}

func (o owner) String() string {
	return fmt.Sprintf("process %d on %s (%s), since %s", o.Process, o.Host, o.Command, o.Since.Format("15:04:05"))
}

// ErrClaimed is in the error of Folder where another process writes into it.
var ErrClaimed = errors.New("another command writes into this folder")

// stage is a staging folder of this process.
type stage struct {
	folder, dir string
	made        []string // parent folders that were made for it, deepest first
	owner       *os.File // locked
}

// newStage removes the staging folders of processes that have ended, and makes one.
func newStage(ctx context.Context, folder string, claim bool) (*stage, error) {
	st := &stage{folder: folder}
	unlock, err := lockFolder(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeAbandoned(folder, claim); err != nil {
		return nil, err
	}
	if st.dir, err = os.MkdirTemp(folder, stagePrefix); err != nil {
		return nil, err
	}
	if err := st.writeOwner(claim); err != nil {
		st.remove()
		return nil, err
	}
	return st, nil
}

// writeOwner marks the staging folder as made by this package. Other users may read
// the owner file only.
func (st *stage) writeOwner(claim bool) error {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	command := filepath.Base(os.Args[0])
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		command += " " + os.Args[1]
	}
	text, err := json.Marshal(owner{stageFormat, os.Getpid(), host, command, time.Now(), claim})
	if err != nil {
		return err
	}
	if st.owner, err = os.OpenFile(filepath.Join(st.dir, ownerName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		return err
	}
	if err := tryLock(st.owner); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := st.owner.Write(text); err != nil {
		return err
	}
	return firstError(os.Mkdir(filepath.Join(st.dir, newName), 0o700), os.Mkdir(filepath.Join(st.dir, oldName), 0o700), os.Chmod(st.dir, 0o755))
}

// create opens a new file.
func (st *stage) create(name string) (*os.File, error) {
	return os.OpenFile(st.path(newName, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (st *stage) path(part, name string) string { return filepath.Join(st.dir, part, name) }

// remove removes the staging folder with its content, and those of the folders made
// for it that are empty.
func (st *stage) remove() {
	if st.dir != "" {
		// An interrupted command may still make files. After the rename it finds no
		// folder for them, so that RemoveAll removes all.
		_ = os.Rename(filepath.Join(st.dir, newName), filepath.Join(st.dir, newName+"-removed"))
		os.RemoveAll(st.dir)
	}
	if st.owner != nil {
		st.owner.Close()
		st.owner = nil
	}
	removeEmpty(st.made)
	st.made = nil
}

// removeEmpty removes those of the folders that are empty.
func removeEmpty(folders []string) {
	for _, folder := range folders {
		os.Remove(folder)
	}
}
