// Package decode turns JPEG and PNG files into RGB pixels with TensorFlow's
// own decoders.
//
//	d, err := decode.Open(decode.Resize{})
//	defer d.Close()
//	picture, err := d.Decode(file, decode.Options{})
//	// picture.Pixels: height × width × 3 bytes
//
// A file is read here before TensorFlow sees it. What is no picture, declares
// more pixels than wanted, or asks for more work than a picture does is refused
// before memory is allocated for pixels. The entropy-coded data of a JPEG are
// walked, as TensorFlow fills what is missing with grey; of a PNG, TensorFlow
// gets only the chunks that decide pixels. docs/pictures.md says what is
// refused, and what cannot be seen. JPEGs are decoded with the accurate integer
// transform, which gives scikit-learn's and Pillow's pixels to the byte.
package decode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/decode/jpeg"
	"tfcnn/internal/tensorflow"
)

// DefaultMaxPixels is the most pixels that a picture may declare, 100 million.
const DefaultMaxPixels = 100_000_000

// Options says how a picture is read. The zero value works.
type Options struct {
	MaxPixels int // 0: DefaultMaxPixels
	// IgnoreOrientation leaves a picture as it is stored, also where its EXIF
	// data say that it is to be turned or mirrored.
	IgnoreOrientation bool
	// Trusted leaves out the walk over a JPEG's entropy-coded data, for files
	// that are known to be whole: where they are not, their pixels may be wrong
	// without an error.
	Trusted bool
	// Background is what shows through transparent pixels. nil: white.
	Background *[3]uint8
}

// Picture is a decoded picture: Pixels are rows of RGB bytes.
type Picture struct {
	Height, Width int
	Pixels        []uint8
	Notes         []string // what was done that one might not expect
}

// Tensor is the picture as [1,H,W,3], 0 to 255.
func (p Picture) Tensor() tensor.Tensor {
	x := tensor.Tensor{Shape: []int{1, p.Height, p.Width, 3}, Data: make([]float32, len(p.Pixels))}
	for i, v := range p.Pixels {
		x.Data[i] = float32(v)
	}
	return x
}

// Decoder holds a TensorFlow session with the decoders. Several goroutines may
// use it at once; Close must come after all of them.
type Decoder struct {
	graph   *tf.Graph
	session *tensorflow.Session

	file, jpeg, png, pngA capi.Port
	jpegFloat, pngFloat   capi.Port // [1,H,W,3]
	image, scale, resized capi.Port
	resize                Resize
	needsScales           bool // the method of resizing is fed with scale
}

// Open builds the decoders' graph and opens a session on it. The decoders run on
// the CPU, each on the thread that calls. Resize may be zero.
func Open(resize Resize) (*Decoder, error) {
	if err := resize.check(); err != nil {
		return nil, err
	}
	d := &Decoder{resize: resize}
	if err := d.open(); err != nil {
		d.Close()
		return nil, fmt.Errorf("decode: open: %w", err)
	}
	return d, nil
}

