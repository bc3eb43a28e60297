package output

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var errRename = errors.New("rename fails here")

// before makes two folders with old files.
func before(t *testing.T, root string) map[string]string {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(root, "b"), 0o755))
	check(t, os.MkdirAll(filepath.Join(root, "a"), 0o755))
	write(t, filepath.Join(root, "a/one"), "old one")
	write(t, filepath.Join(root, "a/two"), "old two")
	write(t, filepath.Join(root, "b/three"), "old three")
	return tree(t, root)
}

// several are the outputs that writeSeveral writes into the folders of before:
// some replace old files, some are new.
var several = map[string]string{"a/one": "1", "a/new": "N", "a/two": "2", "b/three": "3", "b/other": "O"}

func writeSeveral(set *Set, root string) error {
	folder, err := set.Folder(filepath.Join(root, "a"))
	if err != nil {
		return err
	}
	for _, name := range []string{"b/three", "b/other"} {
		f, err := set.File(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := f.Write(text(several[name])); err != nil {
			return err
		}
	}
	for _, name := range []string{"one", "new", "two"} {
		if err := folder.Write(name, text(several["a/"+name])); err != nil {
			return err
		}
	}
	return set.Commit()
}

// A rename that fails, whichever it is, undoes those before it; also where the
// file system has no hard links.
func TestRenameFails(t *testing.T) {
	for _, links := range []bool{true, false} {
		for fails := 0; ; fails++ {
			root := t.TempDir()
			want := before(t, root)
			set := New(t.Context())
			left := fails
			set.rename = func(from, to string) error {
				if left--; left == -1 {
					return &os.LinkError{Op: "rename", Old: from, New: to, Err: errRename}
				}
				return os.Rename(from, to)
			}
			if !links {
				set.link = func(string, string) error { return unix.EPERM }
			}
			err := writeSeveral(set, root)
			set.Close()
			if err == nil {
				maps.Copy(want, several)
			}
			if got := tree(t, root); !maps.Equal(got, want) {
				t.Errorf("links %v, rename %d fails (%v): got %v\nwant %v", links, fails, err, got, want)
			}
			if err == nil {
				if wants := map[bool]int{true: 5, false: 8}[links]; fails != wants {
					t.Errorf("links %v: %d renames in all, want %d", links, fails, wants)
				}
				break
			}
			if !errors.Is(err, errRename) || strings.Contains(err.Error(), stagePrefix) {
				t.Errorf("got the error %v", err)
			}
		}
	}
}

// A folder that takes a file's name while others are renamed.
func TestFolderInTheWay(t *testing.T) {
	root := t.TempDir()
	want := before(t, root)
	set := New(t.Context())
	defer set.Close()
	set.rename = func(from, to string) error {
		if strings.HasSuffix(to, "/new") {
			check(t, os.Mkdir(to, 0o755))
		}
		return os.Rename(from, to)
	}
	err := writeSeveral(set, root)
	if err == nil || !strings.Contains(err.Error(), "write "+filepath.Join(root, "a/new")+": file exists") {
		t.Errorf("got the error %v", err)
	}
	set.Close()
	want["a/new"] = "folder"
	if got := tree(t, root); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

const (
	killVariable  = "OUTPUT_TEST_KILL" // "N links|no FOLDER": killed at the rename N
	claimVariable = "OUTPUT_TEST_CLAIM"
	writeVariable = "OUTPUT_TEST_WRITE"
	ownVariable   = "OUTPUT_TEST_OWN" // beside writeVariable: OwnStdout comes first
)

// TestMain is also the program that tests start and kill.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(killVariable) != "":
		var at int
		var links, root string
		fmt.Sscan(os.Getenv(killVariable), &at, &links, &root)
		set := New(context.Background())
		set.rename = func(from, to string) error {
			if at--; at == -1 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			return os.Rename(from, to)
		}
		if links == "no" {
			set.link = func(string, string) error { return unix.EPERM }
		}
		if err := writeSeveral(set, root); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(claimVariable) != "":
		set := New(context.Background())
		_, err := set.Folder(os.Getenv(claimVariable))
		fmt.Println("claimed:", err)
		select {} // until it is killed
	case os.Getenv(writeVariable) != "":
		if os.Getenv(ownVariable) != "" {
			if _, err := OwnStdout(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(3)
			}
			fmt.Println("what a library prints")
		}
		set := New(context.Background())
		f, err := set.File(os.Getenv(writeVariable))
		if err == nil {
			err = f.Write(text("new\n"))
		}
		if err == nil {
			err = set.Commit()
		}
		set.Close()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func again(variable, value string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), variable+"="+value)
	return c
}

