package bounded_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tfcnn/internal/bounded"
)

func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ten"), []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A sparse file of 1 TiB, which no machine reads into memory.
	large, err := os.Create(filepath.Join(folder, "large"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(large.Truncate(1<<40), large.Close()); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	go func() { // writes for ever, and ends when the reader has enough
		pipe, err := os.OpenFile(filepath.Join(folder, "pipe"), os.O_WRONLY, 0)
		for err == nil {
			_, err = pipe.Write(make([]byte, 1<<12))
		}
		pipe.Close()
	}()
	for _, tt := range []struct {
		name  string
		most  int64
		bytes int // -1: too large
	}{
		{"ten", 10, 10},
		{"ten", 11, 10},
		{"ten", 9, -1},
		{"large", 1 << 20, -1},
		{"pipe", 1 << 20, -1},
	} {
		text, err := bounded.ReadFile(os.DirFS(folder), tt.name, tt.most)
		if tooLarge := errors.Is(err, bounded.ErrTooLarge); tooLarge != (tt.bytes < 0) || !tooLarge && (err != nil || len(text) != tt.bytes) {
			t.Errorf("%s, %d at most: %d bytes, %v", tt.name, tt.most, len(text), err)
		}
	}
	if _, err := bounded.ReadFile(os.DirFS(folder), "none", 1); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
