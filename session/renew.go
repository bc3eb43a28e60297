package session

import (
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tfcnn/internal/capi"
)

// With oneDNN each thread that runs a kernel keeps what it has prepared for it,
// up to 1,024 of each kind, for every shape that it has met: in a process that
// opens networks for months, or runs pictures of any size, that becomes hundreds
// of megabytes. No call of TensorFlow frees it, but the thread's end does. So
// threads are ended, and others take their place as they are needed, each time
// that the process has met so many new shapes.

// renewAfter is how many steps of networks, each for each size of batch, make
// it worth while.
const renewAfter = 256

var renewal struct {
	epoch atomic.Uint32 // of what lanes have seen
	steps atomic.Int64  // that are new since
	mu    sync.Mutex    // held by the one under way
}

// seen are the sizes of batches that a lane has run since the last renewal; the
// larger ones share bits.
type seen struct {
	epoch atomic.Uint32
	sizes [16]atomic.Uint64
}

// note enters a batch's size, and renews the threads when that is due.
func (s *seen) note(pictures, steps int) {
	word, bit := &s.sizes[pictures>>6%len(s.sizes)], uint64(1)<<(pictures&63)
	if epoch := renewal.epoch.Load(); s.epoch.Load() != epoch {
		s.epoch.Store(epoch)
		for i := range s.sizes {
			s.sizes[i].Store(0)
		}
	}
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return
	}
	if renewal.steps.Add(int64(steps)) >= renewAfter && renewal.mu.TryLock() {
		go func() {
			defer renewal.mu.Unlock()
			renewal.steps.Store(0)
			renewal.epoch.Add(1)
			renewThreads()
			time.Sleep(threadsEnd)
			capi.Trim() // what they have freed
		}()
	}
}

// threadsEnd is time enough for threads to free what they have kept; nothing
// depends on it.
const threadsEnd = 20 * time.Millisecond

// mostRenewed bounds what a renewal costs: some 20 µs a thread.
const mostRenewed = 256

// renewThreads ends the threads that have nothing to do now. A goroutine that
// ends while it is locked to its thread takes that with it: there are as many of
// them as there are threads, all at once, so that each idle one gets one.
func renewThreads() {
	n := min(pprof.Lookup("threadcreate").Count(), mostRenewed)
	var ready sync.WaitGroup
	release := make(chan struct{})
	for range n {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-release
			if syscall.Gettid() == syscall.Getpid() {
				runtime.UnlockOSThread() // the first thread cannot end
			}
		}()
	}
	ready.Wait()
	close(release)
}
