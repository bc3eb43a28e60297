package images

import (
	"errors"
	"fmt"
	"slices"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/images/internal/fault"
	"tfcnn/session/images/internal/jpeg"
)

// Decoder holds a TensorFlow session with the decoders. Many goroutines may use
// it at once; Close must come after all of them.
type Decoder struct {
	options Options
	graph   *tf.Graph
	session *tensorflow.Session

	jpeg, png, pngA     *capi.Runner // of a file
	jpegFloat, pngFloat *capi.Runner // of a file, to [1,H,W,3]
	resized             *capi.Runner // of numbers; nil without resizing
	needsScales         bool         // the method of resizing is fed with scale
}

// Open builds the decoders' graph and opens a TensorFlow session on it, on the
// CPU. The caller must close the Decoder.
func Open(o Options) (*Decoder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	d := &Decoder{options: o}
	if err := d.open(); err != nil {
		d.Close()
		return nil, fmt.Errorf("images: open: %w", err)
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
		{&d.jpeg, jpeg, files},
		{&d.png, png, files},
		{&d.pngA, pngA, files},
		{&d.jpegFloat, float(jpeg), files},
		{&d.pngFloat, float(png), files},
	}
	if d.options.Size != (graph.Size{}) {
		image, scale, resized := d.options.resizeNodes(root)
		from := []tf.Output{image}
		if scale.Op != nil {
			from, d.needsScales = append(from, scale), true
		}
		parts = append(parts, part{&d.resized, resized, from})
	}
	var err error
	if d.graph, err = tensorflow.Finalize(root); err != nil {
		return err
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

// Close frees the TensorFlow session and the graph.
func (d *Decoder) Close() error {
	for _, r := range []*capi.Runner{d.jpeg, d.png, d.pngA, d.jpegFloat, d.pngFloat, d.resized} {
		if r != nil {
			r.Free()
		}
	}
	if d.session != nil {
		if err := d.session.Close(); err != nil {
			return fmt.Errorf("images: close: %w", err)
		}
	}
	if d.graph != nil {
		capi.FreeGraph(d.graph)
	}
	*d = Decoder{}
	return nil
}

// DecodeOne decodes a whole file to [1, height, width, channels], as the
// options of Open say. Grey becomes RGB; 16 bits become the upper 8; transparent
// pixels are laid over the background; of an animated PNG the first frame is
// decoded. The notes say what was done that a reader of the image may not
// expect.
//
// The numbers are put into buffer where its capacity is enough, and into new
// memory otherwise, so that a caller can give the Data of an earlier image. An
// error is an *Error without a name.
func (d *Decoder) DecodeOne(file []byte, buffer []float32) (x tensor.Tensor, notes []string, err error) {
	h, turn, err := examine(file, d.options)
	if err == nil {
		x, err = d.decode(&h, turn, buffer)
	}
	if err != nil {
		return tensor.Tensor{}, nil, &Error{Err: err}
	}
	return x, h.notes, nil
}

// decode decodes a file whose header was read, resizes and scales.
func (d *Decoder) decode(h *header, turn int, buffer []float32) (tensor.Tensor, error) {
	resizes := d.options.Size != (graph.Size{})
	into := buffer
	if resizes {
		into = nil
	}
	x, err := d.decodeFloats(h, d.options, turn, into)
	if err == nil && resizes {
		x, err = d.resize(x, buffer)
	}
	if err != nil {
		return x, err
	}
	x = d.options.Channels.of(x)
	d.options.Scale.apply(x)
	return x, nil
}

// decodeFloats decodes to RGB numbers, [1, height, width, 3], 0 to 255.
func (d *Decoder) decodeFloats(h *header, o Options, turn int, buffer []float32) (tensor.Tensor, error) {
	if h.alpha || turn > 1 {
		p, err := d.decodeBytes(h, o, turn)
		if err != nil {
			return tensor.Tensor{}, err
		}
		return p.tensor(buffer), nil
	}
	runner := d.jpegFloat
	if h.format == formatPNG {
		runner = d.pngFloat
	}
	x := tensor.Tensor{Shape: []int{1, h.height, h.width, 3}}
	if n := h.height * h.width * 3; cap(buffer) >= n {
		x.Data = buffer[:n]
	}
	numbers, err := d.run(h, o, runner, capi.Float32s(x))
	return numbers.Tensor(), err
}

// raster is a decoded image: rows of RGB bytes.
type raster struct {
	height, width int
	pixels        []uint8
}

// tensor returns the image as [1, height, width, 3], 0 to 255, in buffer where
// that is large enough.
func (p raster) tensor(buffer []float32) tensor.Tensor {
	if cap(buffer) < len(p.pixels) {
		buffer = make([]float32, len(p.pixels))
	}
	x := tensor.Tensor{Shape: []int{1, p.height, p.width, 3}, Data: buffer[:len(p.pixels)]}
	for i, v := range p.pixels {
		x.Data[i] = float32(v)
	}
	return x
}

// decodeBytes decodes to bytes. It adds to the header's notes.
func (d *Decoder) decodeBytes(h *header, o Options, turn int) (raster, error) {
	runner, channels := d.jpeg, 3
	switch {
	case h.alpha:
		// Only where there is alpha: asked for it, TensorFlow gives files of
		// less than 8 bits without any an alpha of 2^bits − 1, nearly nothing.
		runner, channels = d.pngA, 4
	case h.format == formatPNG:
		runner = d.png
	}
	got, err := d.run(h, o, runner, capi.Value{Type: tf.Uint8, Shape: []int{h.height, h.width, channels}})
	if err != nil {
		return raster{}, err
	}
	p := raster{h.height, h.width, got.Data}
	if channels == 4 {
		background := [3]uint8{255, 255, 255}
		if o.Background != nil {
			background = *o.Background
		}
		var transparent bool
		p.pixels, transparent = flatten(got.Data, background)
		if transparent {
			h.notes = append(h.notes, fmt.Sprintf("transparent pixels laid over #%02x%02x%02x", background[0], background[1], background[2]))
		}
	}
	if turn > 1 {
		p = p.turned(turn)
	}
	return p, nil
}

// run decodes a file to the type and shape of into, and into its memory. Where it
// has none yet, the result has memory of its own: files that are refused take none.
func (d *Decoder) run(h *header, o Options, runner *capi.Runner, into capi.Value) (capi.Value, error) {
	if h.format == formatJPEG && !o.Trusted {
		if err := jpeg.Walk(h.file); err != nil {
			return capi.Value{}, err
		}
	}
	result := []capi.Value{into}
	err := runner.Run([]capi.Value{{Type: tf.String, Data: h.file}}, result)
	if failed := new(capi.Error); errors.As(err, &failed) && failed.Code == invalidArgument {
		return capi.Value{}, fault.Damaged("%s: broken or truncated file: %s", h.format, failed.Message)
	}
	if errors.Is(err, capi.ErrMismatch) {
		return capi.Value{}, fault.Damaged("%s: decoded to another size than the header's, %s", h.format, tensor.FormatShape(into.Shape))
	}
	if err != nil {
		return capi.Value{}, fmt.Errorf("%s: %w", h.format, err)
	}
	if got, want := result[0].Shape, into.Shape; !slices.Equal(got, want) {
		return capi.Value{}, fault.Damaged("%s: decoded to %s, the header says %s", h.format, tensor.FormatShape(got), tensor.FormatShape(want))
	}
	return result[0], nil
}

// invalidArgument is TensorFlow's code of a file that a decoder refuses.
const invalidArgument = 3

// flatten lays RGBA over a background, exactly rounded, and reports whether any
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
