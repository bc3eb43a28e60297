package images_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session/images"
)

// numbers are known answers of Pillow and NumPy; testdata/known.py made them.
type numbers struct {
	File    []byte
	Resized []struct {
		Method        string
		Height, Width int
		Numbers       []byte
	}
	Ramp   []byte // 1×256 pixels: i, 255 − i, i ^ 85
	Scaled map[string][]byte
}

func knownNumbers(t *testing.T) (known numbers) {
	t.Helper()
	if err := json.Unmarshal(read(t, "known.json"), &known); err != nil {
		t.Fatal(err)
	}
	return known
}

func float32s(raw []byte) []float32 {
	list := make([]float32, len(raw)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return list
}

// Resizing gives Pillow's numbers. Both compute a row and then a column; each is
// a sum of at most 8 products, whose weights were divided by their sum: 2·8 + 2
// roundings a pass. Pillow's arithmetic is float64, rounded once a pass. The
// weights of a cubic add up to less than 1.3 without their signs. The scales are
// powers of two, so that all places are exact. Nearest is exact.
func TestResize(t *testing.T) {
	const taps, unit = 8, 1.0 / (1 << 24)
	const bound = (2*(2*taps+2) + 2) * unit * 255 * 1.3 * 1.3
	known := knownNumbers(t)
	for _, want := range known.Resized {
		d := open(t, images.Options{Size: graph.Size{Height: want.Height, Width: want.Width}, Method: want.Method})
		got, _, err := d.DecodeOne(known.File, nil)
		numbers := float32s(want.Numbers)
		if err != nil || !slices.Equal(got.Shape, []int{1, want.Height, want.Width, 3}) || len(got.Data) != len(numbers) {
			t.Errorf("%s to %d×%d: %v, %v", want.Method, want.Height, want.Width, got.Shape, err)
			continue
		}
		for i, x := range numbers {
			most := bound
			if want.Method == images.Nearest {
				most = 0
			}
			if math.Abs(float64(got.Data[i])-float64(x)) > most {
				t.Errorf("%s to %d×%d: number %d is %v, Pillow has %v", want.Method, want.Height, want.Width, i, got.Data[i], x)
				break
			}
		}
	}
	if len(known.Resized) != 4*len(images.Methods) {
		t.Errorf("%d known answers", len(known.Resized))
	}
}

// Scaled numbers are NumPy's to the bit.
func TestScale(t *testing.T) {
	known := knownNumbers(t)
	for name, o := range map[string]images.Options{
		"zero to one":    {Scale: images.ZeroToOne},
		"plus minus one": {Scale: images.PlusMinusOne},
		"ImageNet":       {Scale: images.ImageNet},
		"ImageNet BGR":   {Scale: images.ImageNetBGR, Channels: images.BGR},
		"BGR":            {Channels: images.BGR},
		"gray":           {Channels: images.Gray},
	} {
		got, _, err := open(t, o).DecodeOne(known.Ramp, nil)
		want := tensor.Tensor{Shape: []int{1, 1, 256, 3}, Data: float32s(known.Scaled[name])}
		if o.Channels == images.Gray {
			want.Shape[3] = 1
		}
		if equal, at := tensor.Equal(got, want); err != nil || !equal {
			t.Errorf("%s: number %d differs from NumPy's, %v", name, at, err)
		}
	}
	if len(known.Scaled) != 6 {
		t.Errorf("%d known answers", len(known.Scaled))
	}
}
