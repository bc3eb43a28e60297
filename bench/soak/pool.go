package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/session"
)

// pool is a network with images whose reference is known, and batches of them with
// their answers from a time when nothing else ran.
type pool struct {
	network
	size    int // numbers of an image
	images  [][]float32
	wants   [][]ref.Result // by image and output
	batches []batch
	names   []string // of the outputs
}

// batch is some of a pool's images, in an order.
type batch struct {
	images []int
	first  []tensor.Tensor // the first answer, an output each
}

// spoilt are the images at the end of a pool that hold NaN or infinities.
const spoilt = 4

// newPool draws images and computes their references.
func newPool(ctx context.Context, n network, images, batches int, sizes []int) (*pool, error) {
	lowered, err := graph.Lower(n.Network)
	if err != nil {
		return nil, err
	}
	p := &pool{network: n, size: n.Input.Height * n.Input.Width * n.Input.Channels}
	reference := ref.Propagation{Program: lowered.Program, Weights: n.weights}
	var steps []int
	for _, layer := range lowered.Outputs {
		p.names = append(p.names, lowered.Layers[layer].Name)
		steps = append(steps, lowered.Layers[layer].Last)
	}
	random := rand.New(rand.NewPCG(uint64(len(n.name)), 7))
	for i := range images {
		numbers := make([]float32, p.size)
		n.image(random, numbers)
		if i >= images-spoilt {
			bad := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}
			for range 5 {
				numbers[random.IntN(len(numbers))] = bad[i%len(bad)]
			}
		}
		p.images = append(p.images, numbers)
		var wants []ref.Result
		if i < images-spoilt {
			if wants, err = reference.Results(ctx, p.single(i), nil, steps); err != nil {
				return nil, fmt.Errorf("soak: %s: reference: %w", n.name, err)
			}
		}
		p.wants = append(p.wants, wants)
	}
	for i := range batches {
		some := batch{images: make([]int, sizes[i%len(sizes)])}
		for k := range some.images {
			some.images[k] = random.IntN(images - spoilt)
			if random.IntN(100) == 0 {
				some.images[k] = images - 1 - random.IntN(spoilt)
			}
		}
		p.batches = append(p.batches, some)
	}
	return p, p.distinct()
}

func (p *pool) single(i int) tensor.Tensor {
	return tensor.Tensor{Shape: []int{1, p.Input.Height, p.Input.Width, p.Input.Channels}, Data: p.images[i]}
}

// distinct returns an error where exchanged answers would go unnoticed: the references of
// any two images must differ by more than their bounds.
func (p *pool) distinct() error {
	for i := range len(p.images) - spoilt {
		for k := range i {
			for output := range p.names {
				if a, b := p.wants[i][output], p.wants[k][output]; !differ(a, b) {
					return fmt.Errorf("soak: %s: the answers to images %d and %d cannot be told apart in %s", p.name, k, i, p.names[output])
				}
			}
		}
	}
	return nil
}

// differ reports whether two references differ by more than their bounds.
func differ(a, b ref.Result) bool {
	for i := range a.Value {
		if math.Abs(a.Value[i]-b.Value[i]) > a.Bound[i]+b.Bound[i] {
			return true
		}
	}
	return false
}

// settle computes the first answers, one after the other, and checks them.
func (p *pool) settle(ctx context.Context, s *session.Session) error {
	for i := range p.batches {
		b := &p.batches[i]
		answers, err := s.RunOutputs(ctx, p.fill(b, nil))
		if err != nil {
			return fmt.Errorf("soak: %s: first answer: %w", p.name, err)
		}
		for output, answer := range answers {
			if err := p.check(b, output, answer); err != nil {
				return fmt.Errorf("soak: %s: first answer: %w", p.name, err)
			}
		}
		b.first = answers
	}
	return nil
}

// fill puts a batch's images side by side, in memory that may be used again.
func (p *pool) fill(b *batch, memory []float32) tensor.Tensor {
	memory = memory[:0]
	for _, image := range b.images {
		memory = append(memory, p.images[image]...)
	}
	return tensor.Tensor{Shape: []int{len(b.images), p.Input.Height, p.Input.Width, p.Input.Channels}, Data: memory}
}

// check returns an error unless an answer is right: each image's rows are within the
// bounds of that image's reference, and where there is a first answer, the bits are the
// same.
func (p *pool) check(b *batch, output int, answer tensor.Tensor) error {
	if err := answer.Check(); err != nil {
		return err
	}
	if len(answer.Shape) < 2 || answer.Shape[0] != len(b.images) {
		return fmt.Errorf("%d images gave %s", len(b.images), tensor.FormatShape(answer.Shape))
	}
	rows := 0
	if len(b.images) > 0 {
		rows = len(answer.Data) / len(b.images)
	}
	shape := append([]int{1}, answer.Shape[1:]...)
	for i, image := range b.images {
		if p.wants[image] == nil {
			continue // NaN or infinities: its bits are compared below
		}
		row := tensor.Tensor{Shape: shape, Data: answer.Data[i*rows : (i+1)*rows]}
		if v := proof.Compare(p.wants[image][output], row); !v.OK() {
			return fmt.Errorf("output %s, image %d of %d: %v%s", p.names[output], i, len(b.images), v, p.whose(output, row))
		}
	}
	if b.first == nil {
		return nil
	}
	first := b.first[output]
	if !slices.Equal(first.Shape, answer.Shape) {
		return fmt.Errorf("output %s is %s, the first answer %s", p.names[output], tensor.FormatShape(answer.Shape), tensor.FormatShape(first.Shape))
	}
	for i, v := range answer.Data {
		if w := first.Data[i]; math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
			return fmt.Errorf("output %s of %d images: number %d is %v, in the first answer %v: other bits", p.names[output], len(b.images), i, v, w)
		}
	}
	return nil
}

// whose names the other image that an answer belongs to.
func (p *pool) whose(output int, row tensor.Tensor) string {
	for image, wants := range p.wants {
		if wants != nil && proof.Compare(wants[output], row).OK() {
			return fmt.Sprintf("; it is the answer to image %d of the pool", image)
		}
	}
	return ""
}
