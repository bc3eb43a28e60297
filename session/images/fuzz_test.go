package images_test

import (
	"bytes"
	"image"
	"slices"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
	"tfcnn/session/images"
)

const fuzzPixels = 1 << 18

// FuzzDecode: an image is as large as its file said, and gives the same
// pixels again; upright or not, they are the same ones.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.File)
	}
	d, err := images.Open(images.Options{MaxPixels: fuzzPixels})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var p images.Raster
		// Pixels, twice where there is alpha, and of a progressive JPEG a bit a
		// coefficient.
		err := hostile.Read(t, "images: ", len(file), hostile.Limits{Fixed: 64 * fuzzPixels}, func() (err error) {
			p, err = d.Raster(file, images.Options{MaxPixels: fuzzPixels})
			return err
		})
		if err != nil {
			return
		}
		if len(p.Pixels) != p.Height*p.Width*3 || p.Height < 1 || p.Height*p.Width > fuzzPixels {
			t.Fatalf("%d×%d with %d bytes", p.Height, p.Width, len(p.Pixels))
		}
		x, notes, err := d.DecodeOne(file, make([]float32, 100))
		if equal, at := tensor.Equal(x, floats(p)); err != nil || !equal || !slices.Equal(notes, p.Notes) {
			t.Errorf("%d×%d as a tensor: differs at %d, notes %q and %q, %v", p.Height, p.Width, at, notes, p.Notes, err)
		}
		q, err := d.Raster(file, images.Options{MaxPixels: fuzzPixels, IgnoreOrientation: true})
		if err != nil || q.Height*q.Width != p.Height*p.Width || !bytes.Equal(histogram(p.Pixels), histogram(q.Pixels)) {
			t.Errorf("%d×%d is %d×%d before it is turned, or of other pixels, %v", p.Height, p.Width, q.Height, q.Width, err)
		}
	})
}

// floats is an image as DecodeOne gives it.
func floats(p images.Raster) tensor.Tensor {
	x := tensor.Tensor{Shape: []int{1, p.Height, p.Width, 3}}
	for _, v := range p.Pixels {
		x.Data = append(x.Data, float32(v))
	}
	return x
}

// histogram counts bytes, modulo 256.
func histogram(pixels []uint8) []byte {
	counts := make([]byte, 256)
	for _, b := range pixels {
		counts[b]++
	}
	return counts
}

// FuzzHeader: what is read before TensorFlow sees a file, EXIF too, is of the
// size that Go's own decoders see, where they see any. They take TEM for a
// marker with a length, which libjpeg does not.
func FuzzHeader(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.File)
	}
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\xff\xd9"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var height, width, turn int
		err := hostile.Read(t, "", len(file), hostile.Limits{}, func() (err error) {
			height, width, turn, err = images.Header(file)
			return err
		})
		if err != nil {
			return
		}
		if height < 0 || width < 0 || turn < 1 || turn > 8 {
			t.Errorf("%d×%d, orientation %d", height, width, turn)
		}
		if bytes.Contains(file, []byte{0xff, 0x01}) {
			return
		}
		if c, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && (c.Height != height || c.Width != width) {
			t.Errorf("%d×%d, Go's decoder says %d×%d", height, width, c.Height, c.Width)
		}
	})
}
