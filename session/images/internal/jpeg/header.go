// Package jpeg reads what a JPEG file says of itself, and walks its
// entropy-coded data without decoding any pixel.
//
// Read goes over the segments alone. Walk also reads every Huffman code of
// every scan, baseline and progressive, and refuses a file in which libjpeg
// would warn, or in which a code, a block, a restart marker or a scan is
// missing, unknown or left over. The decoder of TensorFlow, libjpeg-turbo,
// fills such gaps with grey and reports nothing.
//
// Sections and tables are those of ITU-T T.81.
package jpeg

import (
	"bytes"
	"encoding/binary"

	"tfcnn/session/images/internal/fault"
)

// Header is what a file says of itself outside its entropy-coded data.
type Header struct {
	Height, Width int
	Progressive   bool
	Components    []Component
	Scans         int
	// CodedBlocks is how many 8×8 blocks all scans code together: the time that
	// decoding takes grows with it.
	CodedBlocks int64
	// Coarse reports whether the scans of a progressive file end before all
	// coefficients have their full precision. T.81 permits that; a file that
	// was cut between two scans looks the same.
	Coarse bool
	// Adobe reports whether Adobe's APP14 segment is there.
	Adobe bool
	// Exif and XMP are the contents of these APP1 segments before the first
	// scan, nil where there are none.
	Exif, XMP []byte

	multiScan bool
}

// Component is one colour channel.
type Component struct {
	id         byte
	horizontal int // sampling factors, 1 to 4
	vertical   int
	quantizer  byte // number of the quantization table
	blocksWide int  // blocks that hold the component's samples
	blocksHigh int
	coded      bool
	refined    bool     // some scan refines AC coefficients
	precision  [64]int8 // lowest bit of each coefficient coded so far; −1: none
	nonzero    []uint64 // of a refined component: a word a block, a bit a coefficient
}