// A process that is killed between two renames leaves a mixture until the next
// command writes into the folder, which brings the old files back first.
func TestKilledBetweenRenames(t *testing.T) {
	for links, step := range map[string]int{"links": 1, "no": 2} {
		for at := 0; ; at += step {
			root := t.TempDir()
			want := before(t, root)
			c := again(killVariable, strconv.Itoa(at)+" "+links+" "+root)
			text, err := c.CombinedOutput()
			if err == nil {
				if at < 5 {
					t.Errorf("never killed, at %d", at)
				}
				break
			}
			if status := c.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
				t.Fatalf("%v\n%s", err, text)
			}
			for _, folder := range []string{"a", "b"} {
				check(t, put(t, filepath.Join(root, folder, "next"), "next"))
				want[folder+"/next"] = "next"
			}
			if got := tree(t, root); !maps.Equal(got, want) {
				t.Errorf("%s, killed at rename %d: got %v\nwant %v", links, at, got, want)
			}
		}
	}
}

// A file that a user made after the kill stays.
func TestUndoLeavesOthersFiles(t *testing.T) {
	root := t.TempDir()
	before(t, root)
	if err := again(killVariable, "4 links "+root).Run(); err == nil {
		t.Fatal("was not killed")
	}
	for _, name := range []string{"a/one", "a/new"} {
		check(t, os.Remove(filepath.Join(root, name)))
		write(t, filepath.Join(root, name), "mine")
	}
	check(t, put(t, filepath.Join(root, "a/next"), "next"))
	check(t, put(t, filepath.Join(root, "b/next"), "next"))
	got := tree(t, root)
	want := map[string]string{
		"a": "folder", "b": "folder", "a/next": "next", "b/next": "next",
		"a/one": "mine", "a/new": "mine", "a/two": "old two", "b/three": "old three",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// Commands write the same files at the same time: afterwards all files are those of
// one command.
func TestCommitsDoNotMix(t *testing.T) {
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "a"), 0o755))
	paths := []string{filepath.Join(root, "x"), filepath.Join(root, "a/y"), filepath.Join(root, "z")}
	for round := range 5 {
		var group sync.WaitGroup
		for writer := range 6 {
			group.Go(func() {
				set := New(t.Context())
				defer set.Close()
				set.rename = func(from, to string) error {
					time.Sleep(time.Duration(writer) * 50 * time.Microsecond)
					return os.Rename(from, to)
				}
				for i := range paths {
					// In an order of its own: locks must not wait in a circle.
					f, err := set.File(paths[(i+writer)%len(paths)])
					if err == nil {
						err = f.Write(text(fmt.Sprint(round, " ", writer)))
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
				if err := set.Commit(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got := tree(t, root)
		if got["x"] != got["z"] || got["x"] != got["a/y"] || len(got) != 4 || !strings.HasPrefix(got["x"], fmt.Sprint(round, " ")) {
			t.Fatalf("round %d: mixed or left over: %v", round, got)
		}
	}
}

// A disk that is full, a file that cannot be changed, and one that is a mount
// of its own: every old file stays.
func TestWhatTheSystemRefuses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	root := t.TempDir()
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(root, 0)) })
	want := before(t, root)
	expect := func(what, wants string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: got the error %v, want %q", what, err, wants)
		}
		if got := tree(t, root); !maps.Equal(got, want) {
			t.Errorf("%s: got %v\nwant %v", what, got, want)
		}
	}
	expect("full disk", "write "+root+"/a/one: no space left on device", put(t, filepath.Join(root, "a/one"), strings.Repeat("x", 1<<20)))

	// The mount point refuses the rename that comes second.
	mount := filepath.Join(root, "b/three")
	if err := unix.Mount(filepath.Join(root, "a/two"), mount, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mount a file: %v", err)
	}
	want["b/three"] = "old two"
	set := New(t.Context())
	set.rename = func(from, to string) error { return os.Rename(from, to) }
	err := writeSeveral(set, root)
	set.Close()
	expect("mount point", "write "+root+"/b/three: device or resource busy", err)
	check(t, unix.Unmount(mount, 0))
	want["b/three"] = "old three"

	const immutable = 0x10 // FS_IMMUTABLE_FL
	file, err := os.Open(filepath.Join(root, "a/two"))
	check(t, err)
	defer file.Close()
	if err := unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
		t.Skipf("make a file immutable: %v", err)
	}
	set = New(t.Context())
	err = writeSeveral(set, root)
	set.Close()
	check(t, unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, 0))
	expect("immutable file", "write "+root+"/a/two: operation not permitted", err)
}
