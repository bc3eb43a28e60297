package capi

/*
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"
#include "tensorflow/c/tf_tstring.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
)

// Fetched is a tensor that a run gave: Float for type float32, Bytes for
// uint8, and its shape.
type Fetched struct {
	Shape []int
	Float []float32
	Bytes []uint8
}

// Tensor is the fetched value as a float32 tensor.
func (f Fetched) Tensor() tensor.Tensor {
	if f.Float == nil && f.Bytes != nil {
		f.Float = make([]float32, len(f.Bytes))
		for i, b := range f.Bytes {
			f.Float[i] = float32(b)
		}
	}
	return tensor.Tensor{Shape: f.Shape, Data: f.Float}
}

// Held is a tensor in TensorFlow's memory that feeds any number of runs without
// a copy. It must outlive them, and be freed once after.
type Held struct{ c *C.TF_Tensor }

// Hold copies a tensor into TensorFlow's memory.
func Hold(t tensor.Tensor) (*Held, error) { return HoldAs(t, tf.Float) }

// HoldAs is Hold with the numbers rounded to tf.Half or tf.Bfloat16.
func HoldAs(t tensor.Tensor, dtype tf.DataType) (*Held, error) {
	c, err := native(t, dtype)
	if err != nil {
		return nil, err
	}
	live.held.Add(1)
	return &Held{c}, nil
}

// Free frees the tensor. A second call does nothing.
func (h *Held) Free() {
	if h.c != nil {
		C.TF_DeleteTensor(h.c)
		h.c = nil
		live.held.Add(-1)
	}
}

// native copies a feed into a tensor of TensorFlow's own.
func (f Feed) native() (*C.TF_Tensor, error) {
	if f.Bytes != nil {
		return nativeString(f.Bytes)
	}
	return native(f.Value, tf.Float)
}

// native copies numbers into a tensor of TensorFlow's own.
func native(t tensor.Tensor, dtype tf.DataType) (*C.TF_Tensor, error) {
	raw, err := encode(t, dtype)
	if err != nil {
		return nil, err
	}
	dims := make([]C.int64_t, len(t.Shape)+1)
	for i, size := range t.Shape {
		dims[i] = C.int64_t(size)
	}
	c := C.TF_AllocateTensor(C.TF_DataType(dtype), &dims[0], C.int(len(t.Shape)), C.size_t(len(raw)))
	if c != nil && len(raw) > 0 && C.TF_TensorData(c) == nil {
		// That is how TensorFlow says that it has no memory.
		C.TF_DeleteTensor(c)
		c = nil
	}
	if c == nil {
		return nil, fmt.Errorf("capi: TensorFlow has no memory for a tensor of %d bytes", len(raw))
	}
	if len(raw) > 0 {
		C.memcpy(C.TF_TensorData(c), unsafe.Pointer(&raw[0]), C.size_t(len(raw)))
	}
	return c, nil
}

// nativeString makes a scalar of type string.
func nativeString(text []byte) (*C.TF_Tensor, error) {
	t := C.TF_AllocateTensor(C.TF_STRING, nil, 0, C.sizeof_TF_TString)
	if t == nil {
		return nil, fmt.Errorf("capi: TensorFlow has no memory for a string of %d bytes", len(text))
	}
	s := (*C.TF_TString)(C.TF_TensorData(t))
	C.TF_StringInit(s)
	if len(text) > 0 {
		C.TF_StringCopy(s, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	}
	return t, nil
}

// deleteTensors frees what is there; strings own memory of their own.
func deleteTensors(list []*C.TF_Tensor) {
	for _, t := range list {
		if t == nil {
			continue
		}
		if C.TF_TensorType(t) == C.TF_STRING {
			size := C.TF_TensorByteSize(t)
			for at := C.size_t(0); at+C.sizeof_TF_TString <= size; at += C.sizeof_TF_TString {
				C.TF_StringDealloc((*C.TF_TString)(unsafe.Add(C.TF_TensorData(t), at)))
			}
		}
		C.TF_DeleteTensor(t)
	}
}

// copyOut copies a result into Go's memory, numbers into room where that is
// enough.
func copyOut(t *C.TF_Tensor, room []float32) (Fetched, error) {
	shape := make([]int, int(C.TF_NumDims(t)))
	for i := range shape {
		shape[i] = int(C.TF_Dim(t, C.int(i)))
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		return Fetched{}, err
	}
	f := Fetched{Shape: shape}
	var width int
	var data unsafe.Pointer
	switch kind := C.TF_TensorType(t); kind {
	case C.TF_FLOAT:
		if f.Float, width = room, 4; cap(room) < max(n, 1) {
			f.Float = make([]float32, n)
		}
		f.Float = f.Float[:n]
		data = unsafe.Pointer(unsafe.SliceData(f.Float))
	case C.TF_UINT8:
		f.Bytes, width = make([]uint8, n), 1
		data = unsafe.Pointer(unsafe.SliceData(f.Bytes))
	default:
		return Fetched{}, fmt.Errorf("capi: result has TensorFlow's type %d, want float32 or uint8", int(kind))
	}
	if got := int(C.TF_TensorByteSize(t)); got != n*width {
		return Fetched{}, fmt.Errorf("capi: result %s has %d bytes, want %d", tensor.FormatShape(shape), got, n*width)
	}
	if n > 0 {
		C.memcpy(data, C.TF_TensorData(t), C.size_t(n*width))
	}
	return f, nil
}
