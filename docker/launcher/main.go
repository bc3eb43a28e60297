// Command launcher starts cnndemo in the image: it is what the image calls
// cnndemo. It links no libtensorflow, so that it can do what must come before
// that library is loaded:
//
//   - A processor without AVX, or an emulated one, is told so in a line; the
//     library would end in an illegal instruction before main.
//   - A folder mounted at /out that Docker has just made belongs to root, and
//     the image does not run as root: the folder is handed to the user that it
//     runs as. Where a user's own folder is mounted and nothing was said with
//     --user, it runs as that user. Both need file capabilities, which
//     `--cap-drop ALL` and no-new-privileges take away: then nothing is done.
//   - SIGTERM that comes while the library is loaded waits for cnndemo's own
//     handler; the kernel drops it for a container's first process otherwise.
//
// It then becomes cnndemo, without any privilege.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
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

// start returns the exit status of what failed; cnndemo takes its place
// otherwise.
func start(arguments []string, stderr io.Writer) int {
	if runtime.GOARCH == "amd64" && !cpu.X86.HasAVX {
		fmt.Fprintln(stderr, "cnndemo: this processor (or the emulation of one) has no AVX, which TensorFlow's library needs; run the image on an x86-64 machine with AVX, not emulated")
		return 3
	}
	// What follows is the thread's own: credentials, capabilities, signals.
	runtime.LockOSThread()
	if err := takeOutput(output); err != nil {
		// cnndemo says it better, when it cannot write.
		fmt.Fprintf(stderr, "cnndemo: %s: %v\n", output, err)
	}
	if err := dropPrivileges(); err != nil {
		fmt.Fprintf(stderr, "cnndemo: drop privileges: %v\n", err)
		return 3
	}
	var waiting unix.Sigset_t
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		waiting.Val[0] |= 1 << (uint(signal) - 1)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &waiting, nil); err != nil {
		fmt.Fprintf(stderr, "cnndemo: signals: %v\n", err)
		return 3
	}
	err := syscall.Exec(program, append([]string{"cnndemo"}, arguments[1:]...), os.Environ())
	fmt.Fprintf(stderr, "cnndemo: %s: %v\n", program, err)
	return 3
}
