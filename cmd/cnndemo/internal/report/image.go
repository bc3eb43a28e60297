// Package report turns results into files that people and programs look at:
// PNG images of feature maps and pools, the report of a run, and pages that
// show it (report.html). It knows plain data only.
//
//	err := report.WriteMap(w, report.Map{Height: 214, Width: 320, At: at}, report.Text{"Layer": "conv2d"})
package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"maps"
	"math"
	"slices"
)

// Text is a PNG's description of itself, in tEXt chunks: keywords of 1 to 79
// Latin letters, and values.
type Text map[string]string

// Map is one channel of numbers, read by row and column.
type Map struct {
	Height, Width int
	At            func(row, column int) float32
}

// Range is the smallest and the largest finite number of a map; 0 and 0 where
// there is none.
func (m Map) Range() (low, high float32) {
	first := true
	for row := range m.Height {
		for column := range m.Width {
			v := m.At(row, column)
			if v-v != 0 {
				continue
			}
			if first {
				low, high, first = v, v, false
			}
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// WriteMap writes a map as a PNG with a palette: the smallest number dark, the
// largest light, numbers that are not finite magenta. The text gains Minimum and
// Maximum, the numbers behind the two ends.
func WriteMap(w io.Writer, m Map, text Text) error {
	low, high := m.Range()
	all := Text{"Minimum": fmt.Sprint(low), "Maximum": fmt.Sprint(high)}
	maps.Copy(all, text)
	return encode(w, m.paletted(low, high), all)
}

// paletted colours a map: low dark, high light. No finite number may lie
// outside them.
func (m Map) paletted(low, high float32) *image.Paletted {
	scale := 0.0
	if high > low {
		scale = float64(len(colours)-2) / (float64(high) - float64(low))
	}
	img := image.NewPaletted(image.Rect(0, 0, m.Width, m.Height), colours)
	for row := range m.Height {
		for column := range m.Width {
			v := m.At(row, column)
			index := uint8(len(colours) - 1)
			if v-v == 0 {
				index = uint8(math.Round((float64(v) - float64(low)) * scale))
			}
			img.Pix[row*img.Stride+column] = index
		}
	}
	return img
}

// WriteColour writes numbers of three channels as an RGB image: rounded to
// whole numbers from 0 to 255, NaN as 0.
func WriteColour(w io.Writer, height, width int, at func(row, column, channel int) float32, text Text) error {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for row := range height {
		for column := range width {
			i := row*img.Stride + 4*column
			for channel := range 3 {
				img.Pix[i+channel] = toByte(at(row, column, channel))
			}
			img.Pix[i+3] = 255
		}
	}
	return encode(w, img, text)
}

func toByte(v float32) uint8 {
	if v != v {
		return 0
	}
	return uint8(math.Round(float64(min(max(v, 0), 255))))
}

// encode writes a PNG with its text right after the header, where readers
// that stop at the first pixels still see it.
func encode(w io.Writer, img image.Image, text Text) error {
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&buf, img); err != nil {
		return fmt.Errorf("report: PNG: %w", err)
	}
	const headerEnd = 8 + 12 + 13 // signature, IHDR
	file := slices.Clone(buf.Bytes()[:headerEnd])
	for _, keyword := range slices.Sorted(maps.Keys(text)) {
		file = appendChunk(file, "tEXt", keyword+"\x00"+text[keyword])
	}
	file = append(file, buf.Bytes()[headerEnd:]...)
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("report: PNG: %w", err)
	}
	return nil
}

func appendChunk(file []byte, kind, data string) []byte {
	file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
	start := len(file)
	file = append(file, kind...)
	file = append(file, data...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(file[start:]))
}
