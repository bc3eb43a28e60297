package capi

/*
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

// Value is a tensor in Go's memory, of any type: Data has its numbers as
// TensorFlow stores them. One of type tf.String is a single string, with no shape.
type Value struct {
	Type  tf.DataType
	Shape []int
	Data  []byte
}

// Float32s returns a view of a float32 tensor.
func Float32s(t tensor.Tensor) Value {
	return Value{tf.Float, t.Shape, bytesOf(t.Data)}
}

// Tensor returns a view of a Value of type tf.Float. Data must lie at a multiple of 4,
// as it does in a result.
func (v Value) Tensor() tensor.Tensor {
	return tensor.Tensor{Shape: v.Shape, Data: unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(v.Data))), len(v.Data)/4)}
}

// bytesOf returns a view of numbers; it is nil only for nil.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// copyResult copies a result into memory of its own, which is aligned for numbers of
// every type.
func copyResult(t *C.TF_Tensor) Value {
	v := Value{Type: tf.DataType(C.TF_TensorType(t)), Shape: dims(t)}
	if v.Type == tf.String {
		s := (*C.TF_TString)(C.TF_TensorData(t))
		v.Data = append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(C.TF_StringGetDataPointer(s))), int(C.TF_StringGetSize(s)))...)
		return v
	}
	n := int(C.TF_TensorByteSize(t))
	words := make([]uint64, max(1, (n+7)/8))
	v.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))[:n:n]
	if n > 0 {
		C.memcpy(unsafe.Pointer(unsafe.SliceData(v.Data)), C.TF_TensorData(t), C.size_t(n))
	}
	return v
}

// dims returns the shape of a tensor.
func dims(t *C.TF_Tensor) []int {
	shape := make([]int, int(C.TF_NumDims(t)))
	for i := range shape {
		shape[i] = int(C.TF_Dim(t, C.int(i)))
	}
	return shape
}

// NativeTensor is a tensor in TensorFlow's memory that feeds any number of runs without
// a copy. It must outlive the runs.
type NativeTensor struct{ c *C.TF_Tensor }

// NewNativeTensor copies a tensor into TensorFlow's memory, its numbers as they are for
// tf.Float, rounded for tf.Half and tf.Bfloat16.
func NewNativeTensor(t tensor.Tensor, dtype tf.DataType) (*NativeTensor, error) {
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
		// A null pointer reports that TensorFlow has no memory.
		C.TF_DeleteTensor(c)
		c = nil
	}
	if c == nil {
		return nil, fmt.Errorf("capi: TensorFlow has no memory for a tensor of %d bytes", len(raw))
	}
	if len(raw) > 0 {
		C.memcpy(C.TF_TensorData(c), unsafe.Pointer(&raw[0]), C.size_t(len(raw)))
	}
	live.tensors.Add(1)
	return &NativeTensor{c}, nil
}

// Free frees the tensor. A second call does nothing.
func (t *NativeTensor) Free() {
	if t.c != nil {
		C.TF_DeleteTensor(t.c)
		t.c = nil
		live.tensors.Add(-1)
	}
}
