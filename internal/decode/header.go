package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"

	"github.com/bep/imagemeta"
)

const (
	formatJPEG = "JPEG"
	formatPNG  = "PNG"
)

// header is what a file says of itself before its pixels.
type header struct {
	format        string
	height, width int
	alpha         bool // pixels may be transparent
	notes         []string

	// Of JPEGs.
	components  int
	progressive bool
}

// foreign are pictures that people have and TensorFlow's decoders here do not
// read, by their first bytes.
var foreign = []struct {
	name   string
	at     int
	prefix string
}{
	{"GIF", 0, "GIF8"},
	{"WebP", 8, "WEBP"},
	{"BMP", 0, "BM"},
	{"TIFF", 0, "II*\x00"},
	{"TIFF", 0, "MM\x00*"},
	{"AVIF", 4, "ftypavi"},
	{"HEIC", 4, "ftyphe"},
	{"HEIC or AVIF", 4, "ftypmi"},
	{"HEIC or AVIF", 4, "ftypmsf"},
	{"a film (MP4)", 4, "ftyp"},
	{"JPEG XL", 0, "\x00\x00\x00\x0cJXL "},
	{"JPEG XL", 0, "\xff\x0a"},
	{"JPEG 2000", 0, "\x00\x00\x00\x0cjP"},
	{"PDF", 0, "%PDF"},
	{"SVG", 0, "<svg"},
}

// readHeader finds format and size, or says what the file is instead.
func readHeader(file []byte) (header, error) {
	switch {
	case len(file) == 0:
		return header{}, errors.New("file is empty")
	case bytes.HasPrefix(file, []byte("\xff\xd8")):
		return readJPEG(file)
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return readPNG(file)
	}
	for _, f := range foreign {
		if len(file) >= f.at && bytes.HasPrefix(file[f.at:], []byte(f.prefix)) {
			return header{}, fmt.Errorf("file is %s, want JPEG or PNG", f.name)
		}
	}
	return header{}, errors.New("file is no picture, want JPEG or PNG")
}

// maxSide is libpng's limit on a picture's height and width.
const maxSide = 1_000_000

func readPNG(file []byte) (header, error) {
	if hasChunk(file, "CgBI") {
		return header{}, errors.New("PNG in Apple's own variant (CgBI), want a standard one")
	}
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return header{}, fmt.Errorf("PNG: broken or truncated header: %w", err)
	}
	h := header{format: formatPNG, height: config.Height, width: config.Width}
	if h.height > maxSide || h.width > maxSide {
		return header{}, fmt.Errorf("PNG of %d×%d pixels, libpng takes at most %d a side", h.width, h.height, maxSide)
	}
	const colourType, alphaBit = 25, 4
	h.alpha = file[colourType]&alphaBit != 0 || hasChunk(file, "tRNS")
	if hasChunk(file, "acTL") {
		h.notes = append(h.notes, "animated: the first frame is taken")
	}
	return h, nil
}

// hasChunk looks for a PNG chunk before the first pixels.
func hasChunk(file []byte, name string) bool {
	for at := 8; at+8 <= len(file); {
		kind := string(file[at+4 : at+8])
		if kind == name {
			return true
		}
		if kind == "IDAT" {
			return false
		}
		size := int64(binary.BigEndian.Uint32(file[at:]))
		if size > int64(len(file)-at) {
			return false
		}
		at += 12 + int(size)
	}
	return false
}

// orientation is EXIF's: 1 is upright, 2 to 8 are not. It is 1 where a file
// says nothing, or nothing that makes sense.
func orientation(file []byte, format string) int {
	turn := 1
	// Errors mean EXIF data that cannot be read; the picture still can.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:           bytes.NewReader(file),
		ImageFormat: map[string]imagemeta.ImageFormat{formatJPEG: imagemeta.JPEG, formatPNG: imagemeta.PNG}[format],
		Sources:     imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool {
			return tag.Tag == "Orientation" && tag.Namespace == "IFD0"
		},
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && v >= 1 && v <= 8 {
				turn = int(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return turn
}

// turned is the picture as EXIF's orientation wants it shown. The value says
// which sides of what is seen the stored first row and first column are.
func (p Picture) turned(orientation int) Picture {
	h, w := p.Height, p.Width
	if orientation >= 5 { // the stored rows are columns
		h, w = w, h
	}
	out := Picture{Height: h, Width: w, Pixels: make([]uint8, len(p.Pixels)), Notes: p.Notes}
	for y := range h {
		for x := range w {
			row, column := y, x
			switch orientation {
			case 2:
				row, column = y, w-1-x
			case 3:
				row, column = h-1-y, w-1-x
			case 4:
				row, column = h-1-y, x
			case 5:
				row, column = x, y
			case 6:
				row, column = w-1-x, y
			case 7:
				row, column = w-1-x, h-1-y
			case 8:
				row, column = x, h-1-y
			}
			copy(out.Pixels[(y*w+x)*3:][:3], p.Pixels[(row*p.Width+column)*3:][:3])
		}
	}
	return out
}
