// Package images turns JPEG and PNG files into the batches that a session
// runs: [image, height, width, channel], float32.
//
//	batch, err := images.Read(ctx, []string{"cat.jpg", "dog.png"}, images.Options{
//		Size:  graph.Square(224),
//		Scale: images.ZeroToOne,
//	})
//	…
//	output, err := s.Run(ctx, batch) // s is a *session.Session
//	…
//	best, err := images.TopK(output, labels, 5) // labels: images.Labels
//
// A service opens a Decoder once and uses it from many goroutines; Read and
// Decode open one for each call.
//
// TensorFlow's own decoders decode the files, on the CPU. Package images reads
// a file before TensorFlow does. A file that is neither JPEG nor PNG, declares
// more pixels than Options.MaxPixels, or asks for more work than an image of
// its size is refused before memory is allocated for pixels. Package images
// walks the entropy-coded data of a JPEG, because TensorFlow fills missing data
// with grey and returns no error; of a PNG, TensorFlow gets only the chunks that
// decide pixels. docs/images.md says what is refused, and what cannot be seen.
// JPEGs are decoded with the accurate integer transform, which gives
// scikit-learn's and Pillow's pixels to the byte.
package images

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/session/images/internal/fault"
)

// DefaultMaxPixels is the most pixels that a file may declare, 100 million.
const DefaultMaxPixels = 100_000_000

// Options says how files become numbers. The zero value decodes to RGB numbers
// from 0 to 255 in the size of the file.
type Options struct {
	// Size is the size that each image is resized to. The zero value leaves the
	// size of the file; the images of one batch must then have one size.
	Size graph.Size
	// Method is the method of resizing, one of Methods. Default: the first.
	Method string
	// Channels is RGB, BGR or Gray.
	Channels Channels
	// Scale changes the numbers of the resized image. The zero value leaves
	// them from 0 to 255.
	Scale Scale
	// MaxPixels is the most pixels that a file may declare. 0: DefaultMaxPixels.
	MaxPixels int
	// IgnoreOrientation leaves an image as it is stored, also where its EXIF data
	// or its XMP say that it is to be turned or mirrored.
	IgnoreOrientation bool
	// Trusted leaves out the walk over a JPEG's entropy-coded data, for files
	// that are known to be whole. Where they are not, their pixels may be wrong
	// without an error.
	Trusted bool
	// Background is the RGB colour that shows where pixels are transparent. nil:
	// white.
	Background *[3]uint8
}

// The methods of resizing. Bilinear and Bicubic are antialiased (TensorFlow's
// ScaleAndTranslate), Area is the mean of what falls into a pixel, Nearest takes
// one pixel. Pixel centres lie in the middle of pixels.
const (
	Bilinear = "bilinear"
	Bicubic  = "bicubic"
	Area     = "area"
	Nearest  = "nearest"
)

// Methods are the methods of resizing. The first is the default.
var Methods = []string{Bilinear, Bicubic, Area, Nearest}

func (o Options) check() error {
	if s := o.Size; s != (graph.Size{}) && (s.Height < 1 || s.Width < 1 || s.Height > DefaultMaxPixels/s.Width) {
		return fmt.Errorf("images: size is %d×%d, want 1 to %d pixels", s.Height, s.Width, DefaultMaxPixels)
	}
	if o.Method != "" && !slices.Contains(Methods, o.Method) {
		return fmt.Errorf("images: resize method %q is not known, want one of %s", o.Method, strings.Join(Methods, ", "))
	}
	if o.MaxPixels < 0 {
		return fmt.Errorf("images: MaxPixels is %d, want 0 or more", o.MaxPixels)
	}
	if o.Channels < RGB || o.Channels > Gray {
		return fmt.Errorf("images: Channels is %d, want RGB, BGR or Gray", int(o.Channels))
	}
	return o.Scale.check()
}

// What the error of an image wraps. An error that wraps none of them comes from
// the system, from TensorFlow or from a context.
var (
	// ErrDamaged: the file is broken or truncated.
	ErrDamaged = fault.ErrDamaged
	// ErrUnsupported: the file is neither JPEG nor PNG, or of a kind that
	// TensorFlow's decoders do not decode.
	ErrUnsupported = fault.ErrUnsupported
	// ErrTooLarge: the file declares more pixels, or takes more work, than is
	// allowed.
	ErrTooLarge = fault.ErrTooLarge
	// ErrSize: the image has another size than the first of its batch.
	ErrSize = errors.New("images of different sizes")
)

// Error is the error of one image.
type Error struct {
	// Name is the path that Read was given, "image 2" for the second file that
	// Decode was given, and empty for DecodeOne and Examine.
	Name string
	// Err says what is wrong with the image. It wraps ErrDamaged,
	// ErrUnsupported, ErrTooLarge or ErrSize where that is the reason.
	Err error
}

// Error returns one line: package, image, reason.
func (e *Error) Error() string {
	if e.Name == "" {
		return "images: " + e.Err.Error()
	}
	return fmt.Sprintf("images: %s: %v", quote.Text(quote.Plain(e.Name), mostName), e.Err)
}

// mostName is the most bytes of a name in an error.
const mostName = 400

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
