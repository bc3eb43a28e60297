package graph_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

func readNPZ(data []byte) (graph.Weights, error) {
	return graph.ReadNPZ(bytes.NewReader(data), int64(len(data)))
}

func TestNPZ(t *testing.T) {
	net, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	weights := net.InitialWeights(5)
	var file, again bytes.Buffer
	if err := weights.WriteNPZ(&file); err != nil {
		t.Fatal(err)
	}
	if err := weights.WriteNPZ(&again); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Errorf("the same weights give other bytes, %v", err)
	}
	read, err := readNPZ(file.Bytes())
	if err != nil || !reflect.DeepEqual(read, weights) || read.Check(net) != nil {
		t.Errorf("read back: %v, %v", err, read.Check(net))
	}
}

// NumPy reads the files that WriteNPZ writes, and ReadNPZ reads NumPy's, with
// compression and with float64 too.
func TestNPZWithNumPy(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("python3 with NumPy is not here")
	}
	folder := t.TempDir()
	net := graph.Network{
		Input:  graph.Input{Height: 5, Width: 5, Channels: 2},
		Layers: []graph.Layer{graph.Conv2D{Name: "c", Filters: 3, Size: graph.Square(2)}},
	}
	weights := net.InitialWeights(1)
	file, err := os.Create(filepath.Join(folder, "in.npz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.WriteNPZ(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	script := `
import numpy, sys
w = dict(numpy.load("in.npz"))
assert w["c/filter"].shape == (2, 2, 2, 3) and w["c/bias"].dtype == numpy.float32, w
w["c/filter"] = w["c/filter"].astype(numpy.float64) * 2
numpy.savez_compressed("out.npz", **w)`
	c := exec.Command(python, "-c", script)
	c.Dir = folder
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	data, err := os.ReadFile(filepath.Join(folder, "out.npz"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := readNPZ(data)
	if err != nil || read.Check(net) != nil {
		t.Fatal(err, read.Check(net))
	}
	for i, x := range read["c/filter"].Data {
		if x != 2*weights["c/filter"].Data[i] {
			t.Fatalf("number %d is %v, want twice %v", i, x, weights["c/filter"].Data[i])
		}
	}
}

// Files of NumPy's whose weights are the same numbers: in C order beside an
// entry of a folder, with a dense filter in Fortran order (W.T is), with a
// permuted 1×1 filter, and rounded to float16.
func TestNPZFiles(t *testing.T) {
	read := func(name string) (graph.Weights, error) {
		data, err := os.ReadFile("testdata/npz_" + name + ".npz")
		if err != nil {
			t.Fatal(err)
		}
		return readNPZ(data)
	}
	text, err := os.ReadFile("testdata/npz_net.json")
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.ReadNetwork("npz_net.json", text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := read("folder_entry")
	if err != nil || want.Check(net) != nil || want["c1/filter"].Data[1] != -0.25673014 {
		t.Fatal(err, want.Check(net))
	}
	for _, name := range []string{"transposed_dense", "permuted_1x1"} {
		if got, err := read(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, or other numbers", name, err)
		}
	}
	half, err := read("float16")
	if err != nil || half.Check(net) != nil {
		t.Fatal(err, half.Check(net))
	}
	for name, w := range half {
		for i, x := range w.Data {
			if rounded := float16.Fromfloat32(want[name].Data[i]).Float32(); x != rounded {
				t.Errorf("%s: number %d is %v, want %v", name, i, x, rounded)
			}
		}
	}
	_, err = read("bad_checksum")
	if err == nil || !errors.Is(err, zip.ErrChecksum) || err.Error() != `graph: read .npz: entry "fc/bias.npy": its checksum is not that of its bytes, the archive is damaged: zip: checksum error` {
		t.Error(err)
	}
}

// A changed byte anywhere in a stored entry, its header included, is a wrong checksum.
func TestNPZChecksum(t *testing.T) {
	var file bytes.Buffer
	w := graph.Weights{"w": {Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}}}
	if err := w.WriteNPZ(&file); err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(file.Bytes(), []byte("\x93NUMPY"))
	for at := start; at < start+128+24; at++ {
		damaged := bytes.Clone(file.Bytes())
		damaged[at] ^= 1
		if _, err := readNPZ(damaged); !errors.Is(err, zip.ErrChecksum) || !strings.Contains(err.Error(), `entry "w.npy": its checksum`) {
			t.Errorf("byte %d of the entry: %v", at-start, err)
		}
	}
}

func TestNPZRefusals(t *testing.T) {
	archive := func(entries ...string) []byte {
		var file bytes.Buffer
		w := zip.NewWriter(&file)
		for i := 0; i < len(entries); i += 2 {
			header := &zip.FileHeader{Name: entries[i]}
			if entries[i+1] == "encrypted" {
				header.Flags = 1
			}
			entry, err := w.CreateHeader(header)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := entry.Write([]byte(entries[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	empty := "\x93NUMPY\x01\x00\x3a\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }\n"
	for _, tt := range []struct {
		data []byte
		want string
	}{
		{nil, "no zip archive"},
		{[]byte("PK\x03\x04 and nothing"), "no zip archive"},
		{archive(), "archive is empty"},
		{archive("a/", ""), "archive is empty"},
		{archive("a.txt", "x"), `entry "a.txt" is no .npy file`},
		{archive("a\x1b[2J\n\u202e\xff", "x"), `entry "a\x1b[2J\n\u202e\xff" is no .npy file`},
		{archive(strings.Repeat("x", 60000), "x"), `"… is no .npy file`},
		{archive("a.npy", "x"), `entry "a.npy": tensor: read .npy`},
		{archive("a.npy", empty+"x"), `entry "a.npy": tensor: read .npy: shape [0]: bytes follow the last number`},
		{archive("a.npy", empty, "a.npy", empty), `entry "a.npy" is there twice`},
		{archive("a.npy", "encrypted"), `entry "a.npy": is encrypted`},
	} {
		_, err := readNPZ(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
			continue
		}
		hostile.Line(t, "graph: read .npz: ", err.Error())
	}
}

