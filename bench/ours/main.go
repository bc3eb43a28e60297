// Command ours is the contestants of bench that are built on this module's
// libtensorflow: the session package, the bare bindings, and the machine's
// limits.
//
//	ours CONTESTANT < requests > replies
//	ours device gpu                           status 1 where there is none
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tfcnn/bench/worker"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

// contestants by the name that bench gives them.
var contestants = []struct {
	name    string
	prepare func(worker.Job) (worker.Runner, error)
}{
	{"tfcnn", func(j worker.Job) (worker.Runner, error) { return openSession(j, into) }},
	{"tfcnn-run", func(j worker.Job) (worker.Runner, error) { return openSession(j, fresh) }},
	{"tfcnn-batching", func(j worker.Job) (worker.Runner, error) { return openSession(j, batching) }},
	{"tfcnn-trusted", func(j worker.Job) (worker.Runner, error) { return openSession(j, trusting) }},
	{"bindings", func(j worker.Job) (worker.Runner, error) { return openBindings(j, example) }},
	{"bindings-best", func(j worker.Job) (worker.Runner, error) { return openBindings(j, best) }},
	{"bindings-single", func(j worker.Job) (worker.Runner, error) { return openBindings(j, single) }},
	{"limits", openLimits},
}

// ownReplies moves standard output to a descriptor of its own, for replies; what
// libraries print there, as oneDNN with ONEDNN_VERBOSE, goes to standard error.
func ownReplies() (*os.File, error) {
	descriptor, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("replies: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return nil, fmt.Errorf("replies: %w", err)
	}
	return os.NewFile(uintptr(descriptor), "replies"), nil
}

func main() {
	names := make([]string, len(contestants))
	for i, c := range contestants {
		names[i] = c.name
	}
	if len(os.Args) == 3 && os.Args[1] == "device" {
		if _, err := tensorflow.ChooseDevice(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) != 2 || !slices.Contains(names, os.Args[1]) {
		fmt.Fprintf(os.Stderr, "usage: ours CONTESTANT, one of %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	c := contestants[slices.Index(names, os.Args[1])]
	replies, err := ownReplies()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ours:", err)
		os.Exit(1)
	}
	err = worker.Serve(os.Stdin, replies, func(j worker.Job) (worker.Runner, string, error) {
		runner, err := c.prepare(j)
		return runner, "TensorFlow " + process.Version(), err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ours:", err)
		os.Exit(1)
	}
}
