// Command launcher starts cnndemo in the Docker image: it is what the image calls
// cnndemo. It links no libtensorflow, so that it can do what must come before
// that library is loaded:
//
//   - A processor without AVX, or an emulated one, gets a line that says so; the
//     library would end in an illegal instruction before main.
//   - A folder mounted at /out that Docker has just made belongs to root, and
//     the image does not run as root: an empty folder, or one with nothing but
//     an earlier run's files, is handed to the user that it runs as. Where a
//     user's own folder is mounted and nothing was said with --user, it runs as
//     that user and the folder's group, but never as user 0 or group 0. Both
//     need file capabilities, which `--cap-drop ALL` and no-new-privileges take
//     away: then nothing is done.
//   - A container's first process does not get signals that it has no handler
//     for yet: SIGTERM would be lost while the library is loaded. The launcher
//     is that process, and hands signals on to cnndemo, its child.
//   - Where the library cannot be mapped the dynamic linker ends cnndemo with
//     status 127; the launcher says that the machine lacks something, status 3.
//
// cnndemo itself has no privilege. The launcher ends with its exit status, or
// with 128 and the signal's number where a signal ended it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

const (
	program = "/opt/tfcnn/bin/cnndemo"
	output  = "/out"
	// standardUser is the image's USER: who runs as it said nothing.
	standardUser = 65532
)

func main() {
	os.Exit(start(os.Args, os.Stderr))
}

// start gives cnndemo's exit status, or 3 where it cannot be started.
func start(arguments []string, stderr io.Writer) int {
	if runtime.GOARCH == "amd64" && !cpu.X86.HasAVX {
		fmt.Fprintln(stderr, "cnndemo: this processor (or the emulation of one) has no AVX, which TensorFlow's library needs; run the image on an x86-64 machine with AVX, not emulated")
		return 3
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	// Credentials are the thread's own.
	runtime.LockOSThread()
	if err := takeOutput(output); err != nil {
		// cnndemo says it better, when it cannot write.
		fmt.Fprintf(stderr, "cnndemo: %s: %v\n", output, err)
	}
	if err := dropPrivileges(); err != nil {
		fmt.Fprintf(stderr, "cnndemo: drop privileges: %v\n", err)
		return 3
	}
	cmd := exec.Command(program, arguments[1:]...)
	// Go's runtime sets this one in a program with capabilities, as this one is.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return v == "GOTRACEBACK=none" })
	if !mounted(output) {
		cmd.Env = append(cmd.Env, "TFCNN_UNMOUNTED="+output)
	}
	return supervise(cmd, signals, stderr)
}

// supervise runs cnndemo, hands signals on to it, and gives its exit status.
func supervise(cmd *exec.Cmd, signals <-chan os.Signal, stderr io.Writer) int {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = foreground()
	// Go makes the child out of this thread, whose credentials were changed.
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "cnndemo: %v\n", err)
		return 3
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended just now
		case err := <-ended:
			var exited *exec.ExitError
			if err != nil && !errors.As(err, &exited) {
				fmt.Fprintf(stderr, "cnndemo: %v\n", err)
				return 3
			}
			if status, known := cmd.ProcessState.Sys().(syscall.WaitStatus); known && status.Signaled() {
				return 128 + int(status.Signal())
			}
			if status := cmd.ProcessState.ExitCode(); status != notLoaded {
				return status
			}
			fmt.Fprintln(stderr, "cnndemo: the program could not be loaded, the dynamic linker says why in the line above; where a segment could not be mapped, raise the limit of address space (ulimit -v)")
			return 3
		}
	}
}

// notLoaded is the dynamic linker's exit status; cnndemo has no such.
const notLoaded = 127

// foreground has a terminal's signals go to cnndemo alone where this process has a
// terminal: one Ctrl-C is one SIGINT then, and not one from the terminal and one
// that is handed on.
func foreground() *syscall.SysProcAttr {
	for fd := range 3 {
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && group == unix.Getpgrp() {
			return &syscall.SysProcAttr{Foreground: true, Ctty: fd}
		}
	}
	return nil
}
