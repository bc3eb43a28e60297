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

// NewTensor makes a tensor of the bindings, for an attribute of a node. It is
// the caller's to free with FreeTensor.
func NewTensor(t tensor.Tensor) (*tf.Tensor, error) {
	raw, err := encode(t, tf.Float)
	if err != nil {
		return nil, err
	}
	shape := make([]int64, len(t.Shape))
	for i, size := range t.Shape {
		shape[i] = int64(size)
	}
	native, err := tf.ReadTensor(tf.Float, shape, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("capi: tensor %s: %w", tensor.FormatShape(t.Shape), err)
	}
	return native, nil
}

// FreeTensor frees a tensor of the bindings now. It must not be used again.
func FreeTensor(t *tf.Tensor) {
	if c := take(t); c != nil {
		C.TF_DeleteTensor((*C.TF_Tensor)(c))
	}
}

// FreeGraph frees a graph of the bindings now, weights and all. Neither it nor
// any of its operations must be used again, and its sessions must be closed.
func FreeGraph(g *tf.Graph) {
	if c := take(g); c != nil {
		C.TF_DeleteGraph((*C.TF_Graph)(c))
	}
}

// take removes the C pointer from one of the bindings' structs, and the
// finalizer that would free it again. It is nil where there is none: then the
// finalizer is left to do its work.
func take(of any) unsafe.Pointer {
	c, err := private(of, "c")
	if err != nil {
		return nil
	}
	runtime.SetFinalizer(of, nil)
	field := reflect.ValueOf(of).Elem().FieldByName("c")
	*(*unsafe.Pointer)(unsafe.Pointer(field.UnsafeAddr())) = nil
	return c
}
