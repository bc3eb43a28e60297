package tensor_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

// npy returns a file of one version with that header; the numbers follow it.
func npy(version byte, header, numbers string) string {
	file := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	}
	return string(file) + header + numbers
}

// headers are Python literals with the result of numpy.load (NumPy 2.4): a shape, or a
// refusal whose text is ours. All files have enough numbers.
var headers = []struct {
	version byte
	text    string
	shape   string // "" refused
	err     string
}{
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }`, "[3,3]", ""},
	{2, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }`, "[3,3]", ""},
	{3, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }`, "[3,3]", ""},
	{1, `{'shape': (9, 1), 'fortran_order': False, 'descr': '<f4'}`, "[9,1]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9, 1)}`, "[9,1]", ""},
	{1, `{'descr':'<f4','fortran_order':False,'shape':(1,9),}`, "[1,9]", ""},
	{1, ` {"descr"	: "<f4" , "fortran_order" : False , "shape" : ( 3 , 3 , ) , } `, "[3,3]", ""},
	{1, "\n{'descr': '<f4',\r\n 'fortran_order': False, # C order\n 'shape': (9,)}\n\n", "[9]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 3L), }`, "[3,3]", ""},
	{2, `{'descr': '<f4', 'fortran_order': False, 'shape': (9L,), }`, "[9]", ""},
	{3, `{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 3L), }`, "", `header: byte 51: got "3L", want an integer`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9l,), }`, "", `got "9l"`},
	{1, `{u'descr': '<f4', U'fortran_order': False, r'shape': (9,)}`, "[9]", ""},
	{1, `{'d\x65s\143r': "<\u0066" '4', '''fortran_order''': False, 'sha\
pe': (0x9, +1, 0b1, 1_0, 00)}`, "[9,1,1,10,0]", ""},
	{1, `({'descr': ('<f4'), 'fortran_order': (False), 'shape': ((9), 1)})`, "[9,1]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': ()}`, "[]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)} x`, "", `byte 58: got "x", want the end`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)}` + "\x00", "", `got "\x00"`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)},`, "", `got ",", want the end`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3),,}`, "", `got ",", want a value`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3,, 3)}`, "", `got ",", want a value`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (,)}`, "", `got ",", want a value`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3 3)}`, "", `got "3", want "," or ")"`},
	{1, `{'descr': '<f4', 'fortran_order': False 'shape': (3, 3)}`, "", `got "'", want "," or "}"`},
	{1, `{'descr' '<f4', 'fortran_order': False, 'shape': (3, 3)}`, "", `got ",", want ":"`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)`, "", `got the end`},
	{1, `{'descr': '<f4`, "", `string has no end`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (011, 1)}`, "", `got "011", want an integer`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9.0,)}`, "", `got ".", want`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (True, 9)}`, "", `shape has True in place 1`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (-9, 1)}`, "", `size -9 is negative`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}`, "", `does not fit int64`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9)}`, "", `shape is the integer 9, want a tuple`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': [9]}`, "", `shape is a list, want a tuple`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (` + strings.Repeat("1,", 64) + `)}`, "[" + strings.Repeat("1,", 16) + "… 64 axes]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (` + strings.Repeat("1,", 65) + `)}`, "", `array has 65 axes`},
	{1, `{'descr': '<f4', 'fortran_order': 0, 'shape': (9,)}`, "", `fortran_order is the integer 0, want True or False`},
	{1, `{'descr': '<f4', 'fortran_order': false, 'shape': (9,)}`, "", `got "f", want a value`},
	{1, `{'descr': None, 'fortran_order': False, 'shape': (9,)}`, "", `descr is None`},
	{1, `{'descr': [('x', '<f4')], 'fortran_order': 0, 'shape': (9,)}`, "", `descr is a list`},
	{1, `{'descr': '<f4', 'fortran_order': False}`, "", `key "shape" is missing`},
	{1, `{'fortran_order': False, 'shape': (9,)}`, "", `key "descr" is missing`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9,), 'x': 1}`, "", `key "x" is not known`},
	{1, `{b'descr': '<f4', 'fortran_order': False, 'shape': (9,)}`, "", `got "b", want a value`},
	{1, `{1: '<f4', 'fortran_order': False, 'shape': (9,)}`, "", `a key is the integer 1`},
	{1, `['descr']`, "", `got a list, want a dictionary`},
	{1, ``, "", `got the end`},
	{3, "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), '\xe9': 1}", "", `not UTF-8`},
	{1, "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), '\xe9\x1b\x85': 1}", "", `key "é\x1b\u0085" is not known`},
	{1, strings.Repeat("(", 9000), "", `more than 100 brackets`},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}` + strings.Repeat(" ", 9945), "[9]", ""},
	{1, `{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}` + strings.Repeat(" ", 9946), "", `header of 10001 bytes`},
	{4, `{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}`, "", `format version is 4.0`},
	{0, `{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}`, "", `format version is 0.0`},
}

