package report

import (
	"bytes"
	"image"
	_ "image/jpeg"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkPage is what a page adds to the run of one photograph: 427×640,
// two maps and a pool, whose PNGs are there already.
func BenchmarkPage(b *testing.B) {
	file, err := os.ReadFile("../../../../testdata/images/china.jpg")
	if err != nil {
		b.Fatal(err)
	}
	photo, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		b.Fatal(err)
	}
	size := photo.Bounds().Size()
	input := make([]float32, 0, size.X*size.Y*3)
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := photo.At(x, y).RGBA()
			input = append(input, float32(r>>8), float32(g>>8), float32(b>>8))
		}
	}
	maps, pool := make([]float32, 214*320*2), make([]float32, 213*320*3)
	for i := range maps {
		maps[i] = 7 * input[i]
	}
	copy(pool, input)
	views := []View{
		{Layer: "input", Height: size.Y, Width: size.X, Channels: 3, Channel: -1, Data: input},
		{Layer: "conv2d", Map: "one", Height: 214, Width: 320, Channels: 2, Channel: 0, Data: maps},
		{Layer: "conv2d", Map: "two", Height: 214, Width: 320, Channels: 2, Channel: 1, Data: maps},
		{Layer: "max_pool", Height: 213, Width: 320, Channels: 3, Channel: -1, Data: pool},
	}
	png := make([]byte, 60_000)
	run := images{names: []string{"a"}, height: size.Y, width: size.X}.run(nil)
	for b.Loop() {
		parts, err := os.Create(filepath.Join(b.TempDir(), "parts"))
		if err != nil {
			b.Fatal(err)
		}
		p := NewPage(parts, 1)
		e := p.Begin("a", views)
		for i := range views {
			given := png
			if i == 0 {
				given = nil
			}
			if err := e.Show(i, given); err != nil {
				b.Fatal(err)
			}
		}
		if err := p.Write(io.Discard, run); err != nil {
			b.Fatal(err)
		}
		parts.Close()
	}
}
