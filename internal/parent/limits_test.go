package parent_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tfcnn/internal/parent"
)

const rlimitNproc = 6 // RLIMIT_NPROC, which package syscall lacks

// files are a folder's, by path.
type files map[string]string

func (f files) write(t *testing.T, folder string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Only a limit that can end the process leads to a child. The program reads the files
// of cgroups and of /proc from a folder that is mounted over them.
func TestLimits(t *testing.T) {
	const (
		own1 = "12:cpu,cpuacct:/docker/abc\n5:hugetlb,pids:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/:memory:\n0::/docker/abc\n"
		own2 = "0::/user.slice/user-1000.slice/app.scope\n"
		none = "9223372036854771712\n" // version 1: 2^63 less a page
	)
	for resource, least := range map[int]uint64{syscall.RLIMIT_AS: math.MaxUint64, syscall.RLIMIT_DATA: math.MaxUint64, rlimitNproc: 4096} {
		var r syscall.Rlimit
		if err := syscall.Getrlimit(resource, &r); err != nil || r.Cur < least {
			t.Skipf("the tests themselves run under resource limit %d: %d, %v", resource, r.Cur, err)
		}
	}
	for _, tt := range []struct {
		name       string
		limits     string // set by this command
		own        string // /proc/self/cgroup
		cgroups    files  // below /sys/fs/cgroup
		overcommit string
		parent     bool
	}{
		{"unlimited", "", "", nil, "0\n", false},
		{"address space", "prlimit --as=64000000000:", "", nil, "0\n", true},
		{"data", "prlimit --data=64000000000:", "", nil, "0\n", true},
		{"few processes", "prlimit --nproc=4095:", "", nil, "0\n", true},
		{"many processes", "prlimit --nproc=4096:", "", nil, "0\n", false},
		{"few descriptors", "prlimit --nofile=63:", "", nil, "0\n", true},
		{"a preloaded library", "env LD_PRELOAD=libc.so.6", "", nil, "0\n", true},
		{"no preloaded library", "env LD_PRELOAD=", "", nil, "0\n", false},
		{"strict overcommit", "", "", nil, "2\n", true},
		{"overcommit", "", "", nil, "1\n", false},
		{"1: no limits", "", own1, files{"pids/docker/abc/pids.max": "max\n", "memory/docker/abc/memory.limit_in_bytes": none, "memory/memory.limit_in_bytes": none}, "0\n", false},
		{"1: few processes", "", own1, files{"pids/docker/abc/pids.max": "4095\n"}, "0\n", true},
		{"1: many processes", "", own1, files{"pids/docker/abc/pids.max": "4096\n"}, "0\n", false},
		{"1: few processes above", "", own1, files{"pids/docker/abc/pids.max": "max\n", "pids/docker/pids.max": "100\n"}, "0\n", true},
		{"1: memory", "", own1, files{"memory/docker/abc/memory.limit_in_bytes": "17179869184\n"}, "0\n", true},
		{"1: memory above", "", own1, files{"memory/docker/abc/memory.limit_in_bytes": none, "memory/docker/memory.limit_in_bytes": "314572800\n"}, "0\n", true},
		{"1: a container without a namespace", "", own1, files{"memory/memory.limit_in_bytes": "314572800\n"}, "0\n", true},
		{"1: another cgroup's", "", own1, files{"memory/docker/ab/memory.limit_in_bytes": "314572800\n", "pids/docker/abcd/pids.max": "3\n", "cpu/docker/abc/pids.max": "3\n"}, "0\n", false},
		{"1: a cgroup with another's name", "", "1:name=systemd:/:memory:/a\n", files{"memory/a/memory.limit_in_bytes": "314572800\n"}, "0\n", false},
		{"2: no limits", "", own2, files{"user.slice/user-1000.slice/app.scope/pids.max": "max\n", "user.slice/user-1000.slice/app.scope/memory.max": "max\n", "user.slice/user-1000.slice/pids.max": "31813\n"}, "0\n", false},
		{"2: a folder with a name of version 1", "", own2, files{"pids/user.slice/user-1000.slice/app.scope/pids.max": "3\n"}, "0\n", false},
		{"2: few processes", "", own2, files{"user.slice/user-1000.slice/app.scope/pids.max": "64\n"}, "0\n", true},
		{"2: few processes above", "", own2, files{"user.slice/user-1000.slice/app.scope/pids.max": "max\n", "user.slice/pids.max": "64\n"}, "0\n", true},
		{"2: memory", "", own2, files{"user.slice/user-1000.slice/app.scope/memory.max": "17179869184\n"}, "0\n", true},
		{"2: memory above", "", own2, files{"user.slice/user-1000.slice/app.scope/memory.max": "max\n", "user.slice/user-1000.slice/memory.max": "314572800\n"}, "0\n", true},
		{"2: a container", "", "0::/\n", files{"memory.max": "314572800\n", "pids.max": "max\n"}, "0\n", true},
		{"2: a container's threads", "", "0::/\n", files{"memory.max": "max\n", "pids.max": "20\n"}, "0\n", true},
		{"2: a path outside", "", "0::/../../a\n", files{"memory.max": "314572800\n"}, "0\n", true},
		{"long lines before", "", strings.Repeat("9:freezer:/"+strings.Repeat("a", 250)+"\n", 20) + "0::/a\n", files{"a/memory.max": "314572800\n"}, "0\n", true},
		{"no file at all", "", own2, nil, "0\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			tt.cgroups.write(t, filepath.Join(folder, "cgroup"))
			files{"own": tt.own, "overcommit": tt.overcommit, "cgroup/there": ""}.write(t, folder)
			cmd := isolated(folder, `mount --bind cgroup /sys/fs/cgroup && mount --bind own /proc/$$/cgroup && mount --bind overcommit /proc/sys/vm/overcommit_memory || exit 77
				exec `+tt.limits+` "$0"`)
			cmd.Env = append(environment(), modeVariable+"=parent")
			out, err := cmd.Output()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77 {
				t.Skipf("nothing can be mounted here: %v", err)
			}
			var process, above int
			if _, err := fmt.Sscan(string(out), &process, &above); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			want := fmt.Sprintf("%d %d\n", cmd.Process.Pid, os.Getpid())
			if tt.parent {
				want = fmt.Sprintf("%d %d\n", process, cmd.Process.Pid)
			}
			if string(out) != want || (process == cmd.Process.Pid) == tt.parent {
				t.Errorf("process and parent are %q, want %q", out, want)
			}
		})
	}
}

