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
var live struct{ held, bounds, natives, nativeBytes, calls atomic.Int64 }

// Living is native memory that callers of this package have not freed.
type Living struct {
	Held, Bounds, Natives, Calls int64
	NativeBytes                  int64 // of the Natives
}

// Live says what there is now.
func Live() Living {
	return Living{
		Held: live.held.Load(), Bounds: live.bounds.Load(), Natives: live.natives.Load(), Calls: live.calls.Load(),
		NativeBytes: live.nativeBytes.Load(),
	}
}

// Native is memory outside Go's heap, aligned as TensorFlow likes it. The zero
// value has none; Free frees what there is. It is for one goroutine at a time.
type Native struct {
	data unsafe.Pointer
	room int // numbers
}

// Float32s gives memory for n numbers, which hold anything. What it gave before
// must not be used any more.
func (m *Native) Float32s(n int) ([]float32, error) {
	if n < 0 || n > math.MaxInt/8 {
		return nil, fmt.Errorf("capi: %d numbers of native memory, want 0 to %d", n, math.MaxInt/8)
	}
	if n > m.room || m.data == nil {
		m.Free()
		bytes := (max(4*n, 1) + alignment - 1) / alignment * alignment
		m.data = C.aligned_alloc(alignment, C.size_t(bytes))
		if m.data == nil {
			return nil, fmt.Errorf("capi: no native memory for %d bytes", bytes)
		}
		m.room = bytes / 4
		live.natives.Add(1)
		live.nativeBytes.Add(int64(bytes))
	}
	return unsafe.Slice((*float32)(m.data), n), nil
}

// Bytes is how much there is.
func (m *Native) Bytes() int64 { return 4 * int64(m.room) }

// Free frees the memory. A second call does nothing.
func (m *Native) Free() {
	if m.data == nil {
		return
	}
	C.free(m.data)
	live.natives.Add(-1)
	live.nativeBytes.Add(-m.Bytes())
	*m = Native{}
}
