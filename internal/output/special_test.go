package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A FIFO's reader gets the content, after all other outputs are complete, and
// the FIFO stays.
func TestFIFO(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	check(t, unix.Mkfifo("fifo", 0o600))
	check(t, os.Symlink("fifo", "link"))
	want := tree(t, root)
	for _, path := range []string{"fifo", "link"} {
		got := make(chan string)
		go func() {
			text, err := os.ReadFile("fifo")
			got <- fmt.Sprint(string(text), err)
		}()
		check(t, put(t, path, "content"))
		if text := <-got; text != "content<nil>" {
			t.Errorf("%s: the reader got %s", path, text)
		}
	}
	// Without a reader it waits until the command is interrupted.
	ctx, cancel := context.WithCancel(t.Context())
	set := New(ctx)
	defer set.Close()
	f, err := set.File("fifo")
	check(t, err)
	check(t, f.Write(text("content")))
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := set.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	if got := tree(t, root); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	reader, err := os.OpenFile("fifo", os.O_RDONLY|unix.O_NONBLOCK, 0) // lets the goroutine go
	check(t, err)
	check(t, reader.Close())
}

// Devices are nodes of the test's own: written to, and never renamed over. One
// that is full leaves the regular files of the set as they were.
func TestDevices(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	for name, device := range map[string][3]uint32{
		"null": {unix.S_IFCHR, 1, 3}, "full": {unix.S_IFCHR, 1, 7}, "disk": {unix.S_IFBLK, 259, 4095},
	} {
		if err := unix.Mknod(name, device[0]|0o600, int(unix.Mkdev(device[1], device[2]))); err != nil {
			t.Skipf("make a device: %v", err)
		}
	}
	write(t, "file", "old")
	check(t, os.Symlink("null", "report.html"))
	if err := os.WriteFile("null", nil, 0); err != nil {
		t.Skipf("use a device: %v", err)
	}
	want := tree(t, root)
	expect := func(what string) {
		t.Helper()
		if got := tree(t, root); !maps.Equal(got, want) {
			t.Errorf("%s: got %v\nwant %v", what, got, want)
		}
	}
	check(t, put(t, "null", "content"))
	expect("null")
	if err := put(t, "disk", "content"); err == nil || !strings.Contains(err.Error(), "got a block device") {
		t.Errorf("got the error %v", err)
	}
	expect("disk")

	set := New(t.Context())
	defer set.Close()
	for _, path := range []string{"file", "full"} {
		f, err := set.File(path)
		check(t, err)
		check(t, f.Write(text("content")))
	}
	if err := set.Commit(); err == nil || err.Error() != "write full: no space left on device" {
		t.Errorf("got the error %v", err)
	}
	set.Close()
	expect("full")

	// A folder's files go the same way.
	set = New(t.Context())
	defer set.Close()
	folder, err := set.Folder(".")
	check(t, err)
	check(t, folder.Write("report.html", text("into the device")))
	check(t, folder.Write("new", text("new")))
	check(t, set.Commit())
	want["new"] = "new"
	expect("folder")
}

// Content for an open descriptor is written at the descriptor's position, and appended
// where the descriptor appends; a descriptor for reading is an error.
func TestDescriptors(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "redirected")
	for _, name := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"} {
		for flags, want := range map[int]string{os.O_APPEND: "old\nnew\n", os.O_TRUNC: "new\n"} {
			write(t, path, "old\n")
			stdout, err := os.OpenFile(path, os.O_WRONLY|flags, 0)
			check(t, err)
			inode := func() uint64 {
				var stat unix.Stat_t
				check(t, unix.Stat(path, &stat))
				return stat.Ino
			}
			before := inode()
			c := again(writeVariable, name)
			c.Stdout, c.Stderr = stdout, os.Stderr
			check(t, c.Run())
			check(t, stdout.Close())
			if got, err := os.ReadFile(path); err != nil || string(got) != want || inode() != before {
				t.Errorf("%s: got %q, %v, inode kept: %v, want %q", name, got, err, inode() == before, want)
			}
		}
		for _, own := range []string{"", "yes"} {
			c := again(writeVariable, name)
			c.Env = append(c.Env, ownVariable+"="+own)
			reader, err := c.StdoutPipe()
			check(t, err)
			check(t, c.Start())
			if got, err := io.ReadAll(reader); err != nil || string(got) != "new\n" {
				t.Errorf("%s into a pipe, own stdout %q: got %q, %v", name, own, got, err)
			}
			check(t, c.Wait())
		}
	}
	reading, err := os.Open(path)
	check(t, err)
	defer reading.Close()
	if err := put(t, fmt.Sprintf("/proc/self/fd/%d", reading.Fd()), "x"); !errors.Is(err, unix.EBADF) {
		t.Errorf("got the error %v, want EBADF", err)
	}
	if err := put(t, "/dev/fd/12345", "x"); err == nil {
		t.Error("a descriptor that is not open takes content")
	}
	if err := put(t, fmt.Sprintf("/proc/%d/fd/0", os.Getppid()), ""); err != nil && strings.Contains(err.Error(), stagePrefix) {
		t.Errorf("got the error %v", err)
	}
}

// broken fails from the nth call on.
type broken struct {
	calls, fails int
	err          error
}

func (b *broken) Write(p []byte) (int, error) {
	if b.calls++; b.calls > b.fails {
		return 0, b.err
	}
	return len(p), nil
}

func (b *broken) Close() error { return b.err }

func TestStdout(t *testing.T) {
	w := &broken{fails: 1, err: &fs.PathError{Op: "write", Path: "/dev/stdout", Err: unix.ENOSPC}}
	s := NewStdout(w)
	fmt.Fprintln(s, "one")
	fmt.Fprintln(s, "two")
	fmt.Fprintln(s, "three")
	err := s.Close()
	if !errors.Is(err, unix.ENOSPC) || err.Error() != "write stdout: no space left on device" || ClosedPipe(err) || w.calls != 2 {
		t.Errorf("got %v after %d calls", err, w.calls)
	}
	// A disk that says so only when the file is closed.
	s = NewStdout(&broken{fails: 1, err: unix.EDQUOT})
	fmt.Fprintln(s, "one")
	if err := s.Close(); !errors.Is(err, unix.EDQUOT) {
		t.Errorf("got %v", err)
	}
	s = NewStdout(&broken{err: unix.EPIPE})
	fmt.Fprintln(s, "one")
	if !ClosedPipe(s.Close()) {
		t.Error("a closed pipe is not known")
	}
}
