package tensor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"tfcnn/internal/quote"
)

// MaxNPYElements is the largest number of elements that ReadNPY reads from one file; a
// header that declares more is refused before any allocation. TensorFlow's kernels,
// which count with 32 bits, index no more.
const MaxNPYElements = math.MaxInt32

// NPYHeader returns the header of a .npy file, version 1.0, little-endian float32
// ('<f4'), C order. It has 128 bytes for all shapes of four sizes below 2³¹, so that
// a file that grows can replace its header.
func NPYHeader(shape []int) ([]byte, error) {
	sizes := make([]string, len(shape))
	for i, size := range shape {
		sizes[i] = fmt.Sprint(size)
	}
	text := strings.Join(sizes, ", ")
	if len(sizes) == 1 {
		text += ","
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", text)
	const prefix = 10 // magic, version, length
	header += strings.Repeat(" ", 63-(prefix+len(header))%64) + "\n"
	if len(header) > math.MaxUint16 {
		return nil, fmt.Errorf("tensor: write .npy: header of %d bytes does not fit version 1.0", len(header))
	}
	file := []byte("\x93NUMPY\x01\x00")
	file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	return append(file, header...), nil
}

// WriteNPY writes t in NumPy's .npy format: numpy.load reads it back with the
// same shape.
func (t Tensor) WriteNPY(w io.Writer) error {
	if err := t.Check(); err != nil {
		return err
	}
	header, err := NPYHeader(t.Shape)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("tensor: write .npy: %w", err)
	}
	return t.WriteNumbers(w)
}

// WriteNumbers writes the numbers of a .npy file without its header.
func (t Tensor) WriteNumbers(w io.Writer) error {
	chunk := make([]byte, 0, 1<<16)
	for data := range slices.Chunk(t.Data, cap(chunk)/4) {
		chunk = chunk[:0]
		for _, x := range data {
			chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(x))
		}
		if _, err := w.Write(chunk); err != nil {
			return fmt.Errorf("tensor: write .npy: %w", err)
		}
	}
	return nil
}

// ReadNPY reads one array of NumPy's .npy format, versions 1.0 to 3.0, that
// numpy.load reads: booleans, integers of 8 to 64 bits and floats of 16 to 64
// bits, in either byte order, in C or Fortran order. The tensor is in C order.
// Each number is rounded once to float32, to nearest, ties to even; true is 1.
//
// Errors are a float64 beyond float32's range, another type, a header that is
// not a Python dictionary of the format's three keys, a file that ends early
// and bytes behind the last number. An array in Fortran order takes twice its
// size in memory while it is read.
func ReadNPY(r io.Reader) (Tensor, error) {
	fail := func(err error) (Tensor, error) { return Tensor{}, fmt.Errorf("tensor: read .npy: %w", err) }
	in := bufio.NewReader(r)
	h, err := readHeader(in)
	if err != nil {
		return fail(err)
	}
	n, err := Elements(h.shape)
	if err != nil {
		return fail(err)
	}
	if n > MaxNPYElements {
		return fail(fmt.Errorf("shape %s has %d numbers, at most %d are read", FormatShape(h.shape), n, MaxNPYElements))
	}
	data, err := readNumbers(in, h.descr, n)
	if err == nil {
		switch _, end := in.ReadByte(); {
		case end == nil:
			err = errors.New("bytes follow the last number")
		case end != io.EOF:
			err = end // as a wrong checksum, which an archive reports at its end
		}
	}
	if err != nil {
		return fail(fmt.Errorf("shape %s: %w", FormatShape(h.shape), err))
	}
	if h.fortran {
		data = fromFortran(data, h.shape)
	}
	return Tensor{Shape: h.shape, Data: data}, nil
}

// readNumbers reads n numbers of the type that descr names. The result grows while
// numbers are read, so that a header of more numbers than the file has costs no
// memory.
func readNumbers(in io.Reader, descr string, n int) ([]float32, error) {
	kind, bigEndian, known := findNumber(descr)
	if !known {
		return nil, fmt.Errorf("numbers are of type %s, want booleans, integers of 8 to 64 bits or floats of 16 to 64 bits", quote.Name(descr))
	}
	const piece = 1 << 16
	raw := make([]byte, kind.bytes*min(n, piece))
	data := []float32{}
	for len(data) < n {
		if len(data) == cap(data) {
			data = slices.Grow(data, min(n-len(data), max(len(data), piece)))
		}
		part := min(n, cap(data)) - len(data)
		some := raw[:kind.bytes*min(part, piece)]
		if _, err := io.ReadFull(in, some); err != nil {
			return nil, fmt.Errorf("file ends after %d of %d numbers: %w", len(data), n, err)
		}
		if bigEndian {
			for at := 0; at < len(some); at += kind.bytes {
				slices.Reverse(some[at : at+kind.bytes])
			}
		}
		at := len(data)
		data = data[:at+len(some)/kind.bytes]
		if i := kind.decode(data[at:], some); i >= 0 {
			x := math.Float64frombits(binary.LittleEndian.Uint64(some[i*kind.bytes:])) // no other type has such numbers
			return nil, fmt.Errorf("number %d is %v, beyond float32's range", at+i, x)
		}
	}
	return data, nil
}
