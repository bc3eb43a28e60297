package session

import (
	"errors"
	"testing"

	"tfcnn/graph"
)

// A shared batch may need no more memory than is free for all of its images, as a batch of
// one call is.
func TestSharedBatchesFitMemory(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 3, Width: 2, Channels: 1}, Layers: []graph.Layer{graph.ReLU{}}}
	const size, numbers = 8, 6
	s, err := Open(net, nil, Options{Device: "cpu", Batching: Batching{Size: size}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	compute := func(images int) error {
		return s.computeShared(images, make([]float32, images*numbers), make([]float32, images*numbers))
	}
	if err := compute(size); err != nil {
		t.Fatal(err)
	}
	s.perImage = 1 << 50
	if err := compute(size); !errors.Is(err, ErrMemory) {
		t.Errorf("a batch of %d images of a pebibyte each: %v, want ErrMemory", size, err)
	}
}
