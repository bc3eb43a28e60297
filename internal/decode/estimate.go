package decode

// Estimate is what decoding a file takes, found from its headers alone.
type Estimate struct {
	Format        string // "JPEG" or "PNG"
	Height, Width int    // of the decoded picture, turned upright
	// Bytes is the most memory that DecodeTensor holds at one time, its result
	// included and the file itself not: TensorFlow's copy of the file, the
	// coefficients of a progressive JPEG, the pixels as bytes, and the numbers
	// in TensorFlow's memory and in Go's.
	Bytes int64
}

// Examine reads a file's headers and estimates what decoding takes. A file
// that Decode refuses by its headers is refused here with the same error.
func Examine(file []byte, o Options) (Estimate, error) {
	h, turn, err := examine(file, o)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Format: h.format, Height: h.height, Width: h.width, Bytes: h.memory(len(file), turn)}
	if turn >= 5 {
		e.Height, e.Width = e.Width, e.Height
	}
	return e, nil
}

// smallChange is what a decoder takes besides: tables, windows, rows.
const smallChange = 1 << 20

// memory is the most memory that decoding takes at one time.
func (h header) memory(file, turn int) int64 {
	pixels := int64(h.height) * int64(h.width)
	const numbers = 3 * 4 // bytes of a pixel's float32s
	// While TensorFlow decodes, there are bytes; while it converts them, bytes
	// and numbers; then numbers, there and here.
	decoding := h.coefficients + pixels*3
	converting := pixels * (3 + numbers)
	handing := pixels * (numbers + numbers)
	if h.alpha || turn > 1 { // Decode's bytes, laid over and turned, here
		channels := int64(3)
		if h.alpha {
			channels = 4
		}
		decoding = h.coefficients + pixels*channels
		converting = pixels * (channels + channels) // TensorFlow's, and ours
		handing = pixels * (channels + 3 + 3 + numbers)
	}
	return int64(file) + smallChange + max(decoding, converting, handing)
}

// maxVisits is the most blocks that all scans of a JPEG may code together:
// as many as pixels are allowed, which is 21 scans of three components in full
// for a picture of that many pixels. The time of decoding grows with it, and a
// scan of a hundred million pixels can be two kilobytes long.
func maxVisits(maxPixels int) int64 { return max(int64(maxPixels), 1<<20) }
