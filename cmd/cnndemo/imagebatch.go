package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"tfcnn/cmd/cnndemo/internal/report"
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

// decodeImages decodes the queue's sources and calls take for each, in order.
func decodeImages(ctx context.Context, q *queue, take func(decoded) error) error {
	d, err := images.Open(q.options)
	if err != nil {
		return exitErrorf(exitUsage, "%w", err)
	}
	defer d.Close()
	return decodeAll(ctx, d, q, take)
}

// imageBatch is the images that a command runs a network over, before they are
// read: files, the samples, or random numbers for a network whose channels no
// image has.
type imageBatch struct {
	command string
	input   graph.Input
	options images.Options
	sources []source
	refused []report.Refused
	samples bool
	drawn   int // images of random numbers; 0: none
}

// newImageBatch finds the images that the paths name; without paths they are the
// samples.
func newImageBatch(command string, in graph.Input, paths []string) (*imageBatch, error) {
	b := &imageBatch{command: command, input: in, samples: len(paths) == 0}
	var err error
	if b.options, err = imageOptions(in); err != nil && b.samples {
		b.drawn = 2
		return b, nil
	} else if err != nil {
		return nil, exitErrorf(exitUsage, "%s: %w", command, err)
	}
	b.sources, b.refused, _ = findSources(paths)
	return b, nil
}

// size returns the number of images.
func (b *imageBatch) size() int { return max(b.drawn, len(b.sources)) }

// read decodes the images, brought to the size that the network reads, and says
// what they are. Random numbers are drawn from the seed.
func (b *imageBatch) read(ctx context.Context, seed uint64) (tensor.Tensor, string, error) {
	if b.drawn > 0 {
		return drawnBatch(b.input, b.drawn, seed), count(b.drawn, "image") + " of random numbers", nil
	}
	for _, r := range b.refused {
		return tensor.Tensor{}, "", exitErrorf(exitCheck, "%s: %s: %s", b.command, quote.Plain(r.Image), r.Reason)
	}
	// An image is in the batch then, which grows by doubling.
	after := func(height, width int) int64 { return 4 * inputBytes * 3 * int64(height) * int64(width) }
	x := tensor.Tensor{Shape: []int{0, b.input.Height, b.input.Width, b.input.Channels}}
	var names []string
	err := decodeImages(ctx, &queue{sources: b.sources, options: b.options, after: after}, func(p decoded) error {
		if errors.Is(p.refused, session.ErrMemory) {
			return exitErrorf(exitEnvironment, "%s: %s: %w", b.command, quote.Plain(p.name), p.refused)
		}
		if p.refused != nil {
			return exitErrorf(exitCheck, "%s: %s: %s", b.command, quote.Plain(p.name), reason(p.refused))
		}
		x.Shape[0]++
		names = append(names, quote.Plain(p.name))
		x.Data = append(x.Data, p.Data...)
		return nil
	})
	if err != nil {
		return tensor.Tensor{}, "", err
	}
	if b.samples {
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
