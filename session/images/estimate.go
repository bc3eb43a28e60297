package images

import "tfcnn/graph"

// Estimate is what decoding a file takes, found from its headers alone.
type Estimate struct {
	Format        string // "JPEG" or "PNG"
	Height, Width int    // of the decoded image, turned upright and resized
	// Bytes is the most memory that DecodeOne holds at one time, its result
	// included and the file itself not: TensorFlow's copy of the file, the
	// coefficients of a progressive JPEG, the pixels as bytes, and the numbers
	// in TensorFlow's memory and in Go's.
	Bytes int64
}

// Examine reads a file's headers and estimates what decoding takes with these
// options. A file that Decode refuses by its headers is refused here with the
// same error.
func Examine(file []byte, o Options) (Estimate, error) {
	e, err := estimate(file, o)
	if err != nil {
		return Estimate{}, &Error{Err: err}
	}
	return e, nil
}

func estimate(file []byte, o Options) (Estimate, error) {
	h, turn, err := examine(file, o)
	if err != nil {
		return Estimate{}, err
	}
	size := h.size(o, turn)
	e := Estimate{Format: h.format, Height: size.Height, Width: size.Width, Bytes: h.memory(len(file), turn)}
	if o.Size != (graph.Size{}) {
		const numbers = 3 * 4 // bytes of a pixel, in TensorFlow's memory and in Go's
		pixels := int64(h.height)*int64(h.width) + int64(size.Height)*int64(size.Width)
		e.Bytes = max(e.Bytes, 2*numbers*pixels)
	}
	return e, nil
}

// overhead is what decoding takes beside the image: tables, windows, rows,
// and what TensorFlow's allocator keeps.
const overhead = 16 << 20

// memory is the most memory that decoding takes at one time. TensorFlow keeps
// the bytes of an image to the end of the run in which it makes them numbers.
func (h header) memory(file, turn int) int64 {
	pixels := int64(h.height) * int64(h.width)
	const bytes, numbers = 3, 3 * 4 // of a pixel in RGB
	decoding := h.coefficients + pixels*bytes
	handing := pixels * (bytes + numbers + numbers) // numbers in TensorFlow and in Go
	if h.alpha || turn > 1 {                        // numbers are made in Go
		each := int64(bytes + bytes + numbers) // bytes in TensorFlow and in Go
		if h.alpha {
			each += 2 + bytes // four channels, and then laid over the background
		}
		if turn > 1 {
			each += bytes
		}
		handing = pixels * each
	}
	copies := 1 // TensorFlow's
	if h.format == formatPNG {
		copies = 2 // and the chunks that decide pixels
	}
	return int64(copies)*int64(file) + overhead + max(decoding, handing)
}

// maxBlocks is the most blocks that all scans of a JPEG may code together:
// as many as pixels are allowed, which is 21 scans of three components in full
// for an image of that many pixels. The time of decoding grows with it, and a
// scan of a hundred million pixels can be two kilobytes long.
func maxBlocks(maxPixels int) int64 { return max(int64(maxPixels), 1<<20) }
