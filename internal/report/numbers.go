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

// plane is a part of a tensor that is shown as one picture: all channels of a
// pixel, or one of them. data begins with the picture's first number.
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

// each calls f with every number, rows first, the channels of a pixel
// together, until f says false.
func (p plane) each(f func(v float32) bool) bool {
	for i := 0; i < p.height*p.width*p.stride; i += p.stride {
		for _, v := range p.data[i : i+p.channels] {
			if !f(v) {
				return false
			}
		}
	}
	return true
}

// format is the smallest format that holds every number exactly, the sign of
// a zero included, and the bytes that it needs for one.
func (p plane) format() (name string, size int) {
	const negativeZero = 1 << 31
	low, high := int32(0), int32(0)
	whole := p.each(func(v float32) bool {
		if !(v >= -1<<30 && v <= 1<<30) || math.Float32bits(v) == negativeZero {
			return false
		}
		n := int32(v)
		low, high = min(low, n), max(high, n)
		return float32(n) == v
	})
	switch {
	case !whole:
		return formatFloat32, 4
	case low >= 0 && high <= math.MaxUint8:
		return formatUint8, 1
	case low >= math.MinInt16 && high <= math.MaxInt16:
		return formatInt16, 2
	}
	return formatInt32, 4
}

// encode writes the numbers in a format that holds them.
func (p plane) encode(format string) []byte {
	out := make([]byte, 0, 4*p.count())
	switch format {
	case formatUint8:
		p.each(func(v float32) bool { out = append(out, uint8(v)); return true })
	case formatInt16:
		p.each(func(v float32) bool { out = binary.LittleEndian.AppendUint16(out, uint16(int16(v))); return true })
	case formatInt32:
		p.each(func(v float32) bool { out = binary.LittleEndian.AppendUint32(out, uint32(int32(v))); return true })
	default:
		p.each(func(v float32) bool { out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v)); return true })
	}
	return out
}

// reduce is the plane with each square of step by step pixels replaced by its
// mean; squares at the rim may be smaller. What is not finite stays so.
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
