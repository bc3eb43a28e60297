package tensor

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/x448/float16"
)

// number is a type of numbers in a .npy file.
type number struct {
	bytes int
	// decode rounds numbers that are little-endian to float32. It returns the
	// index of the first one beyond float32's range, or −1.
	decode func(into []float32, raw []byte) (beyond int)
}

// findNumber returns a type by its name: NumPy's code after the byte order, "<f4", or
// NumPy's name, "float32". All orders except ">" are little-endian: "=" and "|" mean
// the writer's machine, which numpy.load takes for its own.
func findNumber(descr string) (kind number, bigEndian, known bool) {
	if kind, known = numbers[names[descr]]; known {
		return kind, false, true
	}
	code := descr
	if descr != "" && strings.Contains("<>=|", descr[:1]) {
		code = descr[1:]
	}
	if letter, found := letters[code]; found {
		code = letter
	}
	kind, known = numbers[code]
	return kind, known && descr[0] == '>', known
}

// letters are NumPy's codes of one character.
var letters = map[string]string{
	"?": "b1", "b": "i1", "B": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4", "q": "i8", "Q": "u8",
	"e": "f2", "f": "f4", "d": "f8",
}

// names are NumPy's names.
var names = map[string]string{
	"bool": "b1", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
	"int64": "i8", "uint64": "u8", "float16": "f2", "float32": "f4", "float64": "f8",
}

// numbers are the types by NumPy's code. An integer becomes a float32 in one
// step, since a float64 between the two would round twice.
var numbers = map[string]number{
	"b1": each(1, func(b []byte) float32 {
		if b[0] != 0 {
			return 1
		}
		return 0
	}),
	"i1": each(1, func(b []byte) float32 { return float32(int8(b[0])) }),
	"u1": each(1, func(b []byte) float32 { return float32(b[0]) }),
	"i2": each(2, func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }),
	"u2": each(2, func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) }),
	"i4": each(4, func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }),
	"u4": each(4, func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) }),
	"i8": each(8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }),
	"u8": each(8, func(b []byte) float32 { return float32(binary.LittleEndian.Uint64(b)) }),
	"f2": each(2, func(b []byte) float32 { return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32() }),
	"f4": {4, decodeFloat32},
	"f8": {8, decodeFloat64},
}

// each returns a type whose numbers are all within float32's range.
func each(bytes int, decode func([]byte) float32) number {
	return number{bytes, func(into []float32, raw []byte) int {
		for i := range into {
			into[i] = decode(raw[i*bytes : (i+1)*bytes])
		}
		return -1
	}}
}

// decodeFloat32 has a loop of its own: files of weights are of this type, and
// a call for each number would double the time.
func decodeFloat32(into []float32, raw []byte) int {
	for i := range into {
		into[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return -1
}

func decodeFloat64(into []float32, raw []byte) int {
	for i := range into {
		x := math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		into[i] = float32(x)
		if math.IsInf(float64(into[i]), 0) && !math.IsInf(x, 0) {
			return i
		}
	}
	return -1
}

// fromFortran returns numbers in C order that are in Fortran order, first axis
// fastest.
func fromFortran(data []float32, shape []int) []float32 {
	sizes := []int{}
	for _, size := range shape {
		if size != 1 { // an axis of size 1 changes no order
			sizes = append(sizes, size)
		}
	}
	if len(sizes) < 2 || len(data) == 0 {
		return data
	}
	// The first axis is fastest in data, the last axis in result. Loops over tiles of
	// both keep reads and writes within the cache.
	const tile = 32
	result := make([]float32, len(data))
	rows, columns := sizes[0], sizes[len(sizes)-1]
	middle := sizes[1 : len(sizes)-1]
	between := len(data) / rows / columns // the number of indices of the middle axes
	index := make([]int, len(middle))     // along the middle axes
	for m := range between {
		source, stride := 0, rows
		for axis, size := range middle {
			source += index[axis] * stride
			stride *= size
		}
		for r0 := 0; r0 < rows; r0 += tile {
			for c0 := 0; c0 < columns; c0 += tile {
				for r := r0; r < min(r0+tile, rows); r++ {
					for c := c0; c < min(c0+tile, columns); c++ {
						result[(r*between+m)*columns+c] = data[source+c*stride+r]
					}
				}
			}
		}
		for axis := len(middle) - 1; axis >= 0; axis-- { // m counts the last one fastest
			if index[axis]++; index[axis] < middle[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return result
}
