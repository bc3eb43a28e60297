package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session/images/internal/fault"
)

// MaxFileBytes is the most bytes of a file that Read reads, 1 GiB.
const MaxFileBytes = 1 << 30

// Read opens a Decoder, reads and decodes the files as Decoder.Read does, and
// closes the Decoder.
func Read(ctx context.Context, paths []string, o Options) (tensor.Tensor, error) {
	return once(o, func(d *Decoder) (tensor.Tensor, error) { return d.Read(ctx, paths...) })
}

// Decode opens a Decoder, decodes the contents of the files as Decoder.Decode
// does, and closes the Decoder.
func Decode(ctx context.Context, files [][]byte, o Options) (tensor.Tensor, error) {
	return once(o, func(d *Decoder) (tensor.Tensor, error) { return d.Decode(ctx, files...) })
}

func once(o Options, decode func(*Decoder) (tensor.Tensor, error)) (tensor.Tensor, error) {
	d, err := Open(o)
	if err != nil {
		return tensor.Tensor{}, err
	}
	x, err := decode(d)
	if closing := d.Close(); err == nil {
		err = closing
	}
	return x, err
}

// Read reads and decodes files, GOMAXPROCS at a time, into one batch, [len(paths),
// height, width, channels], in the order of the paths. The error of the first
// file that cannot be decoded is an *Error with its path. ctx ends Read before
// the next file is begun.
func (d *Decoder) Read(ctx context.Context, paths ...string) (tensor.Tensor, error) {
	return d.batch(ctx, len(paths), func(i int) (string, []byte, error) {
		file, err := readFile(paths[i])
		return paths[i], file, err
	})
}

// Decode is Read for the contents of files. It leaves them as they are. The name
// in an *Error is "image 2" for the second.
func (d *Decoder) Decode(ctx context.Context, files ...[]byte) (tensor.Tensor, error) {
	return d.batch(ctx, len(files), func(i int) (string, []byte, error) {
		return fmt.Sprintf("image %d", i+1), files[i], nil
	})
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err == nil {
		defer file.Close()
		var info fs.FileInfo
		if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
			return nil, errors.New("is no regular file")
		}
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	}
	if of := new(fs.PathError); errors.As(err, &of) {
		err = of.Err // the path is in Error
	}
	if len(text) > MaxFileBytes {
		return nil, fault.TooLarge("file has more than %d bytes", MaxFileBytes)
	}
	return text, err
}

// batch decodes n files. load returns a file's name and contents.
func (d *Decoder) batch(ctx context.Context, n int, load func(int) (string, []byte, error)) (tensor.Tensor, error) {
	if n == 0 {
		return tensor.Tensor{}, errors.New("images: no images")
	}
	size := d.options.Size
	if size == (graph.Size{}) {
		name, file, err := load(0)
		var e Estimate
		if err == nil {
			e, err = estimate(file, d.options)
		}
		if err != nil {
			return tensor.Tensor{}, &Error{name, err}
		}
		size = graph.Size{Height: e.Height, Width: e.Width}
	}
	x, err := tensor.New(n, size.Height, size.Width, d.options.Channels.count())
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("images: batch: %w", err)
	}
	errs := make([]error, n)
	each := len(x.Data) / n
	var failed atomic.Bool
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		if failed.Load() || ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			name, file, err := load(i)
			if err == nil {
				err = d.decodeInto(x.Data[i*each:(i+1)*each:(i+1)*each], size, file)
			}
			if err != nil {
				errs[i] = &Error{name, err}
				failed.Store(true)
			}
			return nil
		})
	}
	_ = group.Wait() // its errors are in errs
	// Files are begun in order, so the first that fails has been begun.
	for _, err := range errs {
		if err != nil {
			return tensor.Tensor{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return tensor.Tensor{}, fmt.Errorf("images: %w", err)
	}
	return x, nil
}

// decodeInto decodes a file into its part of a batch.
func (d *Decoder) decodeInto(part []float32, size graph.Size, file []byte) error {
	h, turn, err := examine(file, d.options)
	if err != nil {
		return err
	}
	if got := h.size(d.options, turn); got != size {
		return fmt.Errorf("%w: %d×%d pixels, the first has %d×%d; Options.Size makes them equal", ErrSize, got.Height, got.Width, size.Height, size.Width)
	}
	x, err := d.decode(&h, turn, part)
	if err == nil && &x.Data[0] != &part[0] {
		copy(part, x.Data)
	}
	return err
}
