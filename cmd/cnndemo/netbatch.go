package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/decode"
	"tfcnn/internal/quote"
	"tfcnn/session"
)

// imageReader decodes images as a network reads them: brought to its size
// where that is fixed, three channels as they are, one as their brightness.
type imageReader struct {
	device   string
	channels int
	queue
}

// newImageReader returns the reader for a network's input. A network of other
// than three channels or one reads no images: that is an error.
func newImageReader(device string, in graph.Input) (*imageReader, error) {
	if in.Channels != 1 && in.Channels != 3 {
		return nil, fmt.Errorf("the network reads %d channels, images have 3 or 1", in.Channels)
	}
	return &imageReader{device: device, channels: in.Channels, queue: queue{resize: decode.Resize{Height: in.Height, Width: in.Width}}}, nil
}

// each decodes the queue's sources and hands them on in order.
func (r *imageReader) each(ctx context.Context, take func(decoded) error) error {
	d, err := decode.Open(session.OnOneThread(r.device), r.resize)
	if err != nil {
		return exit(exitUsage, "%w", err)
	}
	defer d.Close()
	return decodeAll(ctx, d, &r.queue, func(p decoded) error {
		if p.refused == nil && r.channels == 1 {
			p.Tensor = brightness(p.Tensor)
		}
		return take(p)
	})
}

// brightness is that of Recommendation ITU-R BT.601, as JPEG has it.
func brightness(x tensor.Tensor) tensor.Tensor {
	grey := tensor.Tensor{Shape: []int{x.Shape[0], x.Shape[1], x.Shape[2], 1}, Data: make([]float32, len(x.Data)/3)}
	for i := range grey.Data {
		grey.Data[i] = 0.299*x.Data[3*i] + 0.587*x.Data[3*i+1] + 0.114*x.Data[3*i+2]
	}
	return grey
}

// networkBatch is the images in the size that a network reads. A network of
// other channels than images have gets numbers of 0 to 255 that are drawn.
func networkBatch(ctx context.Context, command, device string, in graph.Input, paths []string, seed uint64) (tensor.Tensor, string, error) {
	r, err := newImageReader(device, in)
	if err != nil && len(paths) > 0 {
		return tensor.Tensor{}, "", exit(exitUsage, "%s: %w", command, err)
	}
	if err != nil {
		const drawn = 2
		return drawnBatch(in, drawn, seed), fmt.Sprintf("%d pictures of random numbers", drawn), nil
	}
	sources, refused, _ := findSources(paths)
	for _, r := range refused {
		return tensor.Tensor{}, "", exit(exitCheck, "%s: %s: %s", command, quote.Plain(r.Picture), r.Reason)
	}
	r.sources = sources
	// A picture is in the batch then, which grows by doubling.
	r.after = func(height, width int) int64 { return 4 * inputBytes * 3 * int64(height) * int64(width) }
	x := tensor.Tensor{Shape: []int{0, in.Height, in.Width, in.Channels}}
	var names []string
	err = r.each(ctx, func(p decoded) error {
		if errors.Is(p.refused, session.ErrMemory) {
			return exit(exitEnvironment, "%s: %s: %w", command, quote.Plain(p.name), p.refused)
		}
		if p.refused != nil {
			return exit(exitCheck, "%s: %s: %s", command, quote.Plain(p.name), reason(p.refused))
		}
		x.Shape[0]++
		names = append(names, quote.Plain(p.name))
		x.Data = append(x.Data, p.Data...)
		return nil
	})
	if err != nil {
		return tensor.Tensor{}, "", err
	}
	if len(paths) == 0 {
		return x, samplesName, nil
	}
	const most = 4
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return x, text, nil
}

// drawnBatch is n pictures of random numbers of 0 to 255.
func drawnBatch(in graph.Input, n int, seed uint64) tensor.Tensor {
	x := tensor.Tensor{Shape: []int{n, in.Height, in.Width, in.Channels}, Data: make([]float32, n*in.Height*in.Width*in.Channels)}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range x.Data {
		x.Data[i] = float32(255 * random.Float64())
	}
	return x
}
