package capi

/*
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"bytes"
	"unsafe"
)

// RunRecorded is Run with TensorFlow's options and its record of the run: options
// is a RunOptions message, metadata a RunMetadata message. look is called while
// TensorFlow holds the results, which Results copies.
func (c *Call) RunRecorded(options []byte, look func() error) (metadata []byte, err error) {
	buffer := C.TF_NewBufferFromString(unsafe.Pointer(unsafe.SliceData(options)), C.size_t(len(options)))
	defer C.TF_DeleteBuffer(buffer)
	record := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(record)
	if err := c.run(buffer, record, look); err != nil {
		return nil, err
	}
	return bytes.Clone(unsafe.Slice((*byte)(record.data), record.length)), nil
}

// Results copies the fetched tensors into Go's memory. It is for RunRecorded's
// look.
func (c *Call) Results() ([]Fetched, error) { return c.copyOut(nil) }
