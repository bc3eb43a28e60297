package output

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// One command at a time has a folder; the error of the second names the first.
func TestClaim(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	c := again(claimVariable, out)
	lines, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	line, err := bufio.NewReader(lines).ReadString('\n')
	if err != nil || line != "claimed: <nil>\n" {
		t.Fatalf("%q, %v", line, err)
	}
	set := New(t.Context())
	defer set.Close()
	_, err = set.Folder(out)
	if !errors.Is(err, ErrClaimed) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", c.Process.Pid)) {
		t.Errorf("got the error %v, want ErrClaimed and the process", err)
	}
	// A file there is another matter: the claim is for the folder's own files.
	check(t, put(t, filepath.Join(out, "other"), "other"))

	// The claim ends with the process, however that ends.
	check(t, c.Process.Kill())
	_ = c.Wait() // "killed"
	folder, err := set.Folder(out)
	check(t, err)
	check(t, folder.Write("mine", text("mine")))
	check(t, set.Commit())
	if got := fmt.Sprint(tree(t, out)); got != "map[mine:mine other:other]" {
		t.Errorf("got %v", got)
	}
}

// For all orders of starts and ends, one set at a time has the folder, and no file is
// left in it.
func TestClaimsTogether(t *testing.T) {
	out := filepath.Join(t.TempDir(), "made", "out")
	var group sync.WaitGroup
	var lock sync.Mutex
	holding, had := 0, 0
	for range 40 {
		group.Go(func() {
			set := New(t.Context())
			defer set.Close()
			_, err := set.Folder(out)
			if errors.Is(err, ErrClaimed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			lock.Lock()
			holding, had = holding+1, had+1
			if holding > 1 {
				t.Error("two sets have one folder")
			}
			lock.Unlock()
			time.Sleep(time.Millisecond)
			lock.Lock()
			holding--
			lock.Unlock()
		})
	}
	group.Wait()
	if had == 0 {
		t.Error("no set had the folder")
	}
	// Its maker may have been one that was refused: then the folder stays.
	if left, err := os.ReadDir(out); len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Only folders that this package marked, this user made and no process has locked are
// removed; names in a path are no patterns.
func TestCleaningLeavesOthersFolders(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	mark := func(format string) string {
		text, err := json.Marshal(owner{Format: format})
		check(t, err)
		return string(text)
	}
	for path, content := range map[string]string{
		"gx/.cnndemo-v/lock": "", "gx/.cnndemo-v/data": "1", // as an older version's
		"g*/.cnndemo-1/lock": "", "g*/.cnndemo-1/data": "2",
		"g*/.cnndemo-2/owner": "my own", "g*/.cnndemo-2/data": "3",
		"g*/.cnndemo-3/owner": mark("another version"), "g*/.cnndemo-3/data": "4",
		"g*/.cnndemo-name/owner": mark(stageFormat), "g*/.cnndemo-name/data": "5",
		"gx/.cnndemo-4/owner": mark(stageFormat), "gx/.cnndemo-4/data": "6",
		"elsewhere/owner": mark(stageFormat), "elsewhere/data": "7",
		"g*/.cnndemo-6/owner": mark(stageFormat), "g*/.cnndemo-6/data": "8",
	} {
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		write(t, path, content)
	}
	check(t, os.Symlink("../elsewhere", "g*/.cnndemo-5"))
	if os.Geteuid() == 0 {
		check(t, os.Chown("g*/.cnndemo-6", 1234, 1234))
	} else {
		check(t, os.RemoveAll("g*/.cnndemo-6"))
	}
	want := tree(t, root)
	// These two are left by processes of ours that were killed.
	check(t, os.Mkdir("g*/.cnndemo-7", 0o755))
	check(t, os.Mkdir("g*/.cnndemo-8", 0o755))
	write(t, "g*/.cnndemo-8/owner", mark(stageFormat))
	write(t, "g*/.cnndemo-8/data", "9")
	check(t, os.Mkdir("g*/.cnndemo-9", 0o755))
	write(t, "g*/.cnndemo-9/owner", "")

	set := New(t.Context())
	defer set.Close()
	folder, err := set.Folder("g*")
	check(t, err)
	check(t, folder.Write("mine", text("mine")))
	check(t, set.Commit())
	want["g*/mine"] = "mine"
	if got := tree(t, root); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// A journal can name files of its folder, no others.
func TestJournalNamesFilesOnly(t *testing.T) {
	root := t.TempDir()
	stage := filepath.Join(root, "out", ".cnndemo-1")
	check(t, os.MkdirAll(filepath.Join(stage, oldName), 0o755))
	write(t, filepath.Join(root, "victim"), "victim")
	info, err := os.Stat(filepath.Join(root, "victim"))
	check(t, err)
	mark, err := json.Marshal(owner{Format: stageFormat})
	check(t, err)
	text, err := json.Marshal(journal{stageFormat, []fileIdentity{identify("../victim", info)}})
	check(t, err)
	write(t, filepath.Join(stage, ownerName), string(mark))
	write(t, filepath.Join(stage, journalName), string(text))
	if err := put(t, filepath.Join(root, "out/new"), "new"); err == nil || !strings.Contains(err.Error(), `"../victim" is no file name`) {
		t.Errorf("got the error %v", err)
	}
	if got := tree(t, root); got["victim"] != "victim" {
		t.Errorf("got %v", got)
	}
}

// A lock that another process never releases ends the wait with an error that names it.
func TestLockIsNotWaitedForForEver(t *testing.T) {
	root := t.TempDir()
	unlock, err := lockFolder(t.Context(), root)
	check(t, err)
	defer func(wait time.Duration) { lockWait = wait }(lockWait)
	lockWait = 20 * time.Millisecond
	if err := put(t, filepath.Join(root, "file"), "x"); err == nil || !strings.Contains(err.Error(), lockName) {
		t.Errorf("got the error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lockWait = time.Hour
	if _, err := lockFolder(ctx, root); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	unlock()
	check(t, put(t, filepath.Join(root, "file"), "x"))
}

// The lock excludes other processes while its file is removed and made again.
func TestLockExcludes(t *testing.T) {
	root := t.TempDir()
	var group sync.WaitGroup
	var holding atomic.Int32
	for range 16 {
		group.Go(func() {
			for range 100 {
				unlock, err := lockFolder(t.Context(), root)
				if err != nil {
					t.Error(err)
					return
				}
				if holding.Add(1) > 1 {
					t.Error("two hold one lock")
				}
				runtime.Gosched()
				holding.Add(-1)
				unlock()
			}
		})
	}
	group.Wait()
	if left := tree(t, root); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
