package images_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"tfcnn/session/images"
)

// pngChunk is a chunk with its checksum, or a wrong one.
func pngChunk(kind string, body []byte, wrong bool) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	c = append(append(c, kind...), body...)
	check := crc32.ChecksumIEEE(c[4:])
	if wrong {
		check++
	}
	return binary.BigEndian.AppendUint32(c, check)
}

// deflated is zlib's form of some bytes.
func deflated(plain []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(plain)
	_ = w.Close()
	return b.Bytes()
}

// pngParts are the chunks of an image of 5×4 pixels.
func pngParts(colour byte, samples, depth int) (parts [][]byte) {
	var pixels []byte
	for y := range 4 {
		pixels = append(pixels, 0)
		for x := range (5*samples*depth + 7) / 8 {
			pixels = append(pixels, byte(y*40+x*3))
		}
	}
	parts = [][]byte{pngChunk("IHDR", []byte{0, 0, 0, 5, 0, 0, 0, 4, byte(depth), colour, 0, 0, 0}, false)}
	if colour == 3 {
		palette := make([]byte, 3*256)
		for i := range palette {
			palette[i] = byte(i * 7)
		}
		parts = append(parts, pngChunk("PLTE", palette, false))
	}
	return append(parts, pngChunk("IDAT", deflated(pixels), false), pngChunk("IEND", nil, false))
}

// What TensorFlow's libpng makes of a file with a chunk put in, at every
// place, with a right and a wrong checksum, we make of it, from those chunks
// that decide pixels alone: the same pixels, or an error. Two palettes are the
// exception; libpng refuses them even where they are the same.
func TestChunksAreLibpngs(t *testing.T) {
	d := open(t, images.Options{})
	palette := make([]byte, 9)
	chunks := map[string][][]byte{
		"tRNS": {
			nil,
			{0},
			{0, 3},
			{0, 0, 0, 3, 0, 6},
			{0, 40, 0, 43, 0, 46},
			{1, 2, 3},
			bytes.Repeat([]byte{9}, 256),
			make([]byte, 257),
		},
		"PLTE": {palette, palette[:8], make([]byte, 3*257)},
		"tEXt": {[]byte("Comment\x00some text"), nil},
		"zTXt": {append([]byte("Comment\x00\x00"), deflated([]byte("text"))...), []byte("Comment\x00\x00not zlib's")},
		"iTXt": {[]byte("Comment\x00\x00\x00\x00\x00text")},
		"iCCP": {[]byte("profile\x00\x00junk")},
		"gAMA": {{0, 0, 0x2c, 0x9c}, {1}},
		"cHRM": {make([]byte, 32)},
		"sRGB": {{0}},
		"sBIT": {{1}, {1, 1, 1}, {1, 1, 1, 1}},
		"bKGD": {{1}, {0, 1}, {0, 1, 0, 2, 0, 3}},
		"hIST": {make([]byte, 512)},
		"pHYs": {make([]byte, 9)},
		"tIME": {make([]byte, 7)},
		"eXIf": {[]byte("II*\x00\x08\x00\x00\x00\x00\x00")},
		"abCd": {[]byte("private")},
		"ABCD": {[]byte("critical, not known")},
		"a1Cd": {nil},
		"IDAT": {nil},
		"IEND": {nil, []byte("no more")},
		"IHDR": {{0, 0, 0, 5, 0, 0, 0, 4, 8, 2, 0, 0, 0}},
	}
	var cases []chunkCase
	for kind, bodies := range chunks {
		for _, body := range bodies {
			cases = append(cases, chunkCase{kind, len(body), pngChunk(kind, body, false)}, chunkCase{kind + ", wrong checksum,", len(body), pngChunk(kind, body, true)})
		}
	}
	for _, two := range [][2]string{ // bodies behind kinds
		{"tRNS\x00\x01", "tRNS\x00\x02"},
		{"tRNS\x00", "tRNS\x00\x02"},
		{"tRNS\x00\x00\x00\x03\x00\x06", "PLTEabc"},
		{"PLTEabc", "tRNS\x00\x00\x00\x03\x00\x06"},
		{"IDAT", "tEXtb\x00"},
		{"tEXtb\x00", "IDAT"},
	} {
		first, second := pngChunk(two[0][:4], []byte(two[0][4:]), false), pngChunk(two[1][:4], []byte(two[1][4:]), false)
		cases = append(cases, chunkCase{two[0][:4] + " and " + two[1][:4], len(first) + len(second), slices.Concat(first, second)})
	}
	compared := 0
	for _, image := range []struct {
		colour         byte
		samples, depth int
	}{{0, 1, 8}, {0, 1, 4}, {2, 3, 8}, {3, 1, 8}, {3, 1, 4}, {4, 2, 8}, {6, 4, 8}} {
		parts := pngParts(image.colour, image.samples, image.depth)
		for _, c := range cases {
			for at := 1; at <= len(parts); at++ {
				if strings.Contains(c.kind, "PLTE") && (image.colour == 3 || at >= len(parts)-1 || c.bytes == 0) {
					continue // libpng minds an empty palette where it is but advice
				}
				compared++
				file := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), slices.Concat(slices.Insert(slices.Clone(parts), at, c.chunk)...))
				want, refused := d.Libpng(file)
				got, err := d.Raster(file, images.Options{})
				if (err == nil) != (refused == nil) || err == nil && !bytes.Equal(got.Pixels, overWhite(want, image.depth)) {
					t.Errorf("colour type %d of %d bits, %s of %d bytes at %d: %v, pixels %.15v; libpng: %v, %.15v",
						image.colour, image.depth, c.kind, c.bytes, at, err, got.Pixels, refused, overWhite(want, image.depth))
				}
			}
		}
	}
	if compared < 1500 {
		t.Errorf("%d files compared", compared)
	}
}

