package tensor_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

// The bytes numpy.save writes for these arrays (NumPy 2).
func TestNPYGolden(t *testing.T) {
	for _, tt := range []struct {
		x    tensor.Tensor
		want string
	}{
		{tensor.Tensor{Shape: []int{1, 2}, Data: []float32{1, -2}}, golden("(1, 2)", "\x00\x00\x80\x3f\x00\x00\x00\xc0")},
		{tensor.Tensor{Shape: []int{1}, Data: []float32{1}}, golden("(1,)", "\x00\x00\x80\x3f")},
		{tensor.Tensor{Shape: []int{0, 3}, Data: []float32{}}, golden("(0, 3)", "")},
		{tensor.Tensor{Shape: []int{}, Data: []float32{1}}, golden("()", "\x00\x00\x80\x3f")},
	} {
		var buf bytes.Buffer
		if err := tt.x.WriteNPY(&buf); err != nil || buf.String() != tt.want {
			t.Errorf("%v: %v\n got %q\nwant %q", tt.x, err, buf.String(), tt.want)
		}
		back, err := tensor.ReadNPY(&buf)
		if err != nil {
			t.Errorf("%v: %v", tt.x, err)
		} else if equal, _ := tensor.Equal(back, tt.x); !equal {
			t.Errorf("read %v, want %v", back, tt.x)
		}
	}
	for name, text := range map[string]string{
		"file ends after 0 of 2 numbers":  golden("(1, 2)", "\x00\x00\x80\x3f"),
		"bytes follow the last number":    golden("(1, 1)", "\x00\x00\x80\x3f\x00"),
		"shorter than a header":           "",
		"at most 2147483647 are read":     golden("(65536, 65536)", ""),
		"file ends after 0 of 2147483647": golden("(1, 2147483647)", ""),
		"size -4 is negative":             golden("(-4, 1)", ""),
		"header of 4294967295 bytes":      "\x93NUMPY\x02\x00\xff\xff\xff\xff",
	} {
		if _, err := tensor.ReadNPY(strings.NewReader(text)); !contains(err, name) {
			t.Errorf("got %v, want %q", err, name)
		}
	}
}

// golden returns a .npy file of little-endian float32 as numpy.save writes it.
func golden(shape, numbers string) string {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }"
	return "\x93NUMPY\x01\x00v\x00" + header + strings.Repeat(" ", 117-len(header)) + "\n" + numbers
}

// Arrays of several chunks are read back with the same bits, NaNs too. Shorter files
// are errors that name the position.
func TestNPYLarge(t *testing.T) {
	const n = 1<<19 + 7
	x := tensor.Tensor{Shape: []int{n}, Data: make([]float32, n)}
	for i := range x.Data {
		x.Data[i] = math.Float32frombits(uint32(i) * 2654435761)
	}
	var file bytes.Buffer
	if err := x.WriteNPY(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	back, err := tensor.ReadNPY(bytes.NewReader(whole))
	if err != nil || len(back.Data) != n {
		t.Fatalf("%v, %d numbers, want %d", err, len(back.Data), n)
	}
	for i := range x.Data {
		if got, want := math.Float32bits(back.Data[i]), math.Float32bits(x.Data[i]); got != want {
			t.Fatalf("number %d is %#x, want %#x", i, got, want)
		}
	}
	for _, missing := range []int{1, 4, 4 << 16, 4*n - 4, 4 * n} {
		_, err := tensor.ReadNPY(bytes.NewReader(whole[:len(whole)-missing]))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("of %d numbers: ", n)) {
			t.Errorf("%d bytes cut off: %v", missing, err)
		}
	}
}

// FuzzReadNPY reads any file. An accepted array is written and read back with the same
// bits.
func FuzzReadNPY(f *testing.F) {
	for _, x := range []tensor.Tensor{
		{Shape: []int{1, 2}, Data: []float32{1, -2}},
		{Shape: []int{}, Data: []float32{float32(math.NaN())}},
		{Shape: []int{3, 0, 2}},
	} {
		var buf bytes.Buffer
		if err := x.WriteNPY(&buf); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Add([]byte(strings.Replace(golden("(2,)", "\xff\xff\xff\xff\xff\xff\xef\x7f12345678"), "<f4", "<f8", 1)))
	f.Add([]byte(strings.Replace(golden("(4,)", "\x00\xff\x7f\x80"), "<f4", "|i1", 1)))
	f.Add([]byte(golden("(2147483647,)", "1234")))
	f.Add([]byte(strings.Replace(golden("(2147483647, 1)", "1234"), "False", "True ", 1)))
	f.Add([]byte(strings.Replace(golden("(2, 3)", "123456789abc"), "'<f4', 'fortran_order': False", "'>f2', 'fortran_order': True ", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var x tensor.Tensor
		err := hostile.Read(t, "tensor: read .npy: ", len(data), hostile.Limits{}, func() (err error) {
			x, err = tensor.ReadNPY(bytes.NewReader(data))
			return err
		})
		if err != nil {
			return
		}
		if err := x.Check(); err != nil {
			t.Fatalf("read a tensor that does not pass Check: %v", err)
		}
		var file bytes.Buffer
		if err := x.WriteNPY(&file); err != nil {
			t.Fatalf("%s was read and cannot be written: %v", tensor.FormatShape(x.Shape), err)
		}
		back, err := tensor.ReadNPY(&file)
		if err != nil || !slices.Equal(back.Shape, x.Shape) || !slices.EqualFunc(back.Data, x.Data, func(a, b float32) bool {
			return math.Float32bits(a) == math.Float32bits(b)
		}) {
			t.Errorf("%s came back as %s, %v", tensor.FormatShape(x.Shape), tensor.FormatShape(back.Shape), err)
		}
	})
}
