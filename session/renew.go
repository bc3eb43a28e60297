package session

import (
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tfcnn/internal/tensorflow"
)

// With oneDNN each thread that runs a kernel keeps what it has prepared for it,
// up to 1,024 of each kind, for every shape that it has met: in a process that
// opens networks for months, that becomes hundreds of megabytes. No call of
// TensorFlow frees it, but the thread's end does. So each time that the process
// has met enough new shapes, threads that are idle are ended; others take their
// place as they are needed. Shapes that come again cost nothing.
//
// Left alone are threads that are in TensorFlow at that moment, and those of its
// own, which run the kernels of sessions with the Parallel executor.

// renewAfter is how many steps of networks, each for each size of batch that is
// new, make it worth while.
const renewAfter = 256

var renewal struct {
	steps atomic.Int64 // new since the last one
	times atomic.Int64
	mu    sync.Mutex // held by the one under way
}

// seen are the sizes of batches that a lane has run; the larger ones share bits.
type seen struct {
	sizes [16]atomic.Uint64
}

// note enters a batch's size, and renews the threads when that is due.
func (s *seen) note(pictures, steps int) {
	word, bit := &s.sizes[pictures>>6%len(s.sizes)], uint64(1)<<(pictures&63)
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return
	}
	if renewal.steps.Add(int64(steps)) < renewAfter || !renewal.mu.TryLock() {
		return
	}
	renewal.steps.Store(0)
	go func() {
		defer renewal.mu.Unlock()
		renewThreads()
		renewal.times.Add(1)
		time.Sleep(threadsEnd)
		tensorflow.Trim() // what they have freed
	}()
}

// threadsEnd is time enough for threads to free what they have kept; nothing
// depends on it.
const threadsEnd = 20 * time.Millisecond

// mostRenewed bounds what a renewal costs: some 50 µs a thread.
const mostRenewed = 256

// renewThreads ends idle threads. A goroutine that ends while it is locked to its
// thread takes that with it, and the next idle one goes on in its place: one
// after the other, so that there is never more than one thread more than before.
func renewThreads() {
	for range min(pprof.Lookup("threadcreate").Count(), mostRenewed) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			runtime.LockOSThread()
			if syscall.Gettid() == syscall.Getpid() {
				runtime.UnlockOSThread() // the first thread cannot end
			}
		}()
		<-ended
	}
}
