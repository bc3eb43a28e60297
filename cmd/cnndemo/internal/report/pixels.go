package report

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

const (
	largestShown = 1280    // the longer side of an image on the page, in pixels
	thumbnail    = 96      // the same where there is no room for more
	smallImage   = 1 << 15 // pixels up to which a colour image is PNG, without loss
	jpegQuality  = 85
	thumbQuality = 75
)

// stepFor is by how much an image is reduced so that its longer side is at
// most most.
func stepFor(height, width, most int) int {
	return (max(height, width) + most - 1) / most
}

// shown is an image of a plane as the page has it.
type shown struct {
	file []byte
	mime string
	// height and width are the file's, step tells how many rows and columns
	// of the plane became one.
	height, width, step int
}

// encode encodes a plane for the page, at most most pixels long. file is the
// plane's PNG where there is one already; it is taken where nothing is to be
// reduced. A map keeps the colours of its full range low to high.
func (p plane) encode(most int, low, high float32, file []byte) (shown, error) {
	step := stepFor(p.height, p.width, most)
	if step == 1 && file != nil {
		return shown{file, "image/png", p.height, p.width, 1}, nil
	}
	small := p.reduce(step)
	s := shown{height: small.height, width: small.width, step: step}
	var buf bytes.Buffer
	var img image.Image
	if p.channels == 1 {
		m := Map{Height: small.height, Width: small.width, At: func(row, column int) float32 { return small.at(row, column, 0) }}
		img = m.paletted(low, high)
	} else {
		img = small.rgba()
	}
	// A thumbnail of a map has lost its exact colours to the mean already.
	lossless := small.height*small.width <= smallImage && p.channels == 3 && step == 1 || p.channels == 1 && most > thumbnail
	if lossless {
		s.mime = "image/png"
		if err := encode(&buf, img, nil); err != nil {
			return shown{}, err
		}
	} else {
		s.mime = "image/jpeg"
		quality := jpegQuality
		if most == thumbnail {
			quality = thumbQuality
		}
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
			return shown{}, fmt.Errorf("report: JPEG: %w", err)
		}
	}
	s.file = buf.Bytes()
	return s, nil
}

// rgba rounds numbers of three channels to bytes.
func (p plane) rgba() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	pixels := img.Pix
	for i := range p.height * p.width {
		from := p.data[i*p.stride : i*p.stride+3]
		to := pixels[4*i : 4*i+4]
		for channel, v := range from {
			if v >= 0 && v <= 255 {
				to[channel] = uint8(v + 0.5)
			} else {
				to[channel] = toByte(v)
			}
		}
		to[3] = 255
	}
	return img
}