// FuzzReadNPZ reads any archive. Accepted weights are written and read back with the
// same bits and names.
func FuzzReadNPZ(f *testing.F) {
	net := graph.Network{Input: graph.Input{Height: 2, Width: 2, Channels: 1}, Layers: []graph.Layer{graph.Conv2D{Filters: 1, Size: graph.Square(2)}}}
	var file bytes.Buffer
	if err := net.InitialWeights(1).WriteNPZ(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	var entry bytes.Buffer
	if err := (tensor.Tensor{Shape: []int{2, 300}, Data: make([]float32, 600)}).WriteNPY(&entry); err != nil {
		f.Fatal(err)
	}
	f.Add(compressed(f, "a/b.npy", entry.Bytes()))
	for _, name := range []string{"transposed_dense", "float16", "folder_entry", "bad_checksum"} {
		data, err := os.ReadFile("testdata/npz_" + name + ".npz")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var weights graph.Weights
		// Deflate makes up to 1,032 bytes of one, and float32 four of an int8.
		err := hostile.Read(t, "graph: read .npz: ", len(data), hostile.Limits{PerByte: 50_000}, func() (err error) {
			weights, err = readNPZ(data)
			return err
		})
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := weights.WriteNPZ(&again); err != nil {
			t.Fatalf("was read and cannot be written: %v", err)
		}
		back, err := readNPZ(again.Bytes())
		if err != nil || len(back) != len(weights) {
			t.Fatalf("%d weights came back as %d, %v", len(weights), len(back), err)
		}
		for name, w := range weights {
			if w.Check() != nil || !slices.Equal(back[name].Shape, w.Shape) || !slices.EqualFunc(back[name].Data, w.Data, func(a, b float32) bool {
				return math.Float32bits(a) == math.Float32bits(b)
			}) {
				t.Errorf("%q: %s came back as %s", name, tensor.FormatShape(w.Shape), tensor.FormatShape(back[name].Shape))
			}
		}
	})
}

// compressed returns an archive of one compressed entry.
func compressed(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	entry, err := w.Create(name)
	if err == nil {
		_, err = entry.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
