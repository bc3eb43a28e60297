package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// text is content for Write.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// put writes one output, alone.
func put(t *testing.T, path, content string) error {
	t.Helper()
	set := New(t.Context())
	defer set.Close()
	f, err := set.File(path)
	if err != nil {
		return err
	}
	if err := f.Write(text(content)); err != nil {
		return err
	}
	return set.Commit()
}

// tree returns a folder's files with their content, links with where they lead.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case entry.IsDir():
			found[name] = "folder"
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			found[name] = "→ " + link
			return err
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			found[name] = string(content)
			return err
		default:
			found[name] = entry.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The target of a path is written as by a shell's >, but whole.
func TestWhatAPathLeadsTo(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		wants map[string]string // that differ from before; "" is not there
		err   string
	}{
		"new file":               {path: "new", wants: map[string]string{"new": "new content"}},
		"file":                   {path: "file", wants: map[string]string{"file": "new content"}},
		"link":                   {path: "link", wants: map[string]string{"file": "new content"}},
		"link to a link":         {path: "chain", wants: map[string]string{"file": "new content"}},
		"dangling link":          {path: "dangling", wants: map[string]string{"folder/none": "new content"}},
		"link into a folder":     {path: "inside", wants: map[string]string{"folder/kept": "new content"}},
		"through a linked one":   {path: "linked/kept", wants: map[string]string{"folder/kept": "new content"}},
		"link round":             {path: "round", err: "too many levels of symbolic links"},
		"folder":                 {path: "folder", err: "write folder: a folder of that name is in the way"},
		"link to a folder":       {path: "linked", err: "a folder of that name is in the way"},
		"slash at the end":       {path: "none/", err: `got the path "none/", want a file`},
		"no path":                {path: "", err: `got the path "", want a file`},
		"no such folder":         {path: "none/file", err: "write none/file: no such file or directory"},
		"file as a folder":       {path: "file/new", err: "not a directory"},
		"socket":                 {path: "socket", err: "got a socket"},
		"dangling into no where": {path: "nowhere", err: "no such file or directory"},
		"glob characters":        {path: "[!glob*]?", wants: map[string]string{"[!glob*]?": "new content"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			t.Chdir(root)
			write(t, "file", "old")
			check(t, os.Mkdir("folder", 0o755))
			write(t, "folder/kept", "kept")
			for link, to := range map[string]string{
				"link": "file", "chain": "./link", "dangling": "folder/none", "inside": root + "/folder/kept",
				"linked": "folder", "round": "round2", "round2": "round", "nowhere": "none/file",
			} {
				check(t, os.Symlink(to, link))
			}
			listener, err := net.Listen("unix", "socket")
			check(t, err)
			defer listener.Close()
			want := tree(t, root)
			maps.Copy(want, c.wants)
			err = put(t, c.path, "new content")
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got the error %v, want %q", err, c.err)
			}
			if got := tree(t, root); !maps.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

// A replaced file keeps its mode and, for root, its owner; a new file has the mode
// that the umask leaves of 0644.
func TestModeAndOwner(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "file")
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	mode := func() fs.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		check(t, err)
		return info.Mode()
	}
	check(t, put(t, path, "a"))
	if got := mode(); got != 0o640 {
		t.Errorf("a new file has mode %v, want 0640", got)
	}
	check(t, os.Chmod(path, 0o606))
	if os.Geteuid() == 0 {
		check(t, os.Chown(path, 1234, 4321))
	}
	check(t, put(t, path, "b"))
	if got := mode(); got != 0o606 {
		t.Errorf("the replaced file has mode %v, want 0606", got)
	}
	var stat unix.Stat_t
	check(t, unix.Stat(path, &stat))
	if os.Geteuid() == 0 && (stat.Uid != 1234 || stat.Gid != 4321) {
		t.Errorf("the replaced file belongs to %d:%d, want 1234:4321", stat.Uid, stat.Gid)
	}
}