// chunkCase is a chunk, or two, of so many bytes of contents.
type chunkCase struct {
	kind  string
	bytes int
	chunk []byte
}

// overWhite lays libpng's RGBA over white. Where a file of less than 8 bits has
// no transparency, TensorFlow gives it an alpha of 2^bits − 1.
func overWhite(rgba []uint8, depth int) []uint8 {
	opaque := true
	for i := 3; i < len(rgba); i += 4 {
		opaque = opaque && int(rgba[i]) == 1<<depth-1
	}
	for i := 3; opaque && i < len(rgba); i += 4 {
		rgba[i] = 255
	}
	return images.Flatten(rgba)
}

// Text and profiles are not inflated, and cost their own bytes alone.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	d := open(t, images.Options{})
	parts := pngParts(2, 3, 8)
	text := deflated(make([]byte, 1<<24))
	for kind, before := range map[string]string{"zTXt": "k\x00\x00", "iTXt": "k\x00\x01\x00\x00\x00", "iCCP": "k\x00\x00"} {
		var bombs []byte
		for range 200 { // 3 GiB
			bombs = append(bombs, pngChunk(kind, append([]byte(before), text...), false)...)
		}
		file := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), parts[0], bombs, parts[1], bombs, parts[2])
		e, err := images.Examine(file, images.Options{})
		if err != nil || e.Bytes > 64<<20 {
			t.Errorf("%s: %d bytes, %v", kind, e.Bytes, err)
		}
		p, err := d.Raster(file, images.Options{})
		if plain, _ := d.Raster(slices.Concat([]byte("\x89PNG\r\n\x1a\n"), parts[0], parts[1], parts[2]), images.Options{}); err != nil || !bytes.Equal(p.Pixels, plain.Pixels) {
			t.Errorf("%s: other pixels, %v", kind, err)
		}
	}
	// Pixels that go on behind the image.
	file := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), parts[0], pngChunk("IDAT", deflated(make([]byte, 1<<28)), false), parts[2])
	if _, err := d.Raster(file, images.Options{}); err == nil || !strings.Contains(err.Error(), "compressed data are longer than twice the pixels") {
		t.Errorf("pixels without end: %v", err)
	}
}

// Metadata in texts say how an image is to be turned, as Pillow reads them.
func TestOrientationOfPNG(t *testing.T) {
	parts := pngParts(2, 3, 8)
	tiff := "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
	profile := fmt.Sprintf("\nexif\n      28\n%x\n", "Exif\x00\x00"+tiff)
	for name, tt := range map[string]struct {
		kind, body string
		wrong      bool
		turned     bool
		note       string
	}{
		"eXIf":                     {"eXIf", tiff, false, true, "turned upright (EXIF orientation 6)"},
		"eXIf, wrong checksum":     {"eXIf", tiff, true, false, "eXIf left out"},
		"eXIf that is none":        {"eXIf", "junk", false, false, "not turned: EXIF data"},
		"tEXt":                     {"tEXt", "Raw profile type exif\x00" + profile, false, true, "turned upright (EXIF"},
		"zTXt":                     {"zTXt", "Raw profile type exif\x00\x00" + string(deflated([]byte(profile))), false, true, "turned upright (EXIF"},
		"zTXt that is none":        {"zTXt", "Raw profile type exif\x00\x00junk", false, false, "not turned: EXIF data"},
		"zTXt, wrong checksum":     {"zTXt", "Raw profile type exif\x00\x00" + string(deflated([]byte(profile))), true, false, "zTXt left out"},
		"zTXt of ImageMagick's":    {"zTXt", "Raw profile type APP1\x00\x00" + string(deflated([]byte(profile))), false, true, "turned upright (EXIF"},
		"iTXt":                     {"iTXt", "Raw profile type exif\x00\x00\x00\x00\x00" + profile, false, true, "turned upright (EXIF"},
		"iTXt, compressed":         {"iTXt", "Raw profile type exif\x00\x01\x00en\x00\x00" + string(deflated([]byte(profile))), false, true, "turned upright (EXIF"},
		"XMP":                      {"iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00<x tiff:Orientation=\"6\"/>", false, true, "turned upright (XMP orientation 6)"},
		"XMP of another's keyword": {"iTXt", "XMP\x00\x00\x00\x00\x00<x tiff:Orientation=\"6\"/>", false, false, ""},
	} {
		for _, at := range []int{1, 2} { // before the pixels and behind them
			file := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), slices.Concat(slices.Insert(slices.Clone(parts), at, pngChunk(tt.kind, []byte(tt.body), tt.wrong))...))
			e, err := images.Examine(file, images.Options{})
			if turned := e.Height == 5 && e.Width == 4; err != nil || turned != tt.turned {
				t.Errorf("%s at %d: %d×%d, %v", name, at, e.Height, e.Width, err)
			}
			p, err := open(t, images.Options{}).Raster(file, images.Options{})
			if note := strings.Join(p.Notes, "; "); err != nil || !strings.Contains(note, tt.note) || (tt.note == "") != (note == "") {
				t.Errorf("%s at %d: notes %q, want %q, %v", name, at, note, tt.note, err)
			}
		}
	}
}
