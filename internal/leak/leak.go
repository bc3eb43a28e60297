// Package leak reports values that were opened and not closed.
//
//	r := leak.Watch(owner, "session of 3 layers", "tfcnn/session")
//	…
//	r.Done() // when owner is closed
//
// Where the garbage collector finds an owner before Done, the leak is reported with the
// position of the call that opened it. Nothing is freed then: the caller must close.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Leak is a value that was opened and not closed.
type Leak struct {
	What     string // as "session of 3 layers"
	OpenedAt string // as "main.go:42 (main.main)"
}

// String returns one sentence with both.
func (l Leak) String() string { return l.What + " opened at " + l.OpenedAt + " was not closed" }

// Record is the record of one open value.
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

// Watch records an owner and the position of the first caller in none of the packages.
func Watch[T any](owner *T, what string, packages ...string) *Record {
	r := &Record{leak: Leak{What: what, OpenedAt: caller(packages)}}
	open.Lock()
	defer open.Unlock()
	if open.records == nil {
		open.records = map[*Record]bool{}
	}
	open.next++
	r.number = open.next
	open.records[r] = true
	cleanup := runtime.AddCleanup(owner, func(r *Record) { r.collected() }, r)
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

// collected reports a record whose owner the garbage collector has found. The record
// stays open.
func (r *Record) collected() {
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

// Report sets the function that receives leaks; it may be called from any goroutine.
// With nil, the default, leaks are printed on stderr.
func Report(f func(Leak)) {
	open.Lock()
	defer open.Unlock()
	open.report = f
}

// Now returns a mark for Since: the number of values opened so far.
func Now() uint64 {
	open.Lock()
	defer open.Unlock()
	return open.next
}

// Since lists the values that were opened after a mark and are not closed, garbage or
// not, the oldest first.
func Since(mark uint64) []Leak {
	open.Lock()
	defer open.Unlock()
	var records []*Record
	for r := range open.records {
		if r.number > mark {
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

// caller returns the position of the first caller in none of the packages.
func caller(packages []string) string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		ignored := slices.ContainsFunc(packages, func(p string) bool { return strings.HasPrefix(frame.Function, p+".") })
		if !ignored || !more {
			return fmt.Sprintf("%s:%d (%s)", frame.File, frame.Line, frame.Function)
		}
	}
}
