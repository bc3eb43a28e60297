package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	if got := supervise(exec.Command("sh", "-c", "exit 127"), nil, &stderr); got != 3 || !strings.Contains(stderr.String(), "could not be loaded") {
		t.Errorf("not loaded: exit %d, %s", got, stderr.String())
	}
	stderr.Reset()
	if got := supervise(exec.Command("/no/such/program"), nil, &stderr); got != 3 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit %d, %s", got, stderr.String())
	}
}

// A terminal's Ctrl-C reaches the child once.
func TestTerminal(t *testing.T) {
	const child = `trap 'n=$((n+1)); echo got $n' INT; echo ready; while [ ! -e end ]; do sleep 0.05; done; echo total $n`
	if folder := os.Getenv("TFCNN_CHILD"); folder != "" {
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGINT)
		cmd := exec.Command("sh", "-c", child)
		cmd.Dir = folder
		os.Exit(supervise(cmd, signals, os.Stderr))
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestTerminal$")
	cmd.Env = append(os.Environ(), "TFCNN_CHILD="+folder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(master)
	for lines.Scan() {
		switch line := strings.TrimSpace(lines.Text()); {
		case line == "ready":
			if _, err := master.WriteString("\x03"); err != nil {
				t.Error(err)
			}
		case strings.HasSuffix(line, "got 1"):
			time.Sleep(200 * time.Millisecond) // a second one would come by now
			if err := os.WriteFile(filepath.Join(folder, "end"), nil, 0o644); err != nil {
				t.Error(err)
			}
		case strings.HasPrefix(line, "total"):
			if line != "total 1" {
				t.Errorf("got %q, want one signal", line)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("the child ended without its last line")
}

// Only an empty folder, or one that holds nothing but an earlier run's files,
// is taken from root.
func TestOurs(t *testing.T) {
	const report = `{"tensorflow": "2.21.0", "sizes": [{"files": [{"path": "conv2d.npy"}, {"path": "maps/1.png"}]}, {"files": [{"path": "b.png"}]}]}`
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"empty", nil, true},
		{"another's file", map[string]string{"diary.txt": ""}, false},
		{"an earlier run's", map[string]string{"report.json": report, "report.html": "", "conv2d.npy": "", "maps/1.png": "", "b.png": ""}, true},
		{"what a killed run has left", map[string]string{".cnndemo-123/lock": ""}, true},
		{"an earlier run's and another's", map[string]string{"report.json": report, "conv2d.npy": "", "diary.txt": ""}, false},
		{"without the report", map[string]string{"conv2d.npy": ""}, false},
		{"another's report.json alone", map[string]string{"report.json": `{"tests": 3}`}, false},
		{"no JSON", map[string]string{"report.json": "hello"}, false},
		{"empty report", map[string]string{"report.json": ""}, false},
	} {
		folder := t.TempDir()
		for name, text := range tt.files {
			path := filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := ours(folder); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	folder := t.TempDir()
	if ours(filepath.Join(folder, "none")) {
		t.Error("a folder that is not there is ours")
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "report.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	if ours(folder) {
		t.Error("a FIFO is an earlier run's report")
	}
	if mounted(folder) || !mounted("/proc") {
		t.Error("mounts are not told apart")
	}
}

func TestGroupFor(t *testing.T) {
	for _, tt := range []struct{ folders, own, want int }{{1234, standardUser, 1234}, {0, standardUser, standardUser}} {
		if got := groupFor(tt.folders, tt.own); got != tt.want {
			t.Errorf("folder of group %d: runs as group %d, want %d", tt.folders, got, tt.want)
		}
	}
}
