package machine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMappedFiles(t *testing.T) {
	m := bare(t)
	folder := filepath.Join(m.Root, "proc", "self")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(lines ...string) {
		if err := os.WriteFile(filepath.Join(folder, "maps"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.MappedFiles("lib"); err == nil {
		t.Error("without /proc: no error")
	}
	write(
		"7f00-7f10 r-xp 00000000 08:01 1234 /opt/my libs/libtensorflow_framework.so.2",
		"7f10-7f20 r-xp 00000000 08:01 1235 /opt/my libs/libtensorflow_cc.so.2",
		"7f20-7f30 rw-p 00000000 08:01 1235 /opt/my libs/libtensorflow_cc.so.2",
		"7f30-7f40 r-xp 00000000 08:01 1236 /usr/lib/libc.so.6",
		"7f40-7f50 rw-p 00000000 00:00 0 ",
		"7f50-7f60 rw-p 00000000 00:00 0 [stack]",
	)
	files, err := m.MappedFiles("libtensorflow")
	if want := []string{"/opt/my libs/libtensorflow_cc.so.2", "/opt/my libs/libtensorflow_framework.so.2"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("got %q, %v, want %q", files, err, want)
	}
	write("7f10-7f20 r-xp 00000000 08:01 1235 /opt/libtensorflow_cc.so.2 (deleted)")
	if files, err := m.MappedFiles("libtensorflow"); err == nil || !strings.Contains(err.Error(), "/opt/libtensorflow_cc.so.2 was deleted") {
		t.Errorf("of a deleted file: %q, %v", files, err)
	}
	// This process's own program is mapped.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if files, err := This("").MappedFiles(filepath.Base(self)); err != nil || len(files) != 1 {
		t.Errorf("got %q, %v, want %q", files, err, self)
	}
}
