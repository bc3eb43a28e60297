package capi

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
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
	freed        bool
}

// Prepare copies the feeds. What it was given may be changed when it returns.
func (s *Session) Prepare(feeds []Feed, fetches []Port) (*Call, error) {
	from := make([]Port, len(feeds))
	for i, feed := range feeds {
		from[i] = feed.Port
	}
	c := &Call{
		session: s,
		inputs:  ports(from), outputs: ports(fetches),
		fed: tensorArray(len(feeds)), fetched: tensorArray(len(fetches)),
	}
	for i, feed := range feeds {
		value, err := feed.native()
		if err != nil {
			c.Free()
			return nil, err
		}
		c.fed[i] = value
	}
	return c, nil
}

// Run executes the graph once and returns the fetched tensors in Go's memory,
// in the order asked for. Tensors of type float32 and uint8 can be fetched.
// When it returns, nothing native is left of the call, whether it failed or
// not.
func (c *Call) Run() ([]Fetched, error) {
	defer c.Free()
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.TF_SessionRun(c.session.c, nil,
		c.inputs, unsafe.SliceData(c.fed), C.int(len(c.fed)),
		c.outputs, unsafe.SliceData(c.fetched), C.int(len(c.fetched)),
		nil, 0, nil, status)
	runtime.KeepAlive(c.session.session)
	runtime.KeepAlive(c.session.graph)
	if err := failure(status); err != nil {
		return nil, err
	}
	results := make([]Fetched, len(c.fetched))
	for i, native := range c.fetched {
		result, err := copyOut(native)
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
	for _, list := range [][]*C.TF_Tensor{c.fed, c.fetched} {
		deleteTensors(list)
		C.free(unsafe.Pointer(unsafe.SliceData(list)))
	}
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
