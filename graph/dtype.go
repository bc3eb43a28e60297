package graph

// DType is the type of a tensor's numbers.
type DType string

// The types of numbers.
const (
	Float32  DType = "float32"
	Float16  DType = "float16"
	BFloat16 DType = "bfloat16"
)

// Bytes returns the size of a number, or 0 for an unknown type.
func (d DType) Bytes() int64 {
	return map[DType]int64{Float32: 4, Float16: 2, BFloat16: 2}[d]
}