func (d *Decoder) open() error {
	root := tfgo.NewRoot().WithDevice(tensorflow.CPU)
	file := op.Placeholder(root.SubScope("file"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
	jpeg := op.DecodeJpeg(root, file, op.DecodeJpegChannels(3), op.DecodeJpegDctMethod("INTEGER_ACCURATE"))
	png := op.DecodePng(root.SubScope("png"), file, op.DecodePngChannels(3))
	pngA := op.DecodePng(root.SubScope("png_alpha"), file, op.DecodePngChannels(4))
	ports := map[*capi.Port]tf.Output{&d.file: file, &d.jpeg: jpeg, &d.png: png, &d.pngA: pngA}
	batch := op.Const(root.SubScope("batch"), int32(0))
	for port, rgb := range map[*capi.Port]tf.Output{&d.jpegFloat: jpeg, &d.pngFloat: png} {
		ports[port] = op.ExpandDims(root.SubScope("float"), op.Cast(root.SubScope("float"), rgb, tf.Float), batch)
	}
	if d.resize != (Resize{}) {
		image, scale, resized := d.resize.nodes(root)
		ports[&d.image], ports[&d.resized] = image, resized
		if scale.Op != nil {
			ports[&d.scale], d.needsScales = scale, true
		}
	}
	var err error
	if d.graph, err = root.Finalize(); err != nil {
		return errors.New("TensorFlow refuses a decoder's node")
	}
	if d.session, err = tensorflow.Open(d.graph, tensorflow.OnOneThread()); err != nil {
		return err
	}
	for port, output := range ports {
		if *port, err = d.session.PortOf(output); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the session and the graph.
func (d *Decoder) Close() error {
	if d.session != nil {
		if err := d.session.Close(); err != nil {
			return fmt.Errorf("decode: close: %w", err)
		}
	}
	if d.graph != nil {
		capi.FreeGraph(d.graph)
	}
	*d = Decoder{}
	return nil
}

// Decode decodes a whole file. Grey becomes RGB; 16 bits become the upper 8;
// transparent pixels are laid over the background; of an animated PNG the
// first frame is taken. Broken and truncated files are errors, as far as that
// can be told (docs/pictures.md).
func (d *Decoder) Decode(file []byte, o Options) (Picture, error) {
	h, turn, err := examine(file, o)
	if err != nil {
		return Picture{}, err
	}
	port, channels := d.jpeg, 3
	switch {
	case h.alpha:
		// Only where there is alpha: asked for it, TensorFlow gives files of
		// less than 8 bits without any an alpha of 2^bits − 1, nearly nothing.
		port, channels = d.pngA, 4
	case h.format == formatPNG:
		port = d.png
	}
	got, err := d.run(h, o, port, nil)
	if err != nil {
		return Picture{}, err
	}
	if want := []int{h.height, h.width, channels}; !slices.Equal(got.Shape, want) {
		return Picture{}, h.differs(got.Shape, want)
	}
	p := Picture{Height: h.height, Width: h.width, Pixels: got.Bytes, Notes: h.notes}
	if channels == 4 {
		background := [3]uint8{255, 255, 255}
		if o.Background != nil {
			background = *o.Background
		}
		var transparent bool
		p.Pixels, transparent = flatten(got.Bytes, background)
		if transparent {
			p.Notes = append(p.Notes, fmt.Sprintf("transparent pixels laid over #%02x%02x%02x", background[0], background[1], background[2]))
		}
	}
	if turn > 1 {
		p = p.turned(turn)
	}
	return p, nil
}

// DecodeTensor is Decode with the picture as [1,H,W,3], 0 to 255, and its
// notes. The numbers are put into room as far as that is enough: pictures of
// one size then need no memory of their own.
func (d *Decoder) DecodeTensor(file []byte, o Options, room []float32) (tensor.Tensor, []string, error) {
	h, turn, err := examine(file, o)
	if err != nil {
		return tensor.Tensor{}, nil, err
	}
	if h.alpha || turn > 1 {
		p, err := d.Decode(file, o)
		if err != nil {
			return tensor.Tensor{}, nil, err
		}
		return p.Tensor(), p.Notes, nil
	}
	port := d.jpegFloat
	if h.format == formatPNG {
		port = d.pngFloat
	}
	got, err := d.run(h, o, port, room)
	if err != nil {
		return tensor.Tensor{}, nil, err
	}
	if want := []int{1, h.height, h.width, 3}; !slices.Equal(got.Shape, want) {
		return tensor.Tensor{}, nil, h.differs(got.Shape, want)
	}
	return got.Tensor(), h.notes, nil
}

// examine reads what a file says of itself: its header, and how it is to be
// turned. What is not to be decoded is refused.
func examine(file []byte, o Options) (h header, turn int, err error) {
	if h, err = readHeader(file); err != nil {
		return h, 0, fmt.Errorf("decode: %w", err)
	}
	limit := o.MaxPixels
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if h.width < 1 || h.height < 1 || h.height > limit/h.width {
		return h, 0, fmt.Errorf("decode: %s of %d×%d pixels, at most %d pixels are decoded", h.format, h.width, h.height, limit)
	}
	if most := maxVisits(limit); h.visits > most {
		return h, 0, fmt.Errorf("decode: JPEG of %d×%d pixels whose scans code %d blocks, at most %d are decoded", h.width, h.height, h.visits, most)
	}
	if !o.IgnoreOrientation {
		turn = h.upright()
	}
	return h, turn, nil
}

// run decodes a file.
func (d *Decoder) run(h header, o Options, port capi.Port, room []float32) (capi.Fetched, error) {
	if h.format == formatJPEG && !o.Trusted {
		if err := jpeg.Walk(h.file); err != nil {
			return capi.Fetched{}, fmt.Errorf("decode: %w", err)
		}
	}
	call, err := d.session.Prepare([]capi.Feed{{Port: d.file, Bytes: h.file}}, []capi.Port{port})
	if err != nil {
		return capi.Fetched{}, fmt.Errorf("decode: %w", err)
	}
	results, err := call.RunOver(room)
	if err != nil {
		return capi.Fetched{}, fmt.Errorf("decode: %s: %w", h.format, broken(err))
	}
	return results[0], nil
}

// differs is the error of a picture that is not of the header's size.
func (h header) differs(got, want []int) error {
	return fmt.Errorf("decode: %s: decoded to %s, the header says %s", h.format, tensor.FormatShape(got), tensor.FormatShape(want))
}

// broken says what TensorFlow's decoders mean.
func broken(err error) error {
	var failed *capi.Error
	if errors.As(err, &failed) && failed.Code == 3 {
		return fmt.Errorf("broken or truncated file: %s", failed.Message)
	}
	return err
}

// flatten lays RGBA over a background, exactly rounded, and says whether any
// pixel was transparent.
func flatten(rgba []uint8, background [3]uint8) (rgb []uint8, transparent bool) {
	rgb = make([]uint8, len(rgba)/4*3)
	for i := range len(rgba) / 4 {
		alpha := uint32(rgba[4*i+3])
		if alpha < 255 {
			transparent = true
		}
		for c := range 3 {
			over := uint32(rgba[4*i+c])*alpha + uint32(background[c])*(255-alpha)
			rgb[3*i+c] = uint8((over + 127) / 255)
		}
	}
	return rgb, transparent
}
