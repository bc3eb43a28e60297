package report

import (
	"encoding/binary"
	"math"
)

// The number formats of the page's data, each little-endian. page.js knows
// them by these names.
const (
	formatUint8   = "uint8"
	formatInt16   = "int16"
	formatInt32   = "int32"
	formatFloat32 = "float32"
)

// plane is a part of a tensor that is shown as one image: all channels of a
// pixel, or one of them. data begins with the image's first number.
type plane struct {
	height, width int
	channels      int // shown: 1 or 3
	stride        int // numbers from one pixel to the next
	data          []float32
}

func (p plane) at(row, column, channel int) float32 {
	return p.data[(row*p.width+column)*p.stride+channel]
}

func (p plane) count() int { return p.height * p.width * p.channels }

// numbers is every number, rows first, the channels of a pixel together.
func (p plane) numbers() []float32 {
	if p.stride == p.channels {
		return p.data[:p.count()]
	}
	list := make([]float32, 0, p.count())
	for i := range p.height * p.width {
		list = append(list, p.data[i*p.stride:i*p.stride+p.channels]...)
	}
	return list
}

// formatOf is the smallest format that holds every number exactly, the sign of
// a zero included, and the bytes that it needs for one.
func formatOf(numbers []float32) (name string, size int) {
	const negativeZero = 1 << 31
	low, high := int32(0), int32(0)
	for _, v := range numbers {
		if !(v >= -1<<30 && v <= 1<<30) {
			return formatFloat32, 4
		}
		n := int32(v)
		if float32(n) != v || math.Float32bits(v) == negativeZero {
			return formatFloat32, 4
		}
		low, high = min(low, n), max(high, n)
	}
	switch {
	case low >= 0 && high <= math.MaxUint8:
		return formatUint8, 1
	case low >= math.MinInt16 && high <= math.MaxInt16:
		return formatInt16, 2
	}
	return formatInt32, 4
}

// encodeNumbers writes numbers in a format that holds them.
func encodeNumbers(numbers []float32, format string) []byte {
	switch format {
	case formatUint8:
		out := make([]byte, len(numbers))
		for i, v := range numbers {
			out[i] = uint8(int32(v))
		}
		return out
	case formatInt16:
		out := make([]byte, 0, 2*len(numbers))
		for _, v := range numbers {
			out = binary.LittleEndian.AppendUint16(out, uint16(int16(v)))
		}
		return out
	}
	out := make([]byte, 0, 4*len(numbers))
	for _, v := range numbers {
		bits := math.Float32bits(v)
		if format == formatInt32 {
			bits = uint32(int32(v))
		}
		out = binary.LittleEndian.AppendUint32(out, bits)
	}
	return out
}

// finiteRange is the smallest and the largest finite number.
func finiteRange(numbers []float32) (low, high float32, found bool) {
	low, high = math.MaxFloat32, -math.MaxFloat32
	for _, v := range numbers {
		if v-v == 0 {
			low, high, found = min(low, v), max(high, v), true
		}
	}
	if !found {
		return 0, 0, false
	}
	return low, high, true
}

// reduce is the plane with each square of step by step pixels replaced by its
// mean; squares at the rim may be smaller. A square with a number that is not finite
// is not finite.
func (p plane) reduce(step int) plane {
	if step <= 1 {
		return p
	}
	small := plane{height: (p.height + step - 1) / step, width: (p.width + step - 1) / step, channels: p.channels, stride: p.channels}
	small.data = make([]float32, 0, small.count())
	for row := 0; row < p.height; row += step {
		for column := 0; column < p.width; column += step {
			for channel := range p.channels {
				sum, n := 0.0, 0
				for r := row; r < min(row+step, p.height); r++ {
					for c := column; c < min(column+step, p.width); c++ {
						sum += float64(p.at(r, c, channel))
						n++
					}
				}
				small.data = append(small.data, float32(sum/float64(n)))
			}
		}
	}
	return small
}
