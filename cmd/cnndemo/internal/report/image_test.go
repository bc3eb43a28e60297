package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/lucasb-eyer/go-colorful"
)

// Perceptually even: CIELAB's lightness rises by the same step from each
// colour to the next, but for the rounding to 8 bits.
func TestColoursAreEven(t *testing.T) {
	light := func(c color.Color) float64 {
		x, _ := colorful.MakeColor(c)
		l, _, _ := x.Lab()
		return 100 * l
	}
	n := len(colours) - 1
	mean := (light(colours[n-1]) - light(colours[0])) / float64(n-1)
	if mean < 0.3 {
		t.Errorf("lightness spans only %.1f", mean*float64(n-1))
	}
	for i := 1; i < n; i++ {
		// One unit of one 8-bit channel is up to 0.28 in lightness.
		if step := light(colours[i]) - light(colours[i-1]); math.Abs(step-mean) > 0.4 {
			t.Errorf("lightness steps by %.3f from %d to %d, %.3f in the mean", step, i-1, i, mean)
		}
	}
}

// The colours are those of gonum's palette/moreland v0.17.0, ExtendedBlackBody from
// 0 to 254: the SHA-256 of its RGB bytes.
func TestColoursAreMorelands(t *testing.T) {
	const want = "23ed091b0bdc0b2cf69328f69e18efe0b29d9559f96325225f780e3e4b1b91eb"
	var rgb []byte
	for _, c := range colours[:len(colours)-1] {
		r, g, b, _ := c.RGBA()
		rgb = append(rgb, byte(r>>8), byte(g>>8), byte(b>>8))
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(rgb)); got != want || len(rgb) != 3*255 {
		t.Errorf("%d bytes, sha256 %s, want %s", len(rgb), got, want)
	}
}

func decodePNG(t *testing.T, file []byte) (image.Image, map[string]string) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for at := 8; at < len(file); {
		size := int(binary.BigEndian.Uint32(file[at:]))
		if string(file[at+4:at+8]) == "tEXt" {
			keyword, value, _ := strings.Cut(string(file[at+8:at+8+size]), "\x00")
			text[keyword] = value
		}
		at += 12 + size
	}
	return img, text
}

func TestWriteMap(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name    string
		numbers []float32 // 2 rows
		colours []int     // indices
		low     string
		high    string
	}{
		{"even", []float32{-1, 0, 1, 1}, []int{0, 127, 254, 254}, "-1", "1"},
		{"constant", []float32{7, 7, 7, 7}, []int{0, 0, 0, 0}, "7", "7"},
		{"not finite", []float32{nan, inf, 2, 4}, []int{255, 255, 0, 254}, "2", "4"},
		{"nothing finite", []float32{nan, nan, -inf, inf}, []int{255, 255, 255, 255}, "0", "0"},
		{"the widest range", []float32{-math.MaxFloat32, math.MaxFloat32, 0, 0}, []int{0, 254, 127, 127}, "-3.4028235e+38", "3.4028235e+38"},
	} {
		var buf bytes.Buffer
		m := Map{Height: 2, Width: 2, At: func(row, column int) float32 { return tt.numbers[2*row+column] }}
		if err := WriteMap(&buf, m, Text{"Layer": "conv2d"}); err != nil {
			t.Fatal(err)
		}
		img, text := decodePNG(t, buf.Bytes())
		for i, want := range tt.colours {
			if got := img.At(i%2, i/2); got != colours[want] {
				t.Errorf("%s: pixel %d is %v, want colour %d", tt.name, i, got, want)
			}
		}
		if text["Minimum"] != tt.low || text["Maximum"] != tt.high || text["Layer"] != "conv2d" {
			t.Errorf("%s: text %v", tt.name, text)
		}
	}
}

func TestWriteColour(t *testing.T) {
	numbers := []float32{0, 254.5, 255.4, -3, 300, float32(math.NaN())}
	var buf bytes.Buffer
	err := WriteColour(&buf, 1, 2, func(_, column, channel int) float32 { return numbers[3*column+channel] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	img, _ := decodePNG(t, buf.Bytes())
	for i, want := range []color.RGBA{{0, 255, 255, 255}, {0, 255, 0, 255}} {
		if got := color.RGBAModel.Convert(img.At(i, 0)); got != want {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}
