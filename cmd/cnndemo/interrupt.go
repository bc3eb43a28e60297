package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"tfcnn/internal/quote"
)

// After the first signal a command has returnLimit to return by itself. A
// command that cannot return (in a computation that takes no context, a call of
// TensorFlow, a read of a pipe without a writer) is left as it is: within
// undoLimit the command's unfinished work is undone, and the process ends.
const (
	returnLimit = 300 * time.Millisecond
	undoLimit   = 600 * time.Millisecond
)

// unfinished is the work of the command that runs.
var unfinished work

// work lists the work to be undone where a process ends in the middle of a
// command, and the files that are finished. Its methods may be called from many
// goroutines.
type work struct {
	mu      sync.Mutex
	undo    []*func()
	written []string
}

// begin registers how a piece of work is undone: staged files removed, a child
// process ended. The caller calls end when the work is finished or undone; undo
// may run beside the work itself.
func (w *work) begin(undo func()) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	own := &undo
	w.undo = append(w.undo, own)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.undo = slices.DeleteFunc(w.undo, func(other *func()) bool { return other == own })
	}
}

// wrote records an output that has its name.
func (w *work) wrote(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written = append(w.written, path)
}

// abandon undoes all that is unfinished.
func (w *work) abandon() {
	w.mu.Lock()
	list := slices.Clone(w.undo)
	w.mu.Unlock()
	var running sync.WaitGroup
	for _, undo := range list {
		running.Go(*undo)
	}
	running.Wait()
}

// interrupted is the line that says which files an interrupted command leaves.
func (w *work) interrupted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.written) == 0 {
		return "interrupted, nothing was written"
	}
	var names []string
	for _, path := range w.written {
		names = append(names, quote.Plain(path))
	}
	return "interrupted after it had written " + strings.Join(names, ", ")
}

// supervise runs a command, whose unfinished work is w, and returns its exit status.
// The first signal cancels the command's context and ends the process within a second, whatever
// the command does; the second ends it at once.
func supervise(signals <-chan os.Signal, stderr io.Writer, w *work, command func(context.Context) int) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- command(ctx) }()
	status := exitInterrupted
	select {
	case status = <-ended:
		return status
	case <-signals:
		cancel()
	}
	select {
	case status = <-ended:
	case <-signals:
	case <-time.After(returnLimit):
	}
	if status != exitInterrupted {
		return status // the command was through, or failed of another cause
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		w.abandon()
		// Standard error may be a pipe that is full.
		fmt.Fprintf(stderr, "cnndemo: %s\n", w.interrupted())
	}()
	select {
	case <-said:
	case <-signals:
	case <-time.After(undoLimit):
	}
	return exitInterrupted
}
