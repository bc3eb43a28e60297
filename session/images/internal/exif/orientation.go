// Package exif reads how an image is to be turned, from EXIF data and from
// XMP. It reads what Pillow reads, PIL.ImageOps.exif_transpose.
package exif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
)

const orientationTag = 274

// Orientation returns the orientation of EXIF data, 1 to 8, where 1 is
// upright; 0 where the data do not state any. An error means that the data or
// the value cannot be read. Data are a TIFF file: a byte order, and a first
// directory of tags. Of several values the first counts.
func Orientation(data []byte) (int, error) {
	for bytes.HasPrefix(data, []byte("Exif\x00\x00")) { // some writers repeat it
		data = data[6:]
	}
	var order binary.ByteOrder
	switch {
	case len(data) < 8:
		return 0, errors.New("EXIF data are too short")
	case bytes.HasPrefix(data, []byte("II")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM")):
		order = binary.BigEndian
	}
	if order == nil || data[2]+data[3] != 42 || data[2] != 0 && data[3] != 0 {
		return 0, errors.New("EXIF data do not begin as a TIFF file")
	}
	directory := from(data, order.Uint32(data[4:]))
	if len(directory) < 2 {
		return 0, errors.New("EXIF data end before their directory")
	}
	entries := int(order.Uint16(directory))
	for directory = directory[2:]; entries > 0; entries-- {
		const size = 12
		if len(directory) < size {
			return 0, errors.New("EXIF data end within their directory")
		}
		if entry := directory[:size]; order.Uint16(entry) == orientationTag {
			return value(data, entry, order)
		}
		directory = directory[size:]
	}
	return 0, nil
}

// from is the part of data from an offset on.
func from(data []byte, offset uint32) []byte {
	return data[min(int64(offset), int64(len(data))):]
}

// value is an entry's first number.
func value(data, entry []byte, order binary.ByteOrder) (int, error) {
	kind, count := order.Uint16(entry[2:]), int64(order.Uint32(entry[4:]))
	k, known := kinds[kind]
	if !known {
		return 0, fmt.Errorf("EXIF orientation has TIFF type %d, want 3 (SHORT) or another type of numbers", kind)
	}
	bits := entry[8:]
	if count*k.size > 4 {
		bits = from(data, order.Uint32(bits))
	}
	if count == 0 || int64(len(bits)) < count*k.size {
		return 0, errors.New("EXIF orientation has no value")
	}
	number := k.read(bits, order)
	if number < 1 || number > 8 || number != math.Trunc(number) {
		return 0, fmt.Errorf("EXIF orientation is %v, want 1 to 8", number)
	}
	return int(number), nil
}

// kinds are the types of numbers, TIFF 6.0 and its supplements, that Pillow
// reads as such.
var kinds = map[uint16]struct {
	size int64
	read func([]byte, binary.ByteOrder) float64
}{
	3: {2, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint16(b)) }},
	4: {4, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint32(b)) }},
	5: {8, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint32(b)) / float64(o.Uint32(b[4:])) }},
	6: {1, func(b []byte, _ binary.ByteOrder) float64 { return float64(int8(b[0])) }},
	8: {2, func(b []byte, o binary.ByteOrder) float64 { return float64(int16(o.Uint16(b))) }},
	9: {4, func(b []byte, o binary.ByteOrder) float64 { return float64(int32(o.Uint32(b))) }},
	10: {8, func(b []byte, o binary.ByteOrder) float64 {
		return float64(int32(o.Uint32(b))) / float64(int32(o.Uint32(b[4:])))
	}},
	11: {4, func(b []byte, o binary.ByteOrder) float64 { return float64(math.Float32frombits(o.Uint32(b))) }},
	12: {8, func(b []byte, o binary.ByteOrder) float64 { return math.Float64frombits(o.Uint64(b)) }},
	13: {4, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint32(b)) }},
	16: {8, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint64(b)) }},
}

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// XMPOrientation returns the orientation that XMP states, 1 to 8, or 0.
func XMPOrientation(xmp []byte) int {
	found := xmpOrientation.FindSubmatch(xmp)
	if found == nil || found[1][0] > '8' {
		return 0
	}
	return int(found[1][0] - '0')
}