// isolated runs a shell command, whose $0 is the test's binary, with mounts of its
// own, in a folder.
func isolated(folder, line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line, os.Args[0])
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	return cmd
}

// environment returns this process's environment without TFCNN_PARENT. The race
// detector would wait a second before a program exits, and would end a program without
// memory with a status of its own, where Go's runtime exits with 2.
func environment() []string {
	list := []string{"GORACE=atexit_sleep_ms=0 exitcode=2"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TFCNN_PARENT=") {
			list = append(list, variable)
		}
	}
	return list
}

// In a cgroup with too few threads or too little memory the program ends with status 3
// and the reason.
func TestCgroups(t *testing.T) {
	for _, tt := range []struct{ name, mode, controller, file1, file2, limit, says string }{
		{"threads", "threads", "pids", "pids.max", "pids.max", "12", "cnndemo: the system gave no further thread: Resource temporarily unavailable; raise "},
		{"memory", "fill", "memory", "memory.limit_in_bytes", "memory.max", "104857600", "cnndemo: the kernel killed the process, as its cgroup had no memory left; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := newCgroup(t, tt.controller, tt.file1, tt.file2, tt.limit)
			cmd := exec.Command("sh", "-c", `echo $$ > "$1/cgroup.procs" && exec "$0"`, os.Args[0], folder)
			cmd.Env = append(environment(), modeVariable+"="+tt.mode)
			out, err := cmd.CombinedOutput()
			text := strings.TrimSuffix(string(out), "\n")
			if last := text[strings.LastIndex(text, "\n")+1:]; cmd.ProcessState.ExitCode() != 3 || !strings.HasPrefix(last, tt.says) {
				t.Errorf("%v, says %q, want status 3 and %q", err, last, tt.says)
			}
			// Without the parent the end is Go's or the kernel's.
			cmd = exec.Command("sh", "-c", `echo $$ > "$1/cgroup.procs" && exec "$0"`, os.Args[0], folder)
			cmd.Env = append(environment(), modeVariable+"="+tt.mode, parent.Off)
			if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() == 3 || strings.Contains(string(out), tt.says) {
				t.Errorf("without a parent: %v, %s", err, out)
			}
		})
	}
}

// newCgroup makes a cgroup that has a limit, of version 1 or 2.
func newCgroup(t *testing.T, controller, file1, file2, limit string) string {
	t.Helper()
	for _, cgroup := range []struct{ folder, file string }{{"/sys/fs/cgroup/" + controller, file1}, {"/sys/fs/cgroup", file2}} {
		folder := filepath.Join(cgroup.folder, fmt.Sprintf("tfcnn-test-%d", os.Getpid()))
		if os.Mkdir(folder, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			// The kernel still counts a process for a moment after its end.
			for range 100 {
				if err := os.Remove(folder); err == nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("%s stays", folder)
		})
		if os.WriteFile(filepath.Join(folder, cgroup.file), []byte(limit), 0) == nil {
			return folder
		}
	}
	t.Skip("no cgroup can be made here")
	return ""
}
