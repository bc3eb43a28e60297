package capi

/*
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"
)

// alignment is what TensorFlow wants of memory that it is to use as it is.
const alignment = 64

// live counts what this package has allocated for its callers and they have
// not freed.
var live struct{ held, runners, natives, nativeBytes, runs atomic.Int64 }

// Living is native memory that callers of this package have not freed, and the
// runs under way. The names in JSON are those of older reports.
type Living struct {
	Held        int64
	Runners     int64 `json:"Bounds"`
	Natives     int64
	Runs        int64 `json:"Calls"`
	NativeBytes int64 // of the Natives
}

// Live says what there is now.
func Live() Living {
	return Living{
		Held: live.held.Load(), Runners: live.runners.Load(), Natives: live.natives.Load(), Runs: live.runs.Load(),
		NativeBytes: live.nativeBytes.Load(),
	}
}

// Native is memory outside Go's heap, aligned as TensorFlow likes it. The zero
// value has none; Free frees what there is. It is for one goroutine at a time.
type Native struct {
	data unsafe.Pointer
	room int // bytes
}

// Bytes gives memory for n bytes, which hold anything. What it gave before must
// not be used any more.
func (m *Native) Bytes(n int) ([]byte, error) {
	if n < 0 || n > math.MaxInt/2 {
		return nil, fmt.Errorf("capi: %d bytes of native memory, want 0 to %d", n, math.MaxInt/2)
	}
	if n > m.room || m.data == nil {
		m.Free()
		bytes := Aligned(max(n, 1))
		m.data = C.aligned_alloc(alignment, C.size_t(bytes))
		if m.data == nil {
			return nil, fmt.Errorf("capi: no native memory for %d bytes", bytes)
		}
		m.room = bytes
		live.natives.Add(1)
		live.nativeBytes.Add(int64(bytes))
	}
	return unsafe.Slice((*byte)(m.data), n), nil
}

// Float32s is Bytes for n numbers.
func (m *Native) Float32s(n int) ([]float32, error) {
	bytes, err := m.Bytes(min(n, math.MaxInt/8) * 4)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(bytes))), n), nil
}

// Aligned is n bytes rounded up to a place that TensorFlow likes.
func Aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// Free frees the memory. A second call does nothing.
func (m *Native) Free() {
	if m.data == nil {
		return
	}
	C.free(m.data)
	live.natives.Add(-1)
	live.nativeBytes.Add(-int64(m.room))
	*m = Native{}
}
