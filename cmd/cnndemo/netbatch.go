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
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/images"
)

// networkBatch is the pictures in the size that a network reads, three channels as
// they are, one as their brightness. A network of other channels gets numbers
// of 0 to 255 that are drawn.
func networkBatch(ctx context.Context, command, device string, in graph.Input, paths []string, seed uint64) (tensor.Tensor, string, error) {
	if in.Channels != 1 && in.Channels != 3 {
		if len(paths) > 0 {
			return tensor.Tensor{}, "", exit(exitUsage, "%s: the network reads %d channels, pictures have 3 or 1", command, in.Channels)
		}
		const drawn = 2
		return drawnBatch(in, drawn, seed), fmt.Sprintf("%d pictures of random numbers", drawn), nil
	}
	sources, refused, notes := findSources(paths)
	for _, r := range refused {
		return tensor.Tensor{}, "", exit(exitCheck, "%s: %s: %s", command, quote.Plain(r.Picture), r.Reason)
	}
	if _, err := tensorflow.Choose(device); err != nil {
		return tensor.Tensor{}, "", exit(exitUsage, "%w", err)
	}
	options := images.Options{Size: graph.Size{Height: in.Height, Width: in.Width}}
	if in.Channels == 1 {
		options.Channels = images.Gray
	}
	d, err := images.Open(options)
	if err != nil {
		return tensor.Tensor{}, "", exit(exitUsage, "%w", err)
	}
	defer d.Close()
	x := tensor.Tensor{Shape: []int{0, in.Height, in.Width, in.Channels}}
	var names []string
	// A picture is in the batch then, which grows by doubling.
	after := func(height, width int) int64 { return 4 * inputBytes * 3 * int64(height) * int64(width) }
	q := &queue{sources: sources, options: options, after: after}
	err = decodeAll(ctx, d, q, func(p decoded) error {
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
	const most = 4
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	if len(paths) == 0 {
		text = strings.TrimPrefix(notes[0], "no pictures named: ")
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
