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

// alignment is the alignment with which TensorFlow uses memory without a copy.
const alignment = 64

// live counts the allocations of this package that have not been freed.
var live struct{ tensors, runners, buffers, bufferBytes, runs atomic.Int64 }

// Allocations counts memory outside Go's heap that callers of this package have
// not freed, and the runs under way. The names in JSON are those of older reports.
type Allocations struct {
	Tensors     int64 `json:"Held"` // NativeTensors
	Runners     int64 `json:"Bounds"`
	Buffers     int64 `json:"Natives"` // AlignedBuffers
	Runs        int64 `json:"Calls"`
	BufferBytes int64 `json:"NativeBytes"`
}

// LiveAllocations returns the present counts.
func LiveAllocations() Allocations {
	return Allocations{
		Tensors: live.tensors.Load(), Runners: live.runners.Load(), Buffers: live.buffers.Load(), Runs: live.runs.Load(),
		BufferBytes: live.bufferBytes.Load(),
	}
}

// AlignedBuffer is memory outside Go's heap with the alignment that TensorFlow
// wants. The zero value has no memory; Free frees the memory of any value. A buffer
// is for one goroutine at a time.
type AlignedBuffer struct {
	data     unsafe.Pointer
	capacity int // bytes
}

// Bytes returns n bytes of any content. The result of an earlier call must not be
// used any more.
func (b *AlignedBuffer) Bytes(n int) ([]byte, error) {
	if n < 0 || n > math.MaxInt/2 {
		return nil, fmt.Errorf("capi: %d bytes of native memory, want 0 to %d", n, math.MaxInt/2)
	}
	if n > b.capacity || b.data == nil {
		b.Free()
		bytes := Aligned(max(n, 1))
		b.data = C.aligned_alloc(alignment, C.size_t(bytes))
		if b.data == nil {
			return nil, fmt.Errorf("capi: no native memory for %d bytes", bytes)
		}
		b.capacity = bytes
		live.buffers.Add(1)
		live.bufferBytes.Add(int64(bytes))
	}
	return unsafe.Slice((*byte)(b.data), n), nil
}

// Float32s returns Bytes as n numbers.
func (b *AlignedBuffer) Float32s(n int) ([]float32, error) {
	bytes, err := b.Bytes(min(n, math.MaxInt/8) * 4)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(bytes))), n), nil
}

// Aligned returns n rounded up to a multiple of the alignment.
func Aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// Free frees the memory. A second call does nothing.
func (b *AlignedBuffer) Free() {
	if b.data == nil {
		return
	}
	C.free(b.data)
	live.buffers.Add(-1)
	live.bufferBytes.Add(-int64(b.capacity))
	*b = AlignedBuffer{}
}
