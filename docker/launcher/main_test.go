package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSupervise(t *testing.T) {
	for _, tt := range []struct {
		script string
		signal os.Signal
		want   int
	}{
		{"exit 0", nil, 0},
		{"exit 3", nil, 3},
		{"kill -9 $$", nil, 137},
		{"exec sleep 60", syscall.SIGTERM, 143},
		{"trap 'kill $!; exit 130' TERM; touch ready; sleep 60 & wait", syscall.SIGTERM, 130},
	} {
		t.Run(tt.script, func(t *testing.T) {
			var stderr bytes.Buffer
			signals := make(chan os.Signal, 1)
			cmd := exec.Command("sh", "-c", tt.script)
			cmd.Dir = t.TempDir()
			if tt.signal != nil {
				go func() {
					if strings.Contains(tt.script, "ready") {
						for range 500 {
							if _, err := os.Stat(filepath.Join(cmd.Dir, "ready")); err == nil {
								break
							}
							time.Sleep(10 * time.Millisecond)
						}
					}
					signals <- tt.signal
				}()
			}
			if got := supervise(cmd, signals, &stderr); got != tt.want || stderr.Len() > 0 {
				t.Errorf("exit %d, want %d; %s", got, tt.want, stderr.String())
			}
		})
	}
	var stderr bytes.Buffer
	if got := supervise(exec.Command("/no/such/program"), nil, &stderr); got != 3 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit %d, %s", got, stderr.String())
	}
}

// Only an empty folder, or one of ours, is taken from root.
func TestOurs(t *testing.T) {
	folder := t.TempDir()
	for _, tt := range []struct {
		file string
		want bool
	}{{"", true}, {"diary.txt", false}, {"report.json", true}} {
		if tt.file != "" {
			if err := os.WriteFile(filepath.Join(folder, tt.file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := ours(folder); got != tt.want {
			t.Errorf("with %q: %v", tt.file, got)
		}
	}
	if ours(filepath.Join(folder, "none")) {
		t.Error("a folder that is not there is ours")
	}
	if mounted(folder) || !mounted("/proc") {
		t.Error("mounts are not told apart")
	}
}
