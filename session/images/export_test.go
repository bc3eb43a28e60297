package images

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/internal/capi"
)

// Header is what is read of a file before TensorFlow sees it.
func Header(file []byte) (height, width, turn int, err error) {
	h, err := readHeader(file)
	if err != nil {
		return 0, 0, 0, err
	}
	return h.height, h.width, h.upright(), nil
}

// Raster is a decoded image: rows of RGB bytes.
type Raster struct {
	Height, Width int
	Pixels        []uint8
	Notes         []string
}

// Raster decodes a file to bytes, with other options than those of Open.
func (d *Decoder) Raster(file []byte, o Options) (Raster, error) {
	h, turn, err := examine(file, o)
	if err != nil {
		return Raster{}, &Error{Err: err}
	}
	p, err := d.decodeBytes(&h, o, turn)
	if err != nil {
		return Raster{}, &Error{Err: err}
	}
	return Raster{p.height, p.width, p.pixels, h.notes}, nil
}

// Libpng decodes a whole PNG file, all of its chunks, to RGBA.
func (d *Decoder) Libpng(file []byte) ([]uint8, error) {
	got := make([]capi.Value, 1)
	err := d.pngA.Run([]capi.Value{{Type: tf.String, Data: file}}, got)
	return got[0].Data, err
}

// Flatten lays RGBA over white.
func Flatten(rgba []uint8) []uint8 {
	rgb, _ := flatten(rgba, [3]uint8{255, 255, 255})
	return rgb
}
