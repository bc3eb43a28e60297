package capi

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
#include "loan.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Call is one run of a graph that has its inputs, in TensorFlow's memory, and
// has not been made. Exactly one of Run and Free must be called on it.
type Call struct {
	session      *Session
	inputs       *C.TF_Output // C arrays
	outputs      *C.TF_Output
	fed, fetched []*C.TF_Tensor // views of C arrays
	held         []bool         // which of fed belong to others
	loans        []*C.loan
	pins         runtime.Pinner // of what is lent
	freed        bool
}

// Prepare copies the feeds, but for those that are held or lent. What it was
// given else may be changed when it returns.
func (s *Session) Prepare(feeds []Feed, fetches []Port) (*Call, error) {
	from := make([]Port, len(feeds))
	for i, feed := range feeds {
		from[i] = feed.Port
	}
	c := &Call{
		session: s,
		inputs:  ports(from), outputs: ports(fetches),
		fed: tensorArray(len(feeds)), fetched: tensorArray(len(fetches)), held: make([]bool, len(feeds)),
	}
	live.calls.Add(1)
	for i, feed := range feeds {
		if feed.Held != nil {
			if feed.Held.c == nil {
				c.Free()
				return nil, errors.New("capi: feed was freed")
			}
			c.fed[i], c.held[i] = feed.Held.c, true
			continue
		}
		value, err := c.value(feed)
		if err != nil {
			c.Free()
			return nil, err
		}
		c.fed[i] = value
	}
	return c, nil
}

// value makes a feed's tensor.
func (c *Call) value(f Feed) (*C.TF_Tensor, error) {
	if !f.Lent || f.Bytes != nil || len(f.Value.Data) == 0 {
		return f.native()
	}
	if err := f.Value.Check(); err != nil {
		return nil, fmt.Errorf("capi: feed: %w", err)
	}
	l := (*C.loan)(C.malloc(C.sizeof_loan))
	data := unsafe.SliceData(f.Value.Data)
	c.pins.Pin(data)
	t := C.loan_tensor(l, (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(f.Value.Shape))), C.int(len(f.Value.Shape)),
		unsafe.Pointer(data), C.size_t(4*len(f.Value.Data)))
	if t == nil {
		C.free(unsafe.Pointer(l))
		return nil, fmt.Errorf("capi: TensorFlow takes no tensor of %d bytes", 4*len(f.Value.Data))
	}
	c.loans = append(c.loans, l)
	return t, nil
}

// Run executes the graph once and returns the fetched tensors in Go's memory,
// in the order asked for. Tensors of type float32 and uint8 can be fetched.
// When it returns, nothing native is left of the call, whether it failed or
// not.
func (c *Call) Run() ([]Fetched, error) { return c.RunOver() }

// RunOver is Run with the first results, as far as they are float32, in the
// rooms that it is given, where those are large enough.
func (c *Call) RunOver(rooms ...[]float32) (results []Fetched, err error) {
	err = c.run(nil, nil, func() (err error) {
		results, err = c.copyOut(rooms)
		return err
	})
	return results, err
}

// run executes the graph, has the results looked at, and frees all.
func (c *Call) run(options, metadata *C.TF_Buffer, look func() error) error {
	defer c.Free()
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.TF_SessionRun(c.session.c, options,
		c.inputs, unsafe.SliceData(c.fed), C.int(len(c.fed)),
		c.outputs, unsafe.SliceData(c.fetched), C.int(len(c.fetched)),
		nil, 0, metadata, status)
	runtime.KeepAlive(c.session.session)
	runtime.KeepAlive(c.session.graph)
	if err := failure(status); err != nil {
		return err
	}
	return look()
}

// copyOut copies the results into Go's memory, into rooms as far as there are
// some.
func (c *Call) copyOut(rooms [][]float32) ([]Fetched, error) {
	results := make([]Fetched, len(c.fetched))
	for i, native := range c.fetched {
		var room []float32
		if i < len(rooms) {
			room = rooms[i]
		}
		result, err := copyOut(native, room)
		if err != nil {
			return nil, err
		}
		results[i] = result
	}
	return results, nil
}

// Free frees a call that is not to be made. After Run it does nothing.
func (c *Call) Free() {
	if c.freed {
		return
	}
	c.freed = true
	live.calls.Add(-1)
	for i, others := range c.held {
		if others {
			c.fed[i] = nil
		}
	}
	for _, list := range [][]*C.TF_Tensor{c.fed, c.fetched} {
		deleteTensors(list)
		C.free(unsafe.Pointer(unsafe.SliceData(list)))
	}
	for _, l := range c.loans {
		C.loan_end(l)
		C.free(unsafe.Pointer(l))
	}
	c.pins.Unpin()
	C.free(unsafe.Pointer(c.inputs))
	C.free(unsafe.Pointer(c.outputs))
}

// Run is Prepare and Call.Run.
func (s *Session) Run(feeds []Feed, fetches []Port) ([]Fetched, error) {
	call, err := s.Prepare(feeds, fetches)
	if err != nil {
		return nil, err
	}
	return call.Run()
}

// tensorArray is a C array of n null tensors.
func tensorArray(n int) []*C.TF_Tensor {
	array := C.calloc(C.size_t(max(n, 1)), C.size_t(unsafe.Sizeof(uintptr(0))))
	return unsafe.Slice((**C.TF_Tensor)(array), n)
}
