package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"
)

// JPEG's markers, ITU-T T.81 table B.1.
const (
	markerTEM   = 0x01
	markerSOF0  = 0xc0 // SOF0 to SOF15, but for the next three
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP14 = 0xee
)

// maxScans is the most passes over the picture that a JPEG may take. Encoders
// make about ten; a small file of thousands keeps a decoder busy for hours.
const maxScans = 100

// jpegKinds are the frames that libjpeg, as TensorFlow has it, does not
// decode, by the start-of-frame marker.
var jpegKinds = map[byte]string{
	0xc3: "lossless", 0xc5: "hierarchical", 0xc6: "hierarchical", 0xc7: "hierarchical, lossless",
	0xc9: "arithmetic-coded", 0xca: "arithmetic-coded", 0xcb: "arithmetic-coded, lossless",
	0xcd: "arithmetic-coded, hierarchical", 0xce: "arithmetic-coded, hierarchical", 0xcf: "arithmetic-coded, hierarchical",
}

var errBrokenJPEG = errors.New("JPEG: broken or truncated header")

// readJPEG walks all of a file's segments, in libjpeg's way: bytes that are no
// marker are stepped over. So the size that is checked here is the one that
// libjpeg goes by, whatever else the file is made to say.
func readJPEG(file []byte) (header, error) {
	h := header{format: formatJPEG}
	if !bytes.HasPrefix(file, []byte("\xff\xd8\xff")) {
		return header{}, errBrokenJPEG
	}
	var adobe bool
	scans := 0
	for rest := file[2:]; ; {
		marker, body, after, found := nextSegment(rest)
		rest = after
		switch {
		case !found || marker == markerEOI && scans == 0 || marker == markerSOI:
			if scans > 0 {
				return header{}, errors.New("JPEG: broken or truncated file: it has no end marker")
			}
			return header{}, errBrokenJPEG
		case marker == markerEOI:
			return h, nil
		case marker == markerAPP14:
			adobe = adobe || bytes.HasPrefix(body, []byte("Adobe")) && len(body) >= 12
		case isFrame(marker):
			if h.components > 0 {
				return header{}, errors.New("JPEG: broken: it has two frames")
			}
			if err := h.readFrame(marker, body); err != nil {
				return header{}, err
			}
		case marker == markerSOS:
			if h.components == 0 {
				return header{}, errBrokenJPEG
			}
			if scans++; scans > maxScans {
				return header{}, fmt.Errorf("JPEG of more than %d scans, which is more than pictures have", maxScans)
			}
			if h.components == 4 && !adobe {
				// Adobe's files hold CMYK inverted. Viewers take all to be so,
				// TensorFlow none that lack the mark.
				return header{}, errors.New("JPEG in CMYK without Adobe's mark: it does not say whether its inks are inverted")
			}
		}
	}
}

// nextSegment finds the next marker, and what belongs to it; markers inside
// the pixels (restarts, and stuffed zeros, which are none) are stepped over.
func nextSegment(file []byte) (marker byte, body, after []byte, found bool) {
	for {
		at := bytes.IndexByte(file, 0xff)
		if at < 0 {
			return 0, nil, nil, false
		}
		for file = file[at:]; len(file) > 0 && file[0] == 0xff; {
			file = file[1:]
		}
		if len(file) == 0 {
			return 0, nil, nil, false
		}
		marker, file = file[0], file[1:]
		if marker == 0 || marker >= markerRST0 && marker <= markerRST7 {
			continue
		}
		if marker == markerTEM {
			// It has no length, which some readers do not know: they would
			// see another size than libjpeg.
			return 0, nil, nil, false
		}
		if marker == markerSOI || marker == markerEOI {
			return marker, nil, file, true
		}
		if len(file) < 2 {
			return 0, nil, nil, false
		}
		size := int(binary.BigEndian.Uint16(file))
		if size < 2 || size > len(file) {
			return 0, nil, nil, false
		}
		return marker, file[2:size], file[size:], true
	}
}

func isFrame(marker byte) bool {
	return marker&0xf0 == markerSOF0 && marker != markerDHT && marker != markerJPG && marker != markerDAC
}

// readFrame reads a start-of-frame segment.
func (h *header) readFrame(marker byte, body []byte) error {
	if kind, known := jpegKinds[marker]; known {
		return fmt.Errorf("JPEG of a kind that is not decoded here: %s", kind)
	}
	if len(body) < 6 {
		return errBrokenJPEG
	}
	if precision := body[0]; precision != 8 {
		return fmt.Errorf("JPEG of a kind that is not decoded here: %d bits a sample", precision)
	}
	h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	h.components, h.progressive = int(body[5]), marker == markerSOF0+2
	switch {
	case h.height == 0:
		return errors.New("JPEG of a kind that is not decoded here: it states its height after its pixels")
	case h.components == 4:
		h.notes = append(h.notes, "CMYK: made RGB without its colour profile")
	case h.components != 1 && h.components != 3:
		return fmt.Errorf("JPEG of a kind that is not decoded here: %d components", h.components)
	}
	return nil
}

// endsEarly says whether a JPEG's data are used up before its picture is
// full. TensorFlow reports no error then: libjpeg fills a sequential picture
// up with mid-grey and leaves out the later passes of a progressive one. So a
// picture that may be such a one is decoded by Go's decoder as well, which
// does report it. That takes Go three times as long as TensorFlow, so that of
// large sequential pictures only those with mid-grey in the last pixel are.
func (h header) endsEarly(file []byte, last [3]uint8) bool {
	if h.format != formatJPEG {
		return false
	}
	const small = 1 << 16 // pixels
	if h.height*h.width > small && !h.progressive && h.components != 4 && !isMidGrey(last) {
		return false
	}
	_, err := jpeg.Decode(bytes.NewReader(file))
	var unsupported jpeg.UnsupportedError
	return err != nil && !errors.As(err, &unsupported)
}

// isMidGrey says whether a pixel's luminance is 128, but for roundings. Its
// colour may come from its neighbours.
func isMidGrey(rgb [3]uint8) bool {
	luminance := 0.299*float64(rgb[0]) + 0.587*float64(rgb[1]) + 0.114*float64(rgb[2])
	return luminance >= 125 && luminance <= 131
}
