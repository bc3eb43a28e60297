package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
)

func TestReadInput(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	pipe := func(text string) string {
		path := fifo(t, "pipe")
		go func() {
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, _ = io.WriteString(w, text) // fails where the reader has enough
				w.Close()
			}
		}()
		return path
	}
	for _, tt := range []struct {
		path string
		most int64
		want string // the text, or the error
	}{
		{file, 5, "12345"},
		{file, 4, "has 5 bytes, at most 4 bytes are read"},
		{link, 5, "12345"},
		{pipe("12345"), 5, "12345"},
		{pipe(strings.Repeat("x", 1<<20)), 1 << 19, "has more than 512.0 KiB, the most that is read"},
		{pipe(""), 5, ""},
		{folder, 5, "is a directory"},
		{"/dev/zero", 5, "is a device or a socket, want a file or a pipe"},
		{socket, 5, "is a device or a socket, want a file or a pipe"},
		{"/proc/self/stat", 3, "has more than 3 bytes, the most that is read"}, // its size is 0
		{filepath.Join(folder, "none"), 5, "no such file or directory"},
	} {
		text, err := readInput(tt.path, tt.most)
		got := string(text)
		if err != nil {
			got = reason(err)
			if !strings.Contains(err.Error(), tt.path) {
				t.Errorf("%s: error %v does not name the file", tt.path, err)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
	}
}

// Pipes of a shell, which are no regular files, are read as files are.
func TestPipes(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	folder := t.TempDir()
	write := func(name string, content func(io.Writer) error) {
		t.Helper()
		var text bytes.Buffer
		if err := content(&text); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("f.npy", tensor.Tensor{Shape: []int{1, 1}, Data: []float32{1}}.WriteNPY)
	net, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	write("net.json", func(w io.Writer) error { return graph.WriteNetwork(w, net) })
	write("w.npz", func(w io.Writer) error { return net.InitialWeights(1).WriteNPZ(w) })
	write("c.json", func(w io.Writer) error {
		_, err := io.WriteString(w, `{"cases":[{"op":"relu","input":{"shape":[1],"data":[1]}}]}`)
		return err
	})
	if err := writeImage(filepath.Join(folder, "a.png"), 32, 32); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"cnndemo run <(cat a.png) --filter <(cat f.npy) --out o",
		"cnndemo verify --net <(cat net.json) --weights <(cat w.npz) <(cat a.png)",
		"cnndemo verify --cases <(cat c.json) --write-baseline b.json && cnndemo verify --cases c.json",
		"cnndemo nets <(cat net.json)",
		"cat net.json | cnndemo plan /dev/stdin",
	} {
		cmd := exec.Command(shell, "-c", line)
		cmd.Dir = folder
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, text)
		}
	}
}

// A word as it stands in "repeat with" is the word itself to a shell.
func TestShellWord(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	for _, word := range []string{"", "a", "a b", "it's", `back\slash`, "$HOME `x` \"q\"", " edge ", "ä世", "a\nb", "\x1b[31m7", "\x01" + "23", "q'\t\\", "\xff\xfe", "\u202eabc", "\u00a0"} {
		quoted := commandline.ShellWord(word)
		if strings.ContainsFunc(quoted, func(r rune) bool { return !printable(r) }) {
			t.Errorf("%q is written %q, which cannot be printed", word, quoted)
		}
		got, err := exec.Command(shell, "-c", "printf %s "+quoted).Output()
		if err != nil || string(got) != word {
			t.Errorf("%q is written %s, which is %q to bash (%v)", word, quoted, got, err)
		}
	}
}
