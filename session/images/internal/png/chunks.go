package png

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"tfcnn/session/images/internal/fault"
)

// readTRNS keeps what says which pixels are transparent, or discards it as
// libpng does, 1.6.43: png_handle_tRNS.
func (h *Header) readTRNS(c chunk) {
	length, palette := len(c.body), min(len(h.palette)/3, 1<<h.depth)
	switch {
	case h.Height == 0:
		h.discard("it stands before IHDR")
	case h.begin > 0:
		h.discard("it stands after the pixels")
	case h.transparent:
		h.discard("it is the second")
	case h.Alpha:
		h.discard("pixels have alpha already")
	case h.colour == paletted && h.palette == nil:
		h.discard("it stands before PLTE")
	case h.colour == grey && length != 2 || h.colour == rgb && length != 6 || h.colour == paletted && (length == 0 || length > palette):
		h.discard(fmt.Sprintf("it has %d bytes", length))
	case !c.sound():
		h.discard("its checksum is wrong")
	default:
		h.transparent = true
		h.trns = c.all
	}
}

func (h *Header) discard(why string) {
	h.note("transparency (tRNS) left out, as libpng does: " + why)
}

// note notes something once.
func (h *Header) note(text string) {
	if !slices.Contains(h.Notes, text) {
		h.Notes = append(h.Notes, text)
	}
}

// readIDAT notes where the first run of chunks with pixels lies. libpng does
// not read any after other chunks.
func (h *Header) readIDAT(c chunk, at int) error {
	switch {
	case h.colour == paletted && h.palette == nil:
		return broken("it has no palette before its pixels")
	case h.begin == 0:
		h.begin, h.end = at, at+len(c.all)
	case h.end == at:
		h.end += len(c.all)
	default:
		h.note("pixels in two runs of chunks: the second is left out, as libpng does")
	}
	if h.compressed += int64(len(c.body)); h.compressed > h.mostCompressed() {
		return fault.TooLarge("PNG of %d×%d pixels whose compressed data are longer than twice the pixels", h.Width, h.Height)
	}
	return nil
}

// mostCompressed is the most bytes that compressed pixels may take: twice what
// they take without compression, and some. Deflate makes nothing longer by
// more than 5 bytes in 32,767. libpng inflates all that there is, also when the
// image is full.
func (h *Header) mostCompressed() int64 {
	const extra = 1 << 16
	samples := map[byte]int64{grey: 1, rgb: 3, paletted: 1, greyAlpha: 2, rgbAlpha: 4}[h.colour]
	row := 1 + (int64(h.Width)*samples*int64(h.depth)+7)/8
	return 2*row*int64(h.Height) + extra
}

// rebuild joins the chunks that decide pixels. A file that has no others stays
// as it is.
func (h *Header) rebuild(file []byte, end chunk) {
	const most = 4
	parts := make([][]byte, 0, most+1)
	parts = append(parts, []byte(Signature), h.Pixels)
	if h.trns != nil {
		h.Alpha = true
		parts = append(parts, h.trns)
	}
	parts = append(parts, file[h.begin:h.end], end.all)
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size == len(file) {
		h.Pixels = file
		return
	}
	h.Pixels = slices.Concat(parts...)
}

// maxText is the most bytes of inflated metadata that are looked at. EXIF's
// directory stands at its beginning.
const maxText = 1 << 20

// Keywords of texts that state an orientation.
const (
	keyXMP     = "XML:com.adobe.xmp"
	keyProfile = "Raw profile type exif"
	keyAPP1    = "Raw profile type APP1"
)

// readMetadata keeps the last chunk of each kind that states an orientation.
func (h *Header) readMetadata(c chunk) {
	switch c.kind {
	case "eXIf":
		if h.soundMetadata(c) {
			h.Exif = c.body
		}
	case "tEXt", "zTXt", "iTXt":
		key, _, _ := bytes.Cut(c.body[:min(len(c.body), 80)], []byte{0})
		if k := string(key); (k == keyXMP && c.kind == "iTXt" || k == keyProfile || k == keyAPP1) && h.soundMetadata(c) {
			h.profiles[k] = c.all
		}
	}
}

func (h *Header) soundMetadata(c chunk) bool {
	if !c.sound() {
		h.note(c.kind + " left out, which may say how the image is turned: its checksum is wrong")
		return false
	}
	return true
}

// readProfiles inflates what readMetadata has kept.
func (h *Header) readProfiles() {
	if xmp, there := h.profiles[keyXMP]; there {
		h.XMP = text(xmp)
	}
	for _, key := range []string{keyProfile, keyAPP1} {
		if profile, there := h.profiles[key]; there && h.Exif == nil {
			h.Exif = rawProfile(text(profile))
		}
	}
}

// text is a text chunk's text, no more than maxText of it, nil where it cannot
// be read.
func text(all []byte) []byte {
	kind, body := string(all[4:8]), all[8:len(all)-4]
	_, body, _ = bytes.Cut(body, []byte{0})
	compressed := kind == "zTXt"
	if kind == "iTXt" {
		if len(body) < 2 {
			return nil
		}
		compressed = body[0] == 1
		_, body, _ = bytes.Cut(body[2:], []byte{0}) // language
		_, body, _ = bytes.Cut(body, []byte{0})     // translated keyword
	} else if compressed && len(body) > 0 {
		body = body[1:] // method
	}
	if !compressed {
		return body[:min(len(body), maxText)]
	}
	r, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	inflated, _ := io.ReadAll(io.LimitReader(r, maxText)) // what there is
	return inflated
}

// rawProfile is what ImageMagick writes: a name, a length, and the bytes in
// hexadecimal, on lines. It is empty where that cannot be read.
func rawProfile(text []byte) []byte {
	const before = 3 // an empty line, name and length
	lines := strings.Split(string(text), "\n")
	if len(lines) <= before {
		return []byte{}
	}
	digits := strings.Join(strings.Fields(strings.Join(lines[before:], "")), "")
	profile, _ := hex.DecodeString(digits[:len(digits)&^1]) // up to the first that is none
	return profile
}
