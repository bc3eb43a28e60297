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

	jpeg, png, pngA     *capi.Runner // of a file
	jpegFloat, pngFloat *capi.Runner // to [1,H,W,3]
	resized             *capi.Runner // of numbers; nil without resizing
	resize              Resize
	needsScales         bool // the method of resizing is fed with scale
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
	batch := op.Const(root.SubScope("batch"), int32(0))
	float := func(rgb tf.Output) tf.Output {
		return op.ExpandDims(root.SubScope("float"), op.Cast(root.SubScope("float"), rgb, tf.Float), batch)
	}
	type part struct {
		runner **capi.Runner
		to     tf.Output
		from   []tf.Output
	}
	files := []tf.Output{file}
	parts := []part{
		{&d.jpeg, jpeg, files}, {&d.png, png, files}, {&d.pngA, pngA, files},
		{&d.jpegFloat, float(jpeg), files}, {&d.pngFloat, float(png), files},
	}
	if d.resize != (Resize{}) {
		image, scale, resized := d.resize.nodes(root)
		from := []tf.Output{image}
		if scale.Op != nil {
			from, d.needsScales = append(from, scale), true
		}
		parts = append(parts, part{&d.resized, resized, from})
	}
	var err error
	if d.graph, err = root.Finalize(); err != nil {
		return errors.New("TensorFlow refuses a decoder's node")
	}
	if d.session, err = tensorflow.Open(d.graph, tensorflow.OnOneThread()); err != nil {
		return err
	}
	for _, p := range parts {
		if *p.runner, err = d.session.RunnerOf(p.from, p.to); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the session and the graph.
func (d *Decoder) Close() error {
	for _, r := range []*capi.Runner{d.jpeg, d.png, d.pngA, d.jpegFloat, d.pngFloat, d.resized} {
		if r != nil {
			r.Free()
		}
	}
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
	runner, channels := d.jpeg, 3
	switch {
	case h.alpha:
		// Only where there is alpha: asked for it, TensorFlow gives files of
		// less than 8 bits without any an alpha of 2^bits − 1, nearly nothing.
		runner, channels = d.pngA, 4
	case h.format == formatPNG:
		runner = d.png
	}
	pixels := capi.Value{Type: tf.Uint8, Shape: []int{h.height, h.width, channels}}
	if err := d.run(h, o, runner, &pixels); err != nil {
		return Picture{}, err
	}
	p := Picture{Height: h.height, Width: h.width, Pixels: pixels.Data, Notes: h.notes}
	if channels == 4 {
		background := [3]uint8{255, 255, 255}
		if o.Background != nil {
			background = *o.Background
		}
		var transparent bool
		p.Pixels, transparent = flatten(pixels.Data, background)
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
	runner := d.jpegFloat
	if h.format == formatPNG {
		runner = d.pngFloat
	}
	x := tensor.Tensor{Shape: []int{1, h.height, h.width, 3}}
	if n := h.height * h.width * 3; cap(room) >= n {
		x.Data = room[:n]
	}
	numbers := capi.Float32s(x)
	if err := d.run(h, o, runner, &numbers); err != nil {
		return tensor.Tensor{}, nil, err
	}
	return numbers.Tensor(), h.notes, nil
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

// run decodes a file to the type and shape of into. Where into has no memory yet,
// it gets some when the file is decoded: files that are refused take none.
func (d *Decoder) run(h header, o Options, runner *capi.Runner, into *capi.Value) error {
	if h.format == formatJPEG && !o.Trusted {
		if err := jpeg.Walk(h.file); err != nil {
			return fmt.Errorf("decode: %w", err)
		}
	}
	result := []capi.Value{*into}
	if err := runner.Run([]capi.Value{{Type: tf.String, Data: h.file}}, result); err != nil {
		return fmt.Errorf("decode: %s: %w", h.format, broken(err))
	}
	if got, want := result[0].Shape, into.Shape; !slices.Equal(got, want) {
		return fmt.Errorf("decode: %s: decoded to %s, the header says %s", h.format, tensor.FormatShape(got), tensor.FormatShape(want))
	}
	*into = result[0]
	return nil
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
