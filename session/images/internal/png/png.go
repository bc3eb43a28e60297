// Package png reads the chunks of a PNG file, and leaves for TensorFlow's
// decoder, libpng, only those that decide pixels: IHDR, PLTE of a palette
// image, a valid tRNS, the first run of IDAT, and IEND. Chunks of text or
// colour profiles, which libpng would inflate and keep, cost nothing so.
//
// A chunk that decides pixels must have its checksum right. What libpng
// discards is discarded: a tRNS of a wrong length or checksum, in a wrong
// place, or for pixels that have alpha already.
package png

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"tfcnn/session/images/internal/fault"
)

// Signature is how every file begins.
const Signature = "\x89PNG\r\n\x1a\n"

// maxSide is libpng's limit on height and width, and maxLength the format's on
// a chunk.
const (
	maxSide   = 1_000_000
	maxLength = 1<<31 - 1
)

// maxChunks is the most chunks that a file may have: eight times as many as a
// gigabyte of IDAT chunks in libpng's usual size.
const maxChunks = 1 << 20

// Header is what a file says of itself before its pixels.
type Header struct {
	Height, Width int
	// Alpha reports whether pixels may be transparent.
	Alpha bool
	Notes []string
	// Exif and XMP are metadata, nil where there are none.
	Exif, XMP []byte
	// Pixels is a file of only those chunks that decide pixels.
	Pixels []byte

	depth, colour byte
	palette       []byte // PLTE's contents
	transparent   bool   // there was a valid tRNS
	trns          []byte // it, unless it was cancelled
	begin, end    int    // of IDAT chunks in the file
	compressed    int64  // bytes in IDAT chunks
	profiles      map[string][]byte
}

// Colour types, table 11.1 of the specification.
const (
	grey      = 0
	rgb       = 2
	paletted  = 3
	greyAlpha = 4
	rgbAlpha  = 6
)

// depths are the bits of a sample that colour types may have.
var depths = map[byte]string{grey: "\x01\x02\x04\x08\x10", rgb: "\x08\x10", paletted: "\x01\x02\x04\x08", greyAlpha: "\x08\x10", rgbAlpha: "\x08\x10"}

var (
	errHeader    = fault.Damaged("PNG: broken or truncated header")
	errTruncated = fault.Damaged("PNG: broken or truncated file: it ends within a chunk or has no IEND")
)

// broken is the error of a file that libpng refuses, too.
func broken(format string, a ...any) error {
	return fault.Damaged("PNG: broken or truncated file: "+format, a...)
}

// chunk is a part of a file.
type chunk struct {
	kind string
	body []byte
	all  []byte // length and checksum included
}

// sound reports whether a chunk's checksum is right.
func (c chunk) sound() bool {
	return crc32.ChecksumIEEE(c.all[4:8+len(c.body)]) == binary.BigEndian.Uint32(c.all[8+len(c.body):])
}

// critical reports whether a reader that does not know the chunk must refuse
// the file.
func (c chunk) critical() bool { return c.kind[0] < 'a' }

// Read reads all chunks of a file.
func Read(file []byte) (Header, error) {
	h := Header{profiles: map[string][]byte{}}
	at := len(Signature)
	for range maxChunks {
		c, err := next(file[at:])
		if err != nil {
			if h.Height == 0 {
				return h, errHeader
			}
			return h, err
		}
		switch {
		case c.kind == "CgBI" && h.Height == 0:
			return h, fault.Unsupported("PNG in Apple's own variant (CgBI), want a standard one")
		case c.critical() && !c.sound():
			return h, broken("checksum of %s is wrong", c.kind)
		case c.kind == "IHDR":
			err = h.readIHDR(c)
		case c.critical() && h.Height == 0:
			return h, errHeader
		case c.kind == "PLTE":
			err = h.readPLTE(c)
		case c.kind == "IDAT":
			err = h.readIDAT(c, at)
		case c.kind == "IEND":
			if h.begin == 0 {
				return h, broken("it has no pixels")
			}
			h.rebuild(file, c)
			h.readProfiles()
			return h, nil
		case c.critical():
			return h, broken("critical chunk %s is not known", c.kind)
		case c.kind == "tRNS":
			h.readTRNS(c)
		case c.kind == "acTL" && h.begin == 0:
			h.note("animated: the first frame is taken")
		default:
			h.readMetadata(c)
		}
		if err != nil {
			return h, err
		}
		at += len(c.all)
	}
	return h, fault.TooLarge("PNG of more than %d chunks", maxChunks)
}

// next reads a chunk.
func next(rest []byte) (chunk, error) {
	const around = 12 // length, kind, checksum
	if len(rest) < around {
		return chunk{}, errTruncated
	}
	length := binary.BigEndian.Uint32(rest)
	for _, b := range rest[4:8] {
		if lower := b | 0x20; lower < 'a' || lower > 'z' {
			return chunk{}, broken("chunk is called %q", rest[4:8])
		}
	}
	if length > maxLength || int64(length) > int64(len(rest)-around) {
		return chunk{}, errTruncated
	}
	size := int(length)
	return chunk{kind: string(rest[4:8]), body: rest[8 : 8+size], all: rest[:around+size]}, nil
}

func (h *Header) readIHDR(c chunk) error {
	if h.Height != 0 || len(c.body) != 13 {
		return errHeader
	}
	width, height := binary.BigEndian.Uint32(c.body), binary.BigEndian.Uint32(c.body[4:])
	h.depth, h.colour = c.body[8], c.body[9]
	switch {
	case width == 0 || height == 0:
		return errHeader
	case width > maxSide || height > maxSide:
		return fault.TooLarge("PNG of %d×%d pixels, libpng takes at most %d a side", width, height, maxSide)
	case bytes.IndexByte([]byte(depths[h.colour]), h.depth) < 0:
		return broken("colour type %d has %d bits a sample", h.colour, h.depth)
	case c.body[10] != 0 || c.body[11] != 0 || c.body[12] > 1:
		return broken("compression %d, filter %d or interlace %d is not known", c.body[10], c.body[11], c.body[12])
	}
	h.Width, h.Height = int(width), int(height)
	h.Alpha = h.colour == greyAlpha || h.colour == rgbAlpha
	h.Pixels = c.all
	return nil
}

// readPLTE reads the palette of a palette image. A second one that says the
// same is left out; libpng refuses any. In other images a palette is advice
// for screens with few colours.
func (h *Header) readPLTE(c chunk) error {
	switch {
	case h.colour != paletted:
		if h.trns != nil && h.begin == 0 {
			h.discard("it stands before PLTE")
			h.trns = nil
		}
	case h.palette != nil && bytes.Equal(h.palette, c.body):
		h.note("second palette left out, which is the same")
	case h.palette != nil:
		return broken("it has two palettes that differ")
	case len(c.body) == 0 || len(c.body) > 3*256 || len(c.body)%3 != 0:
		return broken("palette has %d bytes, want 3 for each of 1 to 256 colours", len(c.body))
	default:
		h.palette = c.body
		h.Pixels = slices.Concat(h.Pixels, c.all)
	}
	return nil
}
