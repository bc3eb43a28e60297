package tensor_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
)

// Each number is rounded once, to the nearest, ties to even. The numbers are in
// hexadecimal as in the file, and want follows from IEEE 754; TestNPYAgainstNumPy has
// NumPy's answers for many more.
func TestNPYNumbers(t *testing.T) {
	const nan = 0x1p-149 // stands for NaN below, which the types' numbers never are
	for _, tt := range []struct {
		descr, numbers string
		want           []float32
	}{
		{"|b1", "000102ff", []float32{0, 1, 1, 1}},
		{"?", "01", []float32{1}},
		{"|i1", "7f80ff", []float32{127, -128, -1}},
		{"<i1", "80", []float32{-128}},
		{"|u1", "7f80ff", []float32{127, 128, 255}},
		{"<i2", "ff7f0080", []float32{32767, -32768}},
		{">i2", "7fff8000", []float32{32767, -32768}},
		{"<u2", "ff7f0080", []float32{32767, 32768}},
		{">u2", "7fff8000", []float32{32767, 32768}},
		{"<i4", "01000001 03000001 ffffff7f 00000080", []float32{0x1p24, 0x1.000004p24, 0x1p31, -0x1p31}},
		{">i4", "01000001", []float32{0x1p24}},
		{"<u4", "ffffffff 7fffffff 80ffffff", []float32{0x1p32, 0x1.fffffep31, 0x1p32}},
		// 2⁶⁰+2³⁶ is halfway to the next float32; one more is above, one less below.
		{"<i8", "0100000010000010", []float32{0x1.000002p60}},
		{"<i8", "0000000010000010 ffffffff0f000010", []float32{0x1p60, 0x1p60}},
		{">i8", "1000001000000001 efffffefffffffff", []float32{0x1.000002p60, -0x1.000002p60}},
		{"<i8", "0000000000000080 ffffffffffffff7f", []float32{-0x1p63, 0x1p63}},
		{"<u8", "0100000010000010 ffffffffffffffff", []float32{0x1.000002p60, 0x1p64}},
		{">u8", "8000008000000001 8000008000000000", []float32{0x1.000002p63, 0x1p63}},
		{"<u8", "0000000000000080 0100000000000000 ffffffffffffff7f", []float32{0x1p63, 1, 0x1p63}},
		// 2⁶³+2³⁹ is halfway between two float32.
		{"<u8", "0000000080000080 0100000080000080 ffffff7f80000080", []float32{0x1p63, 0x1.000002p63, 0x1.000002p63}},
		{"<f2", "003c 0100 ff7b 007c 00fc 0080 007e ff03", []float32{1, 0x1p-24, 65504, float32(math.Inf(1)), float32(math.Inf(-1)), 0, nan, 0x1.ff8p-15}},
		{">f2", "3c00 c000", []float32{1, -2}},
		{"<f4", "0000803f 01000080", []float32{1, -0x1p-149}},
		{">f4", "3f800000", []float32{1}},
		{"=f4", "0000803f", []float32{1}},
		{"f4", "0000803f", []float32{1}},
		{"float32", "0000803f", []float32{1}},
		// 1+2⁻²⁴ is halfway between 1 and the next float32.
		{"<f8", "000000100000f03f 010000100000f03f 000000300000f03f", []float32{1, 0x1.000002p0, 0x1.000004p0}},
		{"<f4", "0000807f 000080ff 0000c07f", []float32{float32(math.Inf(1)), float32(math.Inf(-1)), nan}},
		{">f4", "7f800000 ff800000", []float32{float32(math.Inf(1)), float32(math.Inf(-1))}},
		{"<f8", "000000000000f07f 000000000000f0ff", []float32{float32(math.Inf(1)), float32(math.Inf(-1))}},
		{">f8", "fff0000000000000", []float32{float32(math.Inf(-1))}},
		{">f8", "3ff0000010000001 7ff0000000000000 7ff8000000000000", []float32{0x1.000002p0, float32(math.Inf(1)), nan}},
		{"<f8", "000000000000a036 0000000000009036 ffffffefffffef47", []float32{0x1p-149, 0, math.MaxFloat32}},
	} {
		x, err := readNumbers(t, tt.descr, tt.numbers, len(tt.want))
		same := slices.EqualFunc(x.Data, tt.want, func(got, want float32) bool {
			return got == want || want == nan && got != got
		})
		if err != nil || !same {
			t.Errorf("%s %s: got %x, %v; want %x", tt.descr, tt.numbers, x.Data, err, tt.want)
		}
	}
	for _, tt := range []struct {
		descr, numbers string
		n              int
		want           string
	}{
		{"<f8", "000000000000f03f 000000f0ffffef47", 2, "number 1 is 3.4028235677973366e+38, beyond float32's range"},
		{">f8", "c7effffff0000000", 1, "number 0 is -3.4028235677973366e+38, beyond float32's range"},
		{"<c8", "0000803f00000000", 1, `numbers are of type "<c8", want booleans, integers of 8 to 64 bits or floats of 16 to 64 bits`},
		{"<f16", "00000000000000000000000000000000", 1, `numbers are of type "<f16"`},
		{"|O", "00", 1, `numbers are of type "|O"`},
		{"<U4", "00", 1, `numbers are of type "<U4"`},
		{"<M8[ns]", "00", 1, `numbers are of type "<M8[ns]"`},
		{"", "00", 1, `numbers are of type ""`},
		{">", "00", 1, `numbers are of type ">"`},
		{"<float32", "00", 1, `numbers are of type "<float32"`},
		{"<i8", "00000000000000", 1, "file ends after 0 of 1 numbers"},
	} {
		if _, err := readNumbers(t, tt.descr, tt.numbers, tt.n); !contains(err, tt.want) {
			t.Errorf("%s %s: got %v, want %q", tt.descr, tt.numbers, err, tt.want)
		}
	}
}

// readNumbers reads a file of one axis whose numbers are in hexadecimal.
func readNumbers(t *testing.T, descr, numbers string, n int) (tensor.Tensor, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(numbers, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	file := npy(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d,)}", descr, n), string(raw))
	return tensor.ReadNPY(strings.NewReader(file))
}

// An array in Fortran order, first axis fastest: each number is its index in C order.
func TestNPYFortran(t *testing.T) {
	for _, shape := range [][]int{{}, {5}, {1, 1}, {2, 3}, {3, 1, 2}, {70, 33}, {1, 40, 1, 65}, {3, 3, 5, 7}, {2, 3, 4, 5, 6}, {33, 2, 1, 3, 64}, {0, 3}, {64, 0, 2}} {
		want, err := tensor.New(shape...)
		if err != nil {
			t.Fatal(err)
		}
		numbers := make([]byte, 4*len(want.Data))
		for i := range want.Data {
			want.Data[i] = float32(i)
			at, stride := 0, 1
			for axis, index := range want.Index(i) {
				at += index * stride
				stride *= shape[axis]
			}
			binary.LittleEndian.PutUint32(numbers[4*at:], math.Float32bits(float32(i)))
		}
		sizes := strings.Trim(strings.ReplaceAll(tensor.FormatShape(shape), ",", ", "), "[]")
		if len(shape) == 1 {
			sizes += ","
		}
		file := npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': ("+sizes+")}", string(numbers))
		got, err := tensor.ReadNPY(strings.NewReader(file))
		if equal, first := tensor.Equal(got, want); err != nil || !equal {
			t.Errorf("%v: %v, %v differs at %d", shape, err, got.Shape, first)
		}
	}
}
