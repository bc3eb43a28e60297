package graphs

import (
	"context"
	"encoding/binary"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/internal/capi"
	"tfcnn/session"
	"tfcnn/session/internal/calls"
)

// inferred are the shapes of a function's fetches.
type inferred struct {
	static [][]int // as the graph tells them

	mu    sync.RWMutex
	known map[string]inference // by the sizes of the feeds
}

// inference is what TensorFlow makes of the feeds' shapes.
type inference struct {
	shapes [][]int
	err    error
}

// mostInferences bounds the memory of what was inferred.
const mostInferences = 1024

// infer returns the shapes of the fetches for checked feeds, or why an operation does
// not take those feeds. Sizes that are still unknown are −1.
func (f *Function) infer(ctx context.Context, in []capi.Value) ([][]int, error) {
	if !f.unknown {
		return f.shapes.static, nil
	}
	var room [256]byte
	key := room[:0]
	for _, x := range in {
		key = append(key, byte(len(x.Shape)))
		for _, n := range x.Shape {
			key = binary.AppendUvarint(key, uint64(n))
		}
	}
	f.shapes.mu.RLock()
	found, there := f.shapes.known[string(key)]
	f.shapes.mu.RUnlock()
	if there {
		return found.shapes, found.err
	}
	return f.inferNew(ctx, string(key), in)
}

// inferNew has TensorFlow infer the shapes.
func (f *Function) inferNew(ctx context.Context, key string, in []capi.Value) ([][]int, error) {
	c := f.core
	if err := c.inferring.Acquire(ctx, 1); err != nil {
		return nil, calls.Ended(ctx)
	}
	defer c.inferring.Release(1)
	c.mu.Lock() // the graph is not freed meanwhile
	defer c.mu.Unlock()
	f.shapes.mu.RLock()
	found, there := f.shapes.known[key]
	f.shapes.mu.RUnlock()
	switch {
	case there:
		return found.shapes, found.err
	case c.session == nil:
		return nil, session.ErrClosed
	}
	shapes := make([]tf.Shape, len(in))
	for i, v := range in {
		sizes := make([]int64, len(v.Shape))
		for axis, n := range v.Shape {
			sizes[axis] = int64(n)
		}
		shapes[i] = tf.MakeShape(sizes...)
	}
	inferred, err := c.session.Infer(f.signature.Feeds, shapes, f.signature.Fetches, f.signature.Targets)
	for _, shape := range inferred {
		found.shapes = append(found.shapes, known(shape))
	}
	found.err = c.explain(err)
	f.shapes.mu.Lock()
	defer f.shapes.mu.Unlock()
	if f.shapes.known == nil || len(f.shapes.known) >= mostInferences {
		f.shapes.known = map[string]inference{}
	}
	f.shapes.known[key] = found
	return found.shapes, found.err
}
