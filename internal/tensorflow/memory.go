package tensorflow

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"tfcnn/internal/machine/limits"
)

// ErrMemory is wrapped by the error of a call that needs more memory than the
// process can get. Where an allocation fails inside TensorFlow, TensorFlow ends the
// process, or the system does.
var ErrMemory = errors.New("not enough memory")

// FreeMemory returns how much memory the process can still get: the least of
// MemAvailable of the machine, what the limits of its memory cgroups (version 1 and
// 2, its own and those above it) leave when the page cache is given back, and what
// RLIMIT_AS and RLIMIT_DATA leave. known is false where the system tells none of
// them. Bytes.
func FreeMemory() (free int64, known bool) {
	m, known := limits.This().Memory()
	return m.Bytes, known
}

// CheckMemory returns an error that wraps ErrMemory where the process cannot get so
// many bytes more; it names the limit. Where the system tells no limit, the bound is
// 2⁴⁶ bytes. Before it refuses, it collects Go's garbage and, with session/tuned,
// gives back what C's allocator holds unused. It does not know of other calls that
// will take memory at the same time.
func CheckMemory(bytes int64) error {
	for collected := false; ; collected = true {
		free, known := limits.This().Memory()
		lately.bytes.Store(free.Bytes)
		lately.at.Store(time.Now().UnixNano())
		if !known {
			free = limits.Memory{Bytes: noMachine, Source: "size of any machine"}
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

// noMachine is more than any machine has free; bytes.
const noMachine = 1 << 46

// lately is what was free when it was last looked at, and when that was.
var lately struct{ bytes, at atomic.Int64 }

const (
	// littleMemory is a need that is not worth a look, muchMemory one that always is.
	littleMemory, muchMemory = 1 << 20, 64 << 20
	// An eighth of what was free a second ago is still free.
	lateShare = 8
	lateTime  = time.Second
)

// CheckMemoryLately is CheckMemory for calls that may come a thousand times a
// second: small needs are held to what was free lately.
func CheckMemoryLately(bytes int64) error {
	if bytes <= littleMemory || bytes <= min(muchMemory, lately.bytes.Load()/lateShare) && time.Now().UnixNano()-lately.at.Load() < int64(lateTime) {
		return nil
	}
	return CheckMemory(bytes)
}
