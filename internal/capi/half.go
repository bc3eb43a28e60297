package capi

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/x448/float16"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
)

// encode returns a tensor's numbers as TensorFlow stores them: float32 as they
// are, without a copy; float16 (tf.Half) and bfloat16 rounded to the nearest,
// ties to even.
func encode(t tensor.Tensor, dtype tf.DataType) ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	var round func(float32) uint16
	switch dtype {
	case tf.Float:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t.Data))), 4*len(t.Data)), nil
	case tf.Half:
		round = func(x float32) uint16 { return float16.Fromfloat32(x).Bits() }
	case tf.Bfloat16:
		round = bfloat16
	default:
		return nil, fmt.Errorf("capi: numbers of TensorFlow's type %d, want float32, float16 or bfloat16", int(dtype))
	}
	raw := make([]byte, 0, 2*len(t.Data))
	for _, x := range t.Data {
		raw = binary.NativeEndian.AppendUint16(raw, round(x))
	}
	return raw, nil
}

// bfloat16 returns the upper half of a float32, rounded.
func bfloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40 // quiet, so that no payload is cut to infinity
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
