package tensor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/sbinet/npyio/npy"

	"tfcnn/internal/strict"
)

// MaxNPYElements is the most numbers that ReadNPY takes from one file; a
// header that declares more is refused before any allocation. It is also the
// most that TensorFlow's kernels index (32-bit counters).
const MaxNPYElements = math.MaxInt32

const maxNPYRank = 64

// NPYHeader is what comes before the numbers of a .npy file, version 1.0,
// little-endian float32 ('<f4'), C order. It is 128 bytes for all shapes of
// four sizes below 2³¹, so that a file that grows can have its own replaced.
//
// It is written here since npyio derives a shape from the Go type and so
// cannot write flat numbers with one.
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

// ReadNPY reads one array of NumPy's .npy format. Floats and integers of any
// width become float32, rounded to nearest; a number beyond float32's range,
// a Fortran-ordered array, another type and trailing bytes are errors.
func ReadNPY(r io.Reader) (t Tensor, err error) {
	// npyio reports some malformed headers by panicking.
	defer func() {
		if p := recover(); p != nil {
			t, err = Tensor{}, fmt.Errorf("tensor: read .npy: malformed: %s", strict.Line(fmt.Sprint(p), 80))
		}
	}()
	in := bufio.NewReader(r)
	if err := checkHeaderLength(in); err != nil {
		return Tensor{}, fmt.Errorf("tensor: read .npy: %w", err)
	}
	file, err := npy.NewReader(in)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor: read .npy: header: %s", strict.Line(err.Error(), 80)) // it quotes the file
	}
	if rank := len(file.Header.Descr.Shape); rank > maxNPYRank {
		return Tensor{}, fmt.Errorf("tensor: read .npy: array has %d axes, NumPy's have at most %d", rank, maxNPYRank)
	}
	shape := slices.Clone(file.Header.Descr.Shape)
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor: read .npy: %w", err)
	}
	if n > MaxNPYElements {
		return Tensor{}, fmt.Errorf("tensor: read .npy: shape %s has %d numbers, at most %d are read", FormatShape(shape), n, MaxNPYElements)
	}
	if file.Header.Descr.Fortran {
		return Tensor{}, errors.New("tensor: read .npy: array is in Fortran order, want C order (numpy.ascontiguousarray)")
	}
	var data []float32
	if file.Header.Descr.Type == plainFloats {
		data, err = readFloats(in, n)
	} else {
		data, err = readNumbers(file, n)
	}
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor: read .npy: shape %s: %w", FormatShape(shape), err)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return Tensor{}, fmt.Errorf("tensor: read .npy: shape %s: bytes follow the last number", FormatShape(shape))
	}
	return Tensor{Shape: shape, Data: data}, nil
}

// checkHeaderLength refuses the header lengths of format 2.0 that npyio would
// allocate unseen.
func checkHeaderLength(in *bufio.Reader) error {
	const most = 1 << 16
	start, err := in.Peek(12)
	if err != nil {
		return errors.New("file is shorter than a header")
	}
	if start[6] != 2 {
		return nil
	}
	if n := binary.LittleEndian.Uint32(start[8:]); n > most {
		return fmt.Errorf("header of %d bytes, at most %d are read", n, most)
	}
	return nil
}

// plainFloats is the .npy type of little-endian float32.
const plainFloats = "<f4"

// readFloats reads n numbers of that type. It is readNumbers without npyio's
// reflection, which takes fifty times as long: for weights, seconds.
func readFloats(in io.Reader, n int) ([]float32, error) {
	const piece = 1 << 16 // as in readNumbers
	raw := make([]byte, 4*min(n, piece))
	data := []float32{}
	for len(data) < n {
		if len(data) == cap(data) {
			data = slices.Grow(data, min(n-len(data), max(len(data), piece)))
		}
		part := min(n, cap(data)) - len(data)
		some := raw[:4*min(part, piece)]
		if _, err := io.ReadFull(in, some); err != nil {
			return nil, fmt.Errorf("file ends after %d of %d numbers: %w", len(data), n, err)
		}
		at := len(data)
		data = data[:at+len(some)/4]
		for i := range data[at:] {
			data[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(some[4*i:]))
		}
	}
	return data, nil
}

// readNumbers converts the file's n numbers to float32. They are read in
// pieces, so that a header that promises more than the file holds costs no
// memory.
func readNumbers(file *npy.Reader, n int) ([]float32, error) {
	descr := file.Header.Descr.Type
	kind := npy.TypeFrom(descr)
	// A named kind is npyio's float16, bits in a uint16.
	if kind == nil || !numeric(kind.Kind()) || kind.PkgPath() != "" {
		return nil, fmt.Errorf("numbers of type %.40q, want 32- or 64-bit floats or integers", descr)
	}
	const piece = 1 << 16
	data := make([]float32, 0, min(n, piece))
	buf := reflect.New(reflect.SliceOf(kind))
	for len(data) < n {
		part := min(n-len(data), piece)
		file.Header.Descr.Shape = []int{part}
		buf.Elem().Set(reflect.MakeSlice(reflect.SliceOf(kind), part, part))
		if err := file.Read(buf.Interface()); err != nil {
			return nil, fmt.Errorf("file ends after %d of %d numbers: %w", len(data), n, err)
		}
		for i := range part {
			wide, exact := widen(buf.Elem().Index(i))
			x := float32(wide)
			if math.IsInf(float64(x), 0) && !math.IsInf(wide, 0) {
				return nil, fmt.Errorf("number %d is %v, beyond float32's range", len(data), exact)
			}
			data = append(data, x)
		}
	}
	return data, nil
}

func numeric(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

// widen gives a number as float64, and as it was for an error's text.
func widen(v reflect.Value) (wide float64, exact any) {
	switch {
	case v.CanInt():
		return float64(v.Int()), v.Int()
	case v.CanUint():
		return float64(v.Uint()), v.Uint()
	}
	return v.Float(), v.Float()
}
