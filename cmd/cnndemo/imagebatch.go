package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
	"tfcnn/session"
	"tfcnn/session/images"
)

// imageOptions returns how images are decoded for a network: brought to its size
// where that is fixed, three channels as they are, one as their brightness. A
// network of other channels reads no images: that is an error.
func imageOptions(in graph.Input) (images.Options, error) {
	o := images.Options{Size: graph.Size{Height: in.Height, Width: in.Width}}
	switch in.Channels {
	case 1:
		o.Channels = images.Gray
	case 3:
	default:
		return o, fmt.Errorf("the network reads %d channels, images have 3 or 1", in.Channels)
	}
	return o, nil
}

// decodeImages decodes the queue's sources and hands them on in order.
func decodeImages(ctx context.Context, q *queue, take func(decoded) error) error {
	d, err := images.Open(q.options)
	if err != nil {
		return exitErrorf(exitUsage, "%w", err)
	}
	defer d.Close()
	return decodeAll(ctx, d, q, take)
}

// networkBatch is the images in the size that a network reads. A network of
// other channels than images have gets numbers of 0 to 255 that are drawn.
func networkBatch(ctx context.Context, command, _ string, in graph.Input, paths []string, seed uint64) (tensor.Tensor, string, error) {
	options, err := imageOptions(in)
	if err != nil && len(paths) > 0 {
		return tensor.Tensor{}, "", exitErrorf(exitUsage, "%s: %w", command, err)
	}
	if err != nil {
		const drawn = 2
		return drawnBatch(in, drawn, seed), fmt.Sprintf("%d images of random numbers", drawn), nil
	}
	sources, refused, _ := findSources(paths)
	for _, r := range refused {
		return tensor.Tensor{}, "", exitErrorf(exitCheck, "%s: %s: %s", command, quote.Plain(r.Image), r.Reason)
	}
	// An image is in the batch then, which grows by doubling.
	after := func(height, width int) int64 { return 4 * inputBytes * 3 * int64(height) * int64(width) }
	x := tensor.Tensor{Shape: []int{0, in.Height, in.Width, in.Channels}}
	var names []string
	err = decodeImages(ctx, &queue{sources: sources, options: options, after: after}, func(p decoded) error {
		if errors.Is(p.refused, session.ErrMemory) {
			return exitErrorf(exitEnvironment, "%s: %s: %w", command, quote.Plain(p.name), p.refused)
		}
		if p.refused != nil {
			return exitErrorf(exitCheck, "%s: %s: %s", command, quote.Plain(p.name), reason(p.refused))
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

// drawnBatch is n images of random numbers of 0 to 255.
func drawnBatch(in graph.Input, n int, seed uint64) tensor.Tensor {
	x := tensor.Tensor{Shape: []int{n, in.Height, in.Width, in.Channels}, Data: make([]float32, n*in.Height*in.Width*in.Channels)}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range x.Data {
		x.Data[i] = float32(255 * random.Float64())
	}
	return x
}
