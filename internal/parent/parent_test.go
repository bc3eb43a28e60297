package parent_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tfcnn/internal/parent"
)

const modeVariable = "TFCNN_TEST_MODE"

// The test's binary is a program that can be its own parent.
func TestMain(m *testing.M) {
	mode, argument, _ := strings.Cut(os.Getenv(modeVariable), " ")
	switch mode {
	case "":
		status := m.Run()
		parent.Ended()
		os.Exit(status)
	case "end": // with a status of its own
		status, _ := strconv.Atoi(argument)
		parent.Ended()
		os.Exit(status)
	case "limited": // with a status of its own, under a limit that is wide enough
		limitSpace(1 << 12)
		parent.Ended()
		os.Exit(2)
	case "crash":
		panic("a fault of the program's")
	case "signal":
		number, _ := strconv.Atoi(argument)
		syscall.Kill(os.Getpid(), syscall.Signal(number))
		time.Sleep(time.Minute)
	case "wait": // for a signal
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1)
		fmt.Println(os.Getppid())
		fmt.Println(<-signals)
		parent.Ended()
		os.Exit(5)
	case "parent": // is told
		fmt.Println(os.Getpid(), os.Getppid())
		parent.Ended()
		os.Exit(0)
	case "threads": // until there is none
		for {
			go func() {
				runtime.LockOSThread()
				select {}
			}()
			time.Sleep(time.Millisecond)
		}
	case "fill": // memory until there is none
		for all := [][]byte{}; len(all) >= 0; {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "pipe": // for which Go opens two descriptors of its own
		if _, _, err := os.Pipe(); err != nil {
			panic(err)
		}
		parent.Ended()
		os.Exit(0)
	case "heap": // until there is no memory for it
		limitSpace(64)
		for all := [][]byte{}; len(all) >= 0; {
			all = append(all, make([]byte, 16<<20))
		}
	}
}

// limitSpace lets the address space grow by so many MiB.
func limitSpace(mebibytes uint64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		panic(err)
	}
	size := pages*uint64(os.Getpagesize()) + mebibytes<<20
	// The parent reads its own limit, which it has when a shell sets it. This process
	// comes last: with the limit it may lack the memory to start prlimit.
	for _, pid := range []int{os.Getppid(), os.Getpid()} {
		setLimit(pid, size)
	}
}

func setLimit(pid int, size uint64) {
	if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(pid), fmt.Sprintf("--as=%d", size)).CombinedOutput(); err != nil {
		panic(string(out))
	}
}

// program returns the test's binary, with its own parent or without.
func program(mode, parent string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(environment(), modeVariable+"="+mode, parent)
	return cmd
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		mode   string
		status int            // -1: ended by
		signal syscall.Signal // this
		says   string         // the last line
	}{
		{"end 0", 0, 0, ""},
		{"end 1", 1, 0, ""},
		{"end 2", 2, 0, ""},
		{"end 3", 3, 0, ""},
		{"end 130", 130, 0, ""},
		{"limited", 2, 0, ""},
		{"crash", 2, 0, ""},
		{"signal 9", -1, syscall.SIGKILL, ""},
		{"signal 15", -1, syscall.SIGTERM, ""},
		{"heap", 3, 0, "cnndemo: the process ended for want of memory or of address space; raise ulimit -v (now "},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			if _, err := exec.LookPath("prlimit"); err != nil && tt.says != "" {
				t.Skip("no prlimit to set limits with")
			}
			var stderr strings.Builder
			cmd := program(tt.mode, parent.On)
			cmd.Stderr = &stderr
			var exited *exec.ExitError
			if err := cmd.Run(); err != nil && !errors.As(err, &exited) {
				t.Fatal(err)
			}
			state := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if cmd.ProcessState.ExitCode() != tt.status || tt.status < 0 && state.Signal() != tt.signal {
				t.Errorf("ended with %v, want status %d or %v", cmd.ProcessState, tt.status, tt.signal)
			}
			text := strings.TrimSuffix(stderr.String(), "\n")
			last := text[strings.LastIndex(text, "\n")+1:]
			if tt.says != "" && !strings.HasPrefix(last, tt.says) || tt.says == "" && strings.Contains(text, "cnndemo:") {
				t.Errorf("says %q, want %q", last, tt.says)
			}
		})
	}
}

// Too little address space for Go's runtime, or for the stack of its first thread,
// ends the process before main.
func TestBeforeMain(t *testing.T) {
	for limits, says := range map[string]string{
		"ulimit -v 300000":                     "cnndemo: the process ended for want of memory or of address space; raise ulimit -v (now 292 MiB), or",
		"ulimit -v 3000000; ulimit -s 4000000": "cnndemo: the system gave no further thread: Resource temporarily unavailable; raise ulimit -v (now 2929 MiB), ulimit -u",
	} {
		cmd := exec.Command("sh", "-c", limits+` && exec "$0"`, os.Args[0])
		cmd.Env = append(environment(), modeVariable+"=end 0")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(string(out), "\n"+says) {
			t.Errorf("%s: %v: %s", limits, err, out)
		}
	}
}

// A user with a limit of one process gets neither a child nor a thread.
func TestOneProcess(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as a user without processes")
	}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "program")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 54321
	cmd := exec.Command("prlimit", "--nproc=1", path)
	cmd.Env = append(environment(), modeVariable+"=end 0")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) || errors.Is(err, exec.ErrNotFound) {
		t.Skip(err)
	}
	if cmd.ProcessState.ExitCode() != 3 || !strings.HasPrefix(string(out), "cnndemo: the system gave no second process: Resource temporarily unavailable") {
		t.Errorf("%v: %s", err, out)
	}
}

// A signal to the parent reaches the child once; both end together.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGKILL} {
		cmd := program("wait", parent.On)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(pipe)
		line, err := lines.ReadString('\n')
		if err != nil || strings.TrimSpace(line) != strconv.Itoa(cmd.Process.Pid) {
			t.Errorf("%v: the program's parent is %q, want %d; %v", s, line, cmd.Process.Pid, err)
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Error(err)
		}
		rest, _ := io.ReadAll(lines) // until the child has ended
		err = cmd.Wait()
		if s == syscall.SIGKILL {
			if len(rest) > 0 {
				t.Errorf("killed: %q", rest)
			}
			continue
		}
		if cmd.ProcessState.ExitCode() != 5 || strings.TrimSpace(string(rest)) != s.String() {
			t.Errorf("%v: %v, %q", s, err, rest)
		}
	}
}

func TestOff(t *testing.T) {
	cmd := program("wait", parent.Off)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil || strings.TrimSpace(line) == strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("a parent is there: %q, %v", line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
}

// Go's runtime ends the process where it gets no file descriptor.
func TestFewDescriptors(t *testing.T) {
	cmd := exec.Command("sh", "-c", `ulimit -n 6 && exec "$0"`, os.Args[0])
	cmd.Env = append(environment(), modeVariable+"=pipe")
	out, err := cmd.CombinedOutput()
	const says = "cnndemo: the process ended for want of file descriptors; raise ulimit -n (now 6)\n"
	if cmd.ProcessState.ExitCode() != 3 || !strings.HasSuffix(string(out), says) {
		t.Errorf("%v: %s", err, out)
	}
}
