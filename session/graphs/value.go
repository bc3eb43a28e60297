package graphs

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
)

// Value is a tensor of any type that TensorFlow stores as numbers of one size: float,
// double, half, bfloat16, the integers of 8 to 64 bits, bool, complex64 and complex128.
// A Value of type tf.String is one string, with no shape.
type Value struct {
	Type  tf.DataType
	Shape []int
	Data  []byte // the elements as TensorFlow stores them, the last axis fastest
}

// Element is a Go type that TensorFlow stores as Go does.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128
}

// Of returns a view of elements. Without a shape it is a vector; a scalar has the
// shape []int{}.
func Of[T Element](elements []T, shape ...int) Value {
	if shape == nil {
		shape = []int{len(elements)}
	}
	return Value{Type: typeOf[T](), Shape: shape, Data: bytesOf(elements)}
}

// Scalar returns a value without axes.
func Scalar[T Element](element T) Value { return Of([]T{element}, []int{}...) }

// String returns a value of one string.
func String(text string) Value { return Value{Type: tf.String, Data: []byte(text)} }

// Tensor returns a view of a tensor.
func Tensor(t tensor.Tensor) Value {
	return Value{Type: tf.Float, Shape: t.Shape, Data: bytesOf(t.Data)}
}

// Elements returns a copy of a value's elements, which must be of type T.
func Elements[T Element](v Value) ([]T, error) {
	if want := typeOf[T](); v.Type != want {
		return nil, fmt.Errorf("graphs: elements: value is of type %s, want %s", typeName(v.Type), typeName(want))
	}
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("graphs: elements: %w", err)
	}
	n, err := tensor.Elements(v.Shape)
	if err != nil {
		return nil, fmt.Errorf("graphs: elements: %w", err)
	}
	elements := make([]T, n)
	copy(bytesOf(elements), v.Data)
	return elements, nil
}

// Tensor returns a copy of a value of type tf.Float.
func (v Value) Tensor() (tensor.Tensor, error) {
	data, err := Elements[float32](v)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.Tensor{Shape: slices.Clone(v.Shape), Data: data}, nil
}

// check refuses a value that TensorFlow would misread.
func (v Value) check() error {
	if v.Type == tf.String {
		if len(v.Shape) > 0 {
			return fmt.Errorf("shape of a string is %s, want none", tensor.FormatShape(v.Shape))
		}
		return nil
	}
	size, known := sizes[v.Type]
	if !known {
		return fmt.Errorf("type is %s, want one of graphs.Value", typeName(v.Type))
	}
	n, err := tensor.Elements(v.Shape)
	if err != nil {
		return err
	}
	if len(v.Data)%size != 0 || len(v.Data)/size != n {
		return fmt.Errorf("shape %s of %s has %d bytes, want %d a number", tensor.FormatShape(v.Shape), typeName(v.Type), len(v.Data), size)
	}
	if v.Type == tf.Bool {
		if at := slices.IndexFunc(v.Data, func(b byte) bool { return b > 1 }); at >= 0 {
			return fmt.Errorf("byte %d of a bool is %d, want 0 or 1", at, v.Data[at])
		}
	}
	return nil
}

// sizes has the bytes of a number, by type.
var sizes = map[tf.DataType]int{
	tf.Float: 4, tf.Double: 8, tf.Half: 2, tf.Bfloat16: 2,
	tf.Int8: 1, tf.Int16: 2, tf.Int32: 4, tf.Int64: 8, tf.Uint8: 1, tf.Uint16: 2, tf.Uint32: 4, tf.Uint64: 8,
	tf.Bool: 1, tf.Complex64: 8, tf.Complex128: 16,
}

// names are TensorFlow's, by type.
var names = map[tf.DataType]string{
	tf.Float: "float", tf.Double: "double", tf.Half: "half", tf.Bfloat16: "bfloat16",
	tf.Int8: "int8", tf.Int16: "int16", tf.Int32: "int32", tf.Int64: "int64",
	tf.Uint8: "uint8", tf.Uint16: "uint16", tf.Uint32: "uint32", tf.Uint64: "uint64",
	tf.Bool: "bool", tf.Complex64: "complex64", tf.Complex128: "complex128", tf.String: "string",
}

// typeName is TensorFlow's name of a type, or its number.
func typeName(t tf.DataType) string {
	if name, known := names[t]; known {
		return name
	}
	return fmt.Sprintf("TensorFlow's type %d", int(t))
}

// typeOf is TensorFlow's type of a Go type.
func typeOf[T Element]() tf.DataType {
	var zero T
	switch any(zero).(type) {
	case bool:
		return tf.Bool
	case int8:
		return tf.Int8
	case int16:
		return tf.Int16
	case int32:
		return tf.Int32
	case int64:
		return tf.Int64
	case uint8:
		return tf.Uint8
	case uint16:
		return tf.Uint16
	case uint32:
		return tf.Uint32
	case uint64:
		return tf.Uint64
	case float32:
		return tf.Float
	case float64:
		return tf.Double
	case complex64:
		return tf.Complex64
	}
	return tf.Complex128
}

// bytesOf is a view of elements; it is nil only where they are.
func bytesOf[T Element](elements []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(elements))), int(unsafe.Sizeof(zero))*len(elements))
}

// formatShape writes a shape with ? for a size that is unknown.
func formatShape(shape []int) string {
	if shape == nil {
		return "[…]"
	}
	return strings.ReplaceAll(tensor.FormatShape(shape), "-1", "?")
}
