// Package leak remembers who opened what must be closed.
//
//	r := leak.Watch(owner, "session of 3 layers", "tfcnn/session")
//	…
//	r.Done() // when owner is closed
//
// An owner that the garbage collector finds before Done is reported, with the
// place that opened it; nothing is freed then, as closing is the owner's duty.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Leak is something that was opened and not closed.
type Leak struct {
	What  string // as "session of 3 layers"
	Place string // that opened it, as "main.go:42 (main.main)"
}

// String says both.
func (l Leak) String() string { return l.What + " opened at " + l.Place + " was not closed" }

// Record is of one thing that is open.
type Record struct {
	leak   Leak
	number uint64 // in the order of opening
	stop   func()
}

var open struct {
	sync.Mutex
	next    uint64
	records map[*Record]bool
	report  func(Leak)
}

// Watch remembers an owner, and as the place the first caller in none of the
// packages named.
func Watch[T any](owner *T, what string, packages ...string) *Record {
	r := &Record{leak: Leak{What: what, Place: place(packages)}}
	open.Lock()
	defer open.Unlock()
	if open.records == nil {
		open.records = map[*Record]bool{}
	}
	open.next++
	r.number = open.next
	open.records[r] = true
	cleanup := runtime.AddCleanup(owner, func(r *Record) { r.lost() }, r)
	r.stop = cleanup.Stop
	return r
}

// Done ends the watch. A second call does nothing.
func (r *Record) Done() {
	open.Lock()
	defer open.Unlock()
	if open.records[r] {
		delete(open.records, r)
		r.stop()
	}
}

// lost reports a record whose owner is garbage. It stays among the open.
func (r *Record) lost() {
	open.Lock()
	there, report := open.records[r], open.report
	open.Unlock()
	switch {
	case !there:
	case report != nil:
		report(r.leak)
	default:
		fmt.Fprintf(os.Stderr, "leak: %s\n", r.leak)
	}
}

// Report has leaks handed to f, which may be called from any goroutine; nil
// has them printed on stderr, as is the default.
func Report(f func(Leak)) {
	open.Lock()
	defer open.Unlock()
	open.report = f
}

// Now is a moment: Since tells what was opened after it.
func Now() uint64 {
	open.Lock()
	defer open.Unlock()
	return open.next
}

// Since lists what was opened after a moment and is not closed, garbage or
// not, the oldest first.
func Since(moment uint64) []Leak {
	open.Lock()
	defer open.Unlock()
	var records []*Record
	for r := range open.records {
		if r.number > moment {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int { return int(a.number) - int(b.number) })
	leaks := make([]Leak, len(records))
	for i, r := range records {
		leaks[i] = r.leak
	}
	return leaks
}

// place is that of the first caller outside this package and those named.
func place(packages []string) string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		inside := slices.ContainsFunc(packages, func(p string) bool { return strings.HasPrefix(frame.Function, p+".") })
		if !inside || !more {
			return fmt.Sprintf("%s:%d (%s)", frame.File, frame.Line, frame.Function)
		}
	}
}
