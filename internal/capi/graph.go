package capi

/*
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"
*/
import "C"

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
)

// NewTensor makes a tensor of the bindings, for an attribute of a node. The caller
// frees it with FreeTensor.
func NewTensor(t tensor.Tensor) (*tf.Tensor, error) {
	raw, err := encode(t, tf.Float)
	if err != nil {
		return nil, err
	}
	shape := make([]int64, len(t.Shape))
	for i, size := range t.Shape {
		shape[i] = int64(size)
	}
	made, err := tf.ReadTensor(tf.Float, shape, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("capi: tensor %s: %w", tensor.FormatShape(t.Shape), err)
	}
	return made, nil
}

// FreeTensor frees a tensor of the bindings now. The tensor must not be used again.
func FreeTensor(t *tf.Tensor) {
	if c := takePointer(t); c != nil {
		C.TF_DeleteTensor((*C.TF_Tensor)(c))
	}
}

// FreeGraph frees a graph of the bindings now, weights and all. Neither the
// graph nor its operations may be used again; its sessions must be closed before.
func FreeGraph(g *tf.Graph) {
	if c := takePointer(g); c != nil {
		C.TF_DeleteGraph((*C.TF_Graph)(c))
	}
}

// takePointer removes the C pointer from one of the bindings' structs, and the
// finalizer that would free it again. The result is nil where the struct has no
// pointer; its finalizer then stays.
func takePointer(of any) unsafe.Pointer {
	c, err := privatePointer(of, "c")
	if err != nil {
		return nil
	}
	runtime.SetFinalizer(of, nil)
	field := reflect.ValueOf(of).Elem().FieldByName("c")
	*(*unsafe.Pointer)(unsafe.Pointer(field.UnsafeAddr())) = nil
	return c
}