// Outputs that name one file, or a file that is read, are refused before
// anything is written.
func TestSameFile(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	write(t, "file", "old")
	write(t, "input", "read")
	check(t, os.Mkdir("folder", 0o755))
	check(t, os.Symlink("../file", "folder/link"))
	check(t, os.Symlink("new", "dangling"))
	check(t, os.Link("input", "hard"))
	check(t, unix.Mkfifo("fifo", 0o600))
	check(t, os.Link("fifo", "fifo2"))
	for _, pair := range [][2]string{
		{"file", "file"},
		{"file", "./folder/../file"},
		{"file", "folder/link"},
		{"file", root + "/file"},
		{"new", "dangling"},
		{"fifo", "fifo2"},
		{"file", "input"},
		{"file", "hard"},
	} {
		set := New(t.Context())
		set.AddInputs("input", "missing")
		_, err := set.File(pair[0])
		check(t, err)
		if _, err = set.File(pair[1]); !errors.Is(err, ErrSameFile) {
			t.Errorf("%v: got the error %v, want ErrSameFile", pair, err)
		}
		set.Close()
	}
	// A folder's files are checked by Commit, when their names are known.
	check(t, os.Symlink("one", "two"))
	set := New(t.Context())
	defer set.Close()
	folder, err := set.Folder(".")
	check(t, err)
	check(t, folder.Write("one", text("1")))
	check(t, folder.Write("two", text("2")))
	if err := set.Commit(); !errors.Is(err, ErrSameFile) {
		t.Errorf("got the error %v, want ErrSameFile", err)
	}
	set.Close()
	if got := tree(t, root); got["one"] != "" || got["file"] != "old" || len(got) != 9 {
		t.Errorf("got %v", got)
	}
}

// A set that is not committed leaves no file, and none of the folders that it made.
func TestCloseLeavesNothing(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	write(t, "file", "old")
	ctx, cancel := context.WithCancel(t.Context())
	set := New(ctx)
	f, err := set.File("file")
	check(t, err)
	folder, err := set.Folder("made/for/it")
	check(t, err)
	check(t, f.Write(text("new")))
	check(t, folder.Write("a", text("a")))
	_, err = folder.Scratch("page")
	check(t, err)
	cancel()
	if err := folder.Write("b", text("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("writing after the end of ctx: %v", err)
	}
	if err := set.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after the end of ctx: %v", err)
	}
	set.Close()
	if got := fmt.Sprint(tree(t, root)); got != "map[file:old]" {
		t.Errorf("got %v", got)
	}
}

// A folder changed step by step: appended numbers, names, checksums.
func TestFolder(t *testing.T) {
	root := t.TempDir()
	set := New(t.Context())
	defer set.Close()
	folder, err := set.Folder(root)
	check(t, err)
	for _, part := range []string{"ab", "c"} {
		check(t, folder.Update("long", func(file *os.File, end io.Writer) error {
			_, err := end.Write([]byte(part))
			return err
		}))
	}
	check(t, folder.Rename("long", "short"))
	sum, err := folder.SHA256("short")
	check(t, err)
	if sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" { // FIPS 180-2's "abc"
		t.Errorf("got the checksum %s", sum)
	}
	if folder.NameLimit() < 100 || folder.NameLimit() > 255 {
		t.Errorf("name limit %d", folder.NameLimit())
	}
	check(t, set.Commit())
	if got := fmt.Sprint(tree(t, root)); got != "map[short:abc]" {
		t.Errorf("got %v", got)
	}
}

// A file that its mode protects is refused, and stays; root is not refused.
func TestWriteProtected(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	root := t.TempDir()
	path := filepath.Join(root, "file")
	write(t, path, "old")
	check(t, os.Chmod(path, 0o400))
	if err := put(t, path, "new"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got the error %v", err)
	}
	check(t, os.Chmod(root, 0o500))
	defer os.Chmod(root, 0o700)
	if err := put(t, filepath.Join(root, "new"), "new"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got the error %v", err)
	}
	if got := fmt.Sprint(tree(t, root)); got != "map[file:old]" {
		t.Errorf("got %v", got)
	}
}

// Close from another goroutine ends a Commit that waits, and a later Commit.
func TestCloseWhileWriting(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	write(t, "file", "old")
	check(t, unix.Mkfifo("fifo", 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	set := New(ctx)
	for _, path := range []string{"file", "fifo"} {
		f, err := set.File(path)
		check(t, err)
		check(t, f.Write(text("new")))
	}
	done := make(chan error)
	go func() { done <- set.Commit() }()
	set.Close() // does not wait for the FIFO's reader
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	set = New(t.Context())
	f, err := set.File("file")
	check(t, err)
	check(t, f.Write(text("new")))
	set.Close()
	if err := set.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	if _, err := set.Folder("other"); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	if got := tree(t, root); got["file"] != "old" || len(got) != 2 {
		t.Errorf("got %v", got)
	}
	reader, err := os.OpenFile("fifo", os.O_RDONLY|unix.O_NONBLOCK, 0) // lets the goroutine go
	check(t, err)
	check(t, reader.Close())
}