// CoefficientBytes is the memory that libjpeg takes for the coefficients of a
// whole image: 0 where one scan holds all components of a sequential file.
func (h Header) CoefficientBytes() int64 {
	if !h.multiScan {
		return 0
	}
	var blocks int64
	for _, c := range h.Components {
		blocks += int64(roundUp(c.blocksWide, c.horizontal)) * int64(roundUp(c.blocksHigh, c.vertical))
	}
	return blocks * 64 * 2
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// Markers, table B.1.
const (
	markerTEM   = 0x01
	markerSOF0  = 0xc0 // SOF0 to SOF15, but for the next three
	markerSOF2  = 0xc2
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

// maxScans is the most scans that an image has: four components, each with 64
// coefficients in a scan of their own, at 14 bit positions (G.1.1.1).
const maxScans = 4 * 64 * 14

// unsupported are the frames that libjpeg, as TensorFlow has it, does not
// decode, by the start-of-frame marker.
var unsupported = map[byte]string{
	0xc3: "lossless", 0xc5: "hierarchical", 0xc6: "hierarchical", 0xc7: "hierarchical, lossless",
	0xc9: "arithmetic-coded", 0xca: "arithmetic-coded", 0xcb: "arithmetic-coded, lossless",
	0xcd: "arithmetic-coded, hierarchical", 0xce: "arithmetic-coded, hierarchical", 0xcf: "arithmetic-coded, hierarchical",
}

var (
	errHeader = fault.Damaged("JPEG: broken or truncated header")
	errNoEnd  = fault.Damaged("JPEG: broken or truncated file: it has no end marker")
)

// broken is the error of a file whose data contradict its header.
func broken(format string, a ...any) error {
	return fault.Damaged("JPEG: broken or truncated file: "+format, a...)
}

// Read reads the segments of a whole file. Bytes between two segments that
// belong to none are stepped over, as libjpeg does.
func Read(file []byte) (Header, error) {
	p := parser{file: file}
	err := p.parse()
	return p.Header, err
}

// parser goes over a file's segments.
type parser struct {
	Header
	file   []byte
	at     int  // the next byte
	strict bool // scans are walked, and what libjpeg warns of is an error

	jfif      bool
	transform byte // Adobe's
	interval  int  // of restarts, in MCUs; 0: none
	dc, ac    [4]table
	quantizer [4]bool // quantization tables that are there

	// Of a strict parser alone:
	refines          []bool // by component: AC coefficients are refined
	dcCodes, acCodes [4]codes
}

func (p *parser) parse() error {
	if !bytes.HasPrefix(p.file, []byte("\xff\xd8\xff")) {
		return errHeader
	}
	p.at = 2
	for {
		marker, skipped, found := p.nextMarker()
		if !found {
			return p.ended()
		}
		if skipped > 0 && p.strict {
			return broken("%d bytes left over before marker %02x", skipped, marker)
		}
		switch {
		case marker == markerTEM || marker >= markerRST0 && marker <= markerRST7:
			continue // no contents, and no meaning here
		case marker == markerEOI && p.Scans > 0:
			return p.complete()
		case marker == markerEOI || marker == markerSOI:
			return p.ended()
		}
		body, ok := p.segment()
		if !ok {
			return p.ended()
		}
		if err := p.read(marker, body); err != nil {
			return err
		}
	}
}

// ended is the error of a file that has no more segments.
func (p *parser) ended() error {
	if p.Scans > 0 {
		return errNoEnd
	}
	return errHeader
}

// nextMarker steps over bytes that belong to no segment: outside of scans
// there are none but fill bytes, which are not counted.
func (p *parser) nextMarker() (marker byte, skipped int, found bool) {
	for {
		next := bytes.IndexByte(p.file[p.at:], 0xff)
		if next < 0 {
			return 0, 0, false
		}
		skipped += next
		for p.at += next; p.at < len(p.file) && p.file[p.at] == 0xff; {
			p.at++
		}
		if p.at == len(p.file) {
			return 0, 0, false
		}
		p.at++
		if marker = p.file[p.at-1]; marker != 0 {
			return marker, skipped, true
		}
		skipped += 2 // a stuffed zero
	}
}

// segment is what follows a marker, without its length.
func (p *parser) segment() ([]byte, bool) {
	rest := p.file[p.at:]
	if len(rest) < 2 {
		return nil, false
	}
	size := int(binary.BigEndian.Uint16(rest))
	if size < 2 || size > len(rest) {
		return nil, false
	}
	p.at += size
	return rest[2:size], true
}

var (
	exifName = []byte("Exif\x00\x00")
	xmpName  = []byte("http://ns.adobe.com/xap/1.0/\x00")
)

// read reads one segment.
func (p *parser) read(marker byte, body []byte) error {
	switch {
	case isFrame(marker):
		return p.readFrame(marker, body)
	case marker == markerSOS:
		return p.readScan(body)
	case marker == markerDHT:
		return p.readTables(body)
	case marker == markerDQT:
		return p.readQuantizers(body)
	case marker == markerDRI:
		if len(body) != 2 {
			return errHeader
		}
		p.interval = int(binary.BigEndian.Uint16(body))
	case marker == markerAPP0 && bytes.HasPrefix(body, []byte("JFIF\x00")) && len(body) >= 14:
		if p.jfif = true; p.strict && body[5] != 1 {
			return broken("unknown JFIF version %d.%02d", body[5], body[6])
		}
	case marker == markerAPP14 && bytes.HasPrefix(body, []byte("Adobe")) && len(body) >= 12:
		p.Adobe, p.transform = true, body[11]
	case marker == markerAPP1 && p.Scans == 0 && bytes.HasPrefix(body, exifName):
		if p.Exif == nil {
			p.Exif = body[len(exifName):]
		} else { // longer than a segment: continued
			p.Exif = append(p.Exif[:len(p.Exif):len(p.Exif)], body[len(exifName):]...)
		}
	case marker == markerAPP1 && p.Scans == 0 && bytes.HasPrefix(body, xmpName):
		p.XMP = body[len(xmpName):]
	case marker >= markerAPP0 && marker <= markerAPP15, marker == markerCOM, marker == markerDNL, marker == markerDAC:
	default:
		return broken("unknown marker %02x", marker)
	}
	return nil
}

// readQuantizers notes which tables a segment defines, B.2.4.1.
func (p *parser) readQuantizers(body []byte) error {
	for len(body) > 0 {
		size, table := 1+64, body[0]&15
		if body[0] > 15 {
			size += 64 // 16 bits each
		}
		if int(table) >= len(p.quantizer) || len(body) < size {
			return errHeader
		}
		p.quantizer[table] = true
		body = body[size:]
	}
	return nil
}

func isFrame(marker byte) bool {
	return marker&0xf0 == markerSOF0 && marker != markerDHT && marker != markerJPG && marker != markerDAC
}

// readFrame reads a start-of-frame segment, B.2.2.
func (p *parser) readFrame(marker byte, body []byte) error {
	if len(p.Components) > 0 {
		return fault.Damaged("JPEG: broken: it has two frames")
	}
	if kind, known := unsupported[marker]; known {
		return fault.Unsupported("JPEG of a kind that is not decoded here: %s", kind)
	}
	if len(body) < 6 {
		return errHeader
	}
	if precision := body[0]; precision != 8 {
		return fault.Unsupported("JPEG of a kind that is not decoded here: %d bits a sample", precision)
	}
	p.Height, p.Width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	p.Progressive = marker == markerSOF2
	components := int(body[5])
	switch {
	case p.Height == 0:
		return fault.Unsupported("JPEG of a kind that is not decoded here: it states its height after its pixels")
	case p.Width == 0:
		return errHeader
	case components != 1 && components != 3 && components != 4:
		return fault.Unsupported("JPEG of a kind that is not decoded here: %d components", components)
	case len(body) != 6+3*components:
		return errHeader
	}
	for c := range components {
		id, sampling := body[6+3*c], body[7+3*c]
		p.Components = append(p.Components, Component{id: id, horizontal: int(sampling >> 4), vertical: int(sampling & 15), quantizer: body[8+3*c]})
	}
	return p.measure()
}

// measure finds how many blocks the components have, A.1.1.
func (p *parser) measure() error {
	mostH, mostV := p.mostSampling()
	for i := range p.Components {
		c := &p.Components[i]
		if c.horizontal < 1 || c.horizontal > 4 || c.vertical < 1 || c.vertical > 4 {
			return broken("component %d has sampling factors %d×%d, want 1 to 4", i+1, c.horizontal, c.vertical)
		}
		c.blocksWide = divideUp(p.Width*c.horizontal, mostH*8)
		c.blocksHigh = divideUp(p.Height*c.vertical, mostV*8)
		for k := range c.precision {
			c.precision[k] = -1
		}
	}
	return nil
}

func (p *parser) mostSampling() (horizontal, vertical int) {
	for _, c := range p.Components {
		horizontal, vertical = max(horizontal, c.horizontal), max(vertical, c.vertical)
	}
	return max(horizontal, 1), max(vertical, 1)
}

func divideUp(n, by int) int { return (n + by - 1) / by }
