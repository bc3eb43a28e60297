package images

import (
	"bytes"
	"fmt"

	"tfcnn/graph"
	"tfcnn/session/images/internal/exif"
	"tfcnn/session/images/internal/fault"
	"tfcnn/session/images/internal/jpeg"
	"tfcnn/session/images/internal/png"
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
	exif, xmp     []byte

	file         []byte // for TensorFlow: of a PNG only what decides pixels
	codedBlocks  int64  // of a JPEG: blocks that all scans code together
	coefficients int64  // of a JPEG: bytes of memory for them
}

// foreign are images that people have and TensorFlow's decoders here do not
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

func ofJPEG(file []byte, j jpeg.Header) header {
	h := header{
		format: formatJPEG, height: j.Height, width: j.Width, exif: j.Exif, xmp: j.XMP,
		file: file, codedBlocks: j.CodedBlocks, coefficients: j.CoefficientBytes(),
	}
	if len(j.Components) == 4 {
		h.notes = append(h.notes, "CMYK: made RGB without its colour profile")
	}
	if j.Coarse {
		h.notes = append(h.notes, "progressive JPEG whose scans end before full precision: coarse, or cut between two scans")
	}
	return h
}

// readHeader finds format and size, or says what the file is instead.
func readHeader(file []byte) (header, error) {
	switch {
	case len(file) == 0:
		return header{}, fault.Damaged("file is empty")
	case bytes.HasPrefix(file, []byte("\xff\xd8")):
		h, err := jpeg.Read(file)
		return ofJPEG(file, h), err
	case bytes.HasPrefix(file, []byte(png.Signature)):
		h, err := png.Read(file)
		return header{format: formatPNG, height: h.Height, width: h.Width, alpha: h.Alpha, notes: h.Notes, exif: h.Exif, xmp: h.XMP, file: h.Pixels}, err
	}
	for _, f := range foreign {
		if len(file) >= f.at && bytes.HasPrefix(file[f.at:], []byte(f.prefix)) {
			return header{}, fault.Unsupported("file is %s, want JPEG or PNG", f.name)
		}
	}
	return header{}, fault.Unsupported("file is no image, want JPEG or PNG")
}

// examine reads what a file says of itself: its header, and how it is to be
// turned. What is not to be decoded is refused.
func examine(file []byte, o Options) (h header, turn int, err error) {
	if h, err = readHeader(file); err != nil {
		return h, 0, err
	}
	limit := o.MaxPixels
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if h.width < 1 || h.height < 1 || h.height > limit/h.width {
		return h, 0, fault.TooLarge("%s of %d×%d pixels, at most %d pixels are decoded", h.format, h.width, h.height, limit)
	}
	if most := maxBlocks(limit); h.codedBlocks > most {
		return h, 0, fault.TooLarge("JPEG of %d×%d pixels whose scans code %d blocks, at most %d are decoded", h.width, h.height, h.codedBlocks, most)
	}
	if !o.IgnoreOrientation {
		turn = h.upright()
	}
	return h, turn, nil
}

// size is that of the image as the options want it.
func (h *header) size(o Options, turn int) graph.Size {
	switch {
	case o.Size != (graph.Size{}):
		return o.Size
	case turn >= 5:
		return graph.Size{Height: h.width, Width: h.height}
	}
	return graph.Size{Height: h.height, Width: h.width}
}

// upright reads how an image is to be turned, from its EXIF data or else its
// XMP: 1 is upright, 2 to 8 are not. Where they cannot be read, a note says so,
// and the image stays as it is stored.
func (h *header) upright() int {
	turn, from := 0, "EXIF"
	if h.exif != nil {
		var err error
		if turn, err = exif.Orientation(h.exif); err != nil {
			h.notes = append(h.notes, "not turned: "+err.Error())
			return 1
		}
	}
	if turn == 0 {
		turn, from = exif.XMPOrientation(h.xmp), "XMP"
	}
	if turn > 1 {
		h.notes = append(h.notes, fmt.Sprintf("turned upright (%s orientation %d)", from, turn))
	}
	return max(turn, 1)
}

// turned is the image as EXIF's orientation wants it shown. The value says
// which sides of what is seen the stored first row and first column are.
func (p raster) turned(orientation int) raster {
	h, w := p.height, p.width
	if orientation >= 5 { // the stored rows are columns
		h, w = w, h
	}
	out := raster{h, w, make([]uint8, len(p.pixels))}
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
			copy(out.pixels[(y*w+x)*3:][:3], p.pixels[(row*p.width+column)*3:][:3])
		}
	}
	return out
}
