package tensorflow

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"tfcnn/internal/machine/freememory"
)

// ErrMemory is wrapped by the error of a call that needs more memory than the process
// can get. Without the check, a failed allocation in TensorFlow would end the process.
var ErrMemory = errors.New("not enough memory")

// FreeMemory returns the bytes of memory that the process can still get: the least of
// MemAvailable of the machine, the rest of the limits of its memory cgroups (version 1
// and 2, its own and those above it, page cache not counted as used), and the rest of
// RLIMIT_AS and RLIMIT_DATA. known is false where the system reports none of them.
func FreeMemory() (free int64, known bool) {
	m, known := freememory.This().Memory()
	return m.Bytes, known
}

// CheckMemory returns an error that wraps ErrMemory where the process cannot get so
// many bytes more; it names the limit. Where the system reports no limit, the limit is
// 2⁴⁶ bytes. Before it refuses, it collects Go's garbage and, with session/tuned,
// returns unused memory of C's allocator to the system. Other calls that take memory at
// the same time are not counted.
func CheckMemory(bytes int64) error {
	for collected := false; ; collected = true {
		free, known := freememory.This().Memory()
		lastRead.bytes.Store(free.Bytes)
		lastRead.at.Store(time.Now().UnixNano())
		if !known {
			free = freememory.Memory{Bytes: maxMachine, Source: "size of any machine"}
		}
		if bytes <= free.Bytes {
			return nil
		}
		if collected {
			return fmt.Errorf("%w: needs %s, %s free, by the %s", ErrMemory, humanize.IBytes(uint64(bytes)), humanize.IBytes(uint64(free.Bytes)), free.Source)
		}
		debug.FreeOSMemory()
		Trim()
	}
}

// maxMachine is more than any machine has free, in bytes.
const maxMachine = 1 << 46

// lastRead is the free memory that was read last, and when it was read.
var lastRead struct{ bytes, at atomic.Int64 }

const (
	// A need of littleMemory is not checked; a need of muchMemory always reads anew.
	littleMemory, muchMemory = 1 << 20, 64 << 20
	// An eighth of the memory that was free a second ago is still free.
	cacheShare = 8
	cacheTime  = time.Second
)

// CheckMemoryCached is CheckMemory for calls that may come a thousand times a
// second: a small need is compared with the free memory that was read within a second.
func CheckMemoryCached(bytes int64) error {
	if bytes <= littleMemory || bytes <= min(muchMemory, lastRead.bytes.Load()/cacheShare) && time.Now().UnixNano()-lastRead.at.Load() < int64(cacheTime) {
		return nil
	}
	return CheckMemory(bytes)
}
