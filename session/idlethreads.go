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

// With oneDNN, each thread that runs a kernel keeps what oneDNN has prepared for that
// kernel, up to 1,024 entries of each kind, for every shape that the thread has run. In
// a process that opens networks for months, that becomes hundreds of megabytes. No
// call of TensorFlow frees the memory, but the end of the thread does. So idle threads
// are ended each time that the process has met enough new shapes; Go starts others as
// they are needed. A shape that comes again counts for nothing.
//
// Threads that are in TensorFlow at that moment stay, and so do TensorFlow's own
// threads, which run the kernels of sessions with the Parallel executor.

// stepsPerCleanup is how many steps of networks, counted for each new batch size, pay
// for a cleanup.
const stepsPerCleanup = 256

// cleanup is the state of the cleanups of idle threads.
var cleanup struct {
	steps atomic.Int64 // new since the last cleanup
	times atomic.Int64
	mu    sync.Mutex // held while a cleanup runs
}

// batchSizes is the set of batch sizes that a tfSession has run; sizes from 1,024 on
// share bits with smaller ones.
type batchSizes struct {
	bits [16]atomic.Uint64
}

// add adds a batch size, and starts a cleanup of idle threads when that is due.
func (b *batchSizes) add(images, steps int) {
	word, bit := &b.bits[images>>6%len(b.bits)], uint64(1)<<(images&63)
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return
	}
	if cleanup.steps.Add(int64(steps)) < stepsPerCleanup || !cleanup.mu.TryLock() {
		return
	}
	cleanup.steps.Store(0)
	go func() {
		defer cleanup.mu.Unlock()
		endIdleThreads()
		cleanup.times.Add(1)
		time.Sleep(threadEndTime)
		tensorflow.Trim() // returns what the threads have freed
	}()
}

// threadEndTime is time enough for threads to free their memory; nothing depends on it.
const threadEndTime = 20 * time.Millisecond

// maxEnded bounds the cost of a cleanup: some 50 µs a thread.
const maxEnded = 256

// endIdleThreads ends idle threads. A goroutine that ends while it is locked to its
// thread takes that thread with it, and the next idle thread goes on in its place. The
// goroutines run one after the other, so that there is never more than one thread more
// than before.
func endIdleThreads() {
	for range min(pprof.Lookup("threadcreate").Count(), maxEnded) {
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