// numbersOf returns ones for all elements of a shape.
func numbersOf(shape string) string {
	var sizes []int
	_ = json.Unmarshal([]byte(shape), &sizes)
	n := 1
	for _, size := range sizes {
		n *= size
	}
	return strings.Repeat("\x00\x00\x80\x3f", n)
}

func TestNPYHeaders(t *testing.T) {
	for _, tt := range headers {
		x, err := tensor.ReadNPY(strings.NewReader(npy(tt.version, tt.text, numbersOf(tt.shape))))
		if got := tensor.FormatShape(x.Shape); err == nil && got != tt.shape || !contains(err, tt.err) {
			t.Errorf("version %d, %.90q: got %s, %v; want %s, %q", tt.version, tt.text, got, err, tt.shape, tt.err)
		}
		if err != nil {
			hostile.Line(t, "tensor: read .npy: ", err.Error())
		}
	}
	// NumPy takes the last of two; which one a writer meant is not to be known.
	twice := npy(1, `{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}`, numbersOf("[1]"))
	if _, err := tensor.ReadNPY(strings.NewReader(twice)); !contains(err, `key "descr" is there twice`) {
		t.Error(err)
	}
}

// Files that other programs wrote.
func TestNPYFiles(t *testing.T) {
	for name, want := range map[string]string{
		"key_order": "[3,3]", "no_spaces": "[3,3]", "no_trailing_comma": "[3,3]", "python2_long": "[3,3]",
		"version3": "[3,3]", "shape_9x1": "[9,1]", "int64_rounding": "[1,1]",
	} {
		data, err := os.ReadFile("testdata/npy_" + name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		x, err := tensor.ReadNPY(bytes.NewReader(data))
		if err != nil || tensor.FormatShape(x.Shape) != want {
			t.Errorf("%s: %s, %v; want %s", name, tensor.FormatShape(x.Shape), err, want)
		}
		if name == "int64_rounding" && x.Data[0] != 0x1.000002p+60 {
			t.Errorf("%s: %x, want 0x1.000002p+60, nearest of 2⁶⁰+2³⁶+1", name, x.Data[0])
		}
	}
}

// FuzzNPYHeader reads headers of any text: each is read or refused in one line, and
// parentheses around a literal change nothing.
func FuzzNPYHeader(f *testing.F) {
	for _, tt := range headers {
		f.Add(tt.text, tt.version)
	}
	f.Fuzz(func(t *testing.T, text string, version byte) {
		read := func(text string) (tensor.Tensor, error) {
			file := npy(version, text, "")
			var x tensor.Tensor
			err := hostile.Read(t, "tensor: read .npy: ", len(file), hostile.Limits{}, func() (err error) {
				x, err = tensor.ReadNPY(strings.NewReader(file))
				return err
			})
			return x, err
		}
		x, err := read(text)
		if len(text) > 9000 {
			return
		}
		again, errAgain := read(" (" + text + "\n)")
		if (err == nil) != (errAgain == nil) || !slices.Equal(x.Shape, again.Shape) {
			t.Errorf("%q is %v, %v; in parentheses %v, %v", text, x.Shape, err, again.Shape, errAgain)
		}
	})
}
