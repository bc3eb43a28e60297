package images_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"

	"tfcnn/session/images"
)

var endOfImage = []byte{0xff, 0xd9}

// segment finds a JPEG's first segment of a kind, its marker and length
// included.
func segment(t *testing.T, file []byte, marker byte) (start, end int) {
	t.Helper()
	start = bytes.Index(file, []byte{0xff, marker})
	if start < 0 {
		t.Fatalf("no marker %x", marker)
	}
	return start, start + 2 + int(binary.BigEndian.Uint16(file[start+2:]))
}

// A JPEG that was cut off and got an end marker: libjpeg fills up with grey
// and TensorFlow says nothing.
func TestTruncatedWithEndMarker(t *testing.T) {
	d := open(t, images.Options{})
	large, err := os.ReadFile("testdata/cmyk-260x260.jpg") // part of china.jpg
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"china.jpg":       sample(t, "china.jpg"),
		"large CMYK":      large,
		"grey.jpg":        goldens(t)["grey.jpg"].File,
		"rgb.jpg":         goldens(t)["rgb.jpg"].File,
		"cmyk.jpg":        goldens(t)["cmyk.jpg"].File,
		"progressive.jpg": goldens(t)["progressive.jpg"].File,
	} {
		_, pixels := segment(t, file, 0xda)
		// A progressive file that is cut between two scans is whole, if coarse;
		// what ends inside its first scan is not.
		last := len(file)
		if next := bytes.Index(file[pixels:], []byte{0xff, 0xc4}); next > 0 {
			last = pixels + next
		}
		for i := range 20 {
			cut := pixels + (last-pixels)*i/25
			got, err := d.Raster(slices.Concat(file[:cut], endOfImage), images.Options{})
			if err == nil || !strings.Contains(err.Error(), "JPEG: broken or truncated file: its data end before") {
				t.Errorf("%s cut at %d of %d: %d×%d, %v", name, cut, len(file), got.Height, got.Width, err)
			}
		}
	}
}

// The later passes of a progressive JPEG (part of china.jpg) are not left out
// silently where they end early.
func TestProgressiveCutInAnyScan(t *testing.T) {
	d := open(t, images.Options{})
	file, err := os.ReadFile("testdata/progressive-260x260.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Raster(file, images.Options{}); err != nil {
		t.Fatal(err)
	}
	scans := 0
	for at := 0; ; scans++ {
		next := bytes.Index(file[at:], []byte{0xff, 0xda})
		if next < 0 {
			break
		}
		const head = 12 // at least; some of the scan's data follow
		at += next + head
		if _, err := d.Raster(slices.Concat(file[:at+8], endOfImage), images.Options{}); err == nil {
			t.Errorf("cut in scan %d: no error", scans)
		}
	}
	if scans < 5 {
		t.Errorf("%d scans, want the usual 6", scans)
	}
}

// A header with a larger image than its data is refused.
func TestTallerThanItsData(t *testing.T) {
	d := open(t, images.Options{})
	file := slices.Clone(goldens(t)["rgb.jpg"].File)
	frame, _ := segment(t, file, 0xc0)
	binary.BigEndian.PutUint16(file[frame+5:], 2000)
	if _, err := d.Raster(file, images.Options{}); err == nil || !strings.Contains(err.Error(), "its data end before the image does") {
		t.Errorf("12 rows for 2000: %v", err)
	}
}

// Mid-grey in the last corner is no proof of missing data.
func TestGreyCorner(t *testing.T) {
	d := open(t, images.Options{})
	p, err := d.Raster(goldens(t)["grey-corner.jpg"].File, images.Options{})
	if err != nil || p.Pixels[len(p.Pixels)-1] != 128 {
		t.Errorf("%v, %v", p.Pixels, err)
	}
}

func TestJPEGRefusals(t *testing.T) {
	d := open(t, images.Options{})
	file := goldens(t)["grey.jpg"].File
	change := func(at int, to ...byte) []byte {
		changed := slices.Clone(file)
		copy(changed[at:], to)
		return changed
	}
	insert := func(at int, what ...byte) []byte { return slices.Insert(slices.Clone(file), at, what...) }
	frame, frameEnd := segment(t, file, 0xc0)
	scan, scanEnd := segment(t, file, 0xda)

	cmyk := goldens(t)["cmyk.jpg"].File
	adobe, adobeEnd := segment(t, cmyk, 0xee)

	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"arithmetic coding", change(frame+1, 0xc9), "not decoded here: arithmetic-coded"},
		{"lossless", change(frame+1, 0xc3), "not decoded here: lossless"},
		{"12 bits", change(frame+4, 12), "not decoded here: 12 bits a sample"},
		{"two components", change(frame+9, 2), "not decoded here: 2 components"},
		{"height after the pixels", change(frame+5, 0, 0), "states its height after its pixels"},
		{"two frames", insert(frame, file[frame:frameEnd]...), "it has two frames"},
		{"no frame", slices.Concat(file[:frame], file[frameEnd:]), "broken or truncated header"},
		{"a segment longer than the file", change(frame+2, 0xff, 0xff), "broken or truncated header"},
		{"bytes before the first segment", insert(2, 1, 2, 3), "broken or truncated header"},
		{"no end marker", file[:len(file)-2], "it has no end marker"},
		{"half an end marker", file[:len(file)-1], "it has no end marker"},
		{"a scan too many", insert(scan, file[scan:scanEnd]...), "more scans than the one that holds all components"},
		{"CMYK of unknown sense", slices.Concat(cmyk[:adobe], cmyk[adobeEnd:]), "without Adobe's mark"},
		{"bytes behind a marker that has none", insert(2, 0xff, 0x01, 0, 4, 0, 0), "4 bytes left over before marker e0"},
		{"too many pixels", change(frame+5, 0, 59), "JPEG of 17×59 pixels, at most 1000"},
	} {
		_, err := d.Raster(tt.file, images.Options{MaxPixels: 1000})
		if err == nil || !strings.HasPrefix(err.Error(), "images: JPEG") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}

	// What libjpeg steps over is no fault.
	for name, file := range map[string][]byte{
		"fill bytes":          insert(2, 0xff, 0xff),
		"bytes after the end": append(slices.Clone(file), "more"...),
		"a comment":           insert(2, 0xff, 0xfe, 0, 5, 'a', 'b', 'c'),
	} {
		if _, err := d.Raster(file, images.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPNGRefusals(t *testing.T) {
	d := open(t, images.Options{})
	file := goldens(t)["rgb.png"].File
	apple := slices.Insert(slices.Clone(file), 8, 0, 0, 0, 0, 'C', 'g', 'B', 'I', 0, 0, 0, 0)
	if _, err := d.Raster(apple, images.Options{}); err == nil || !strings.Contains(err.Error(), "Apple's own variant (CgBI)") {
		t.Errorf("CgBI: %v", err)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, wide{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Raster(buf.Bytes(), images.Options{}); err == nil || !strings.Contains(err.Error(), "PNG of 1000001×1 pixels, libpng takes at most 1000000 a side") {
		t.Errorf("too wide: %v", err)
	}
}

// wide is a black image of 1000001×1.
type wide struct{}

func (wide) ColorModel() color.Model { return color.GrayModel }
func (wide) Bounds() image.Rectangle { return image.Rect(0, 0, 1_000_001, 1) }
func (wide) At(_, _ int) color.Color { return color.Gray{} }
