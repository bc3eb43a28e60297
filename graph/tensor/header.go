package tensor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"tfcnn/internal/quote"
)

// longestHeader is the largest number of bytes of a header, as in numpy.load.
const longestHeader = 10_000

// npyHeader is the header of a .npy file.
type npyHeader struct {
	descr   string
	fortran bool
	shape   []int
}

// readHeader reads a .npy file up to its numbers.
func readHeader(in *bufio.Reader) (npyHeader, error) {
	const magic = "\x93NUMPY"
	short := errors.New("file is shorter than a header")
	start := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(in, start); err != nil {
		return npyHeader{}, ended(err, short)
	}
	if string(start[:len(magic)]) != magic {
		return npyHeader{}, fmt.Errorf("file begins with %q, want %q", start[:len(magic)], magic)
	}
	major, minor := start[len(magic)], start[len(magic)+1]
	if major < 1 || major > 3 || minor != 0 {
		return npyHeader{}, fmt.Errorf("format version is %d.%d, want 1.0, 2.0 or 3.0", major, minor)
	}
	size := make([]byte, 4)
	if major == 1 {
		size = size[:2]
	}
	if _, err := io.ReadFull(in, size); err != nil {
		return npyHeader{}, ended(err, short)
	}
	length := binary.LittleEndian.Uint32(append(size, 0, 0)) // the zeros are of version 1 alone
	if length > longestHeader {
		return npyHeader{}, fmt.Errorf("header of %d bytes, at most %d are read", length, longestHeader)
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(in, raw); err != nil {
		return npyHeader{}, ended(err, short)
	}
	if major == 3 && !utf8.Valid(raw) {
		return npyHeader{}, errors.New("header of version 3.0 is not UTF-8")
	}
	text := string(raw)
	if major < 3 { // Latin-1
		runes := make([]rune, len(raw))
		for i, b := range raw {
			runes[i] = rune(b)
		}
		text = string(runes)
	}
	h, err := parseHeader(text, major < 3)
	if err != nil {
		return npyHeader{}, fmt.Errorf("header: %w", err)
	}
	return h, nil
}

// ended returns short where a file ended, and otherwise the error of reading.
func ended(err, short error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return short
	}
	return err
}

// parseHeader reads a header's text, a dictionary of the three keys in any
// order. Python 2 wrote integers as 3L, which longs allows.
func parseHeader(text string, longs bool) (h npyHeader, err error) {
	v, err := readLiteral(text, longs)
	if err != nil {
		return h, err
	}
	dict, isDict := v.(pythonDict)
	if !isDict {
		return h, fmt.Errorf("got %s, want a dictionary", describe(v))
	}
	present := map[string]bool{}
	for _, item := range dict {
		key, isText := item.key.(string)
		if !isText {
			return h, fmt.Errorf("a key is %s, want a string", describe(item.key))
		}
		if present[key] {
			return h, fmt.Errorf("key %s is there twice", quote.Name(key))
		}
		present[key] = true
		valid := true
		switch key {
		case "descr":
			h.descr, valid = item.value.(string)
		case "fortran_order":
			h.fortran, valid = item.value.(bool)
		case "shape":
			h.shape, err = parseShape(item.value)
		default:
			err = fmt.Errorf("key %s is not known", quote.Name(key))
		}
		if !valid {
			want := map[string]string{"descr": `a string as "<f4"`, "fortran_order": "True or False"}[key]
			err = fmt.Errorf("%s is %s, want %s", key, describe(item.value), want)
		}
		if err != nil {
			return h, err
		}
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !present[key] {
			return h, fmt.Errorf("key %q is missing", key)
		}
	}
	return h, nil
}

func parseShape(v any) ([]int, error) {
	const maxRank = 64 // NumPy's
	tuple, isTuple := v.(pythonTuple)
	if !isTuple {
		return nil, fmt.Errorf("shape is %s, want a tuple of integers", describe(v))
	}
	if len(tuple) > maxRank {
		return nil, fmt.Errorf("array has %d axes, NumPy's have at most %d", len(tuple), maxRank)
	}
	shape := []int{}
	for i, item := range tuple {
		n, isInt := item.(int)
		if !isInt {
			return nil, fmt.Errorf("shape has %s in place %d, want an integer", describe(item), i+1)
		}
		shape = append(shape, n)
	}
	return shape, nil
}

// describe returns a value's Python type, and a short value itself.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "the string " + quote.Name(v)
	case int:
		return fmt.Sprintf("the integer %d", v)
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case pythonTuple:
		return "a tuple"
	case pythonList:
		return "a list"
	case pythonDict:
		return "a dictionary"
	}
	return "None"
}
