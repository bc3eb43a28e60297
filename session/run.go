package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/trace"
	"tfcnn/session/internal/calls"
	"tfcnn/session/internal/seam"
)

// Run computes the network's first output (the last layer, or the first of
// Network.Outputs) for a batch of pictures [N,H,W,C]; N may be 0. The batch
// must not be written to before it returns.
//
// A ctx that is done before the run starts prevents it. One that ends while
// the run waits, or TensorFlow computes, makes Run return its error at once;
// but TensorFlow cannot be interrupted: the computation goes on in the
// background, keeps its core, its memory and its place in the Limit until it
// is through, and its result is thrown away. Close waits for it.
func (s *Session) Run(ctx context.Context, batch tensor.Tensor) (tensor.Tensor, error) {
	if err := s.callable(ctx); err != nil {
		return tensor.Tensor{}, err
	}
	begun := time.Now()
	into, err := s.first(batch)
	if err == nil {
		err = s.compute(ctx, into, batch)
	}
	if err = s.counted(ctx, begun, batch, err); err != nil {
		return tensor.Tensor{}, err
	}
	return into, nil
}

// RunInto is Run with the result written to a tensor of the caller's, of just
// the first output's shape. With a ctx that cannot end (context.Background)
// TensorFlow reads the batch where it is; with another the batch and the
// result are copied once, as a Run that was left may not read memory that its
// caller has again. In a steady state it allocates nothing in Go. After an
// error the tensor holds what it held.
func (s *Session) RunInto(ctx context.Context, into, batch tensor.Tensor) error {
	if err := s.callable(ctx); err != nil {
		return err
	}
	begun := time.Now()
	err := s.check(batch)
	if err == nil {
		err = s.fits(into, s.firstStep(), batch.Shape[0])
	}
	if err == nil {
		err = s.compute(ctx, into, batch)
	}
	return s.counted(ctx, begun, batch, err)
}

// RunOutputs is Run for any layers by name, in the order of the names; without
// names, for all of the network's outputs.
func (s *Session) RunOutputs(ctx context.Context, batch tensor.Tensor, names ...string) ([]tensor.Tensor, error) {
	outputs, _, err := s.named(ctx, batch, names, false)
	return outputs, err
}

// RunOutputsInto is RunOutputs with the results written to tensors of the
// caller's, one a name, each of just its output's shape. As in RunInto the batch
// and the results are copied once more where ctx can end. After an error the
// tensors hold what they held.
func (s *Session) RunOutputsInto(ctx context.Context, into []tensor.Tensor, batch tensor.Tensor, names ...string) error {
	if err := s.callable(ctx); err != nil {
		return err
	}
	steps, err := s.choose(names)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err = s.check(batch); err == nil {
		err = s.fitAll(into, steps, batch.Shape[0])
	}
	if err == nil {
		_, _, err = s.fetch(ctx, batch, steps, nil, into)
	}
	return s.counted(ctx, begun, batch, err)
}

// callable refuses a call on a session that was never opened, and a nil ctx.
func (s *Session) callable(ctx context.Context) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("session: run: %w", calls.ErrNoContext)
	case s == nil || s.core == nil:
		return fmt.Errorf("session: run: %w", ErrClosed)
	}
	return nil
}

func (s *Session) named(ctx context.Context, batch tensor.Tensor, names []string, traced bool) ([]tensor.Tensor, trace.Record, error) {
	if err := s.callable(ctx); err != nil {
		return nil, trace.Record{}, err
	}
	steps, err := s.choose(names)
	if err != nil {
		return nil, trace.Record{}, err
	}
	return s.run(ctx, batch, steps, traced)
}

// run fetches the outputs of steps.
func (s *Session) run(ctx context.Context, batch tensor.Tensor, steps []int, traced bool) (outputs []tensor.Tensor, record trace.Record, err error) {
	begun := time.Now()
	if traced {
		record, err = trace.Run(trace.Nodes, seam.Layers(s.lowered), func(options []byte) (metadata []byte, err error) {
			outputs, metadata, err = s.fetch(ctx, batch, steps, options, nil)
			return metadata, err
		})
	} else {
		outputs, _, err = s.fetch(ctx, batch, steps, nil, nil)
	}
	if err = s.counted(ctx, begun, batch, err); err != nil {
		return nil, trace.Record{}, err
	}
	return outputs, record, nil
}

// counted enters a call's end into the counters, and names the call in its
// error.
func (c *core) counted(ctx context.Context, begun time.Time, batch tensor.Tensor, err error) error {
	pictures := calls.NoImages
	if err == nil {
		pictures = batch.Shape[0]
	}
	if err = c.calls.Count(ctx, begun, pictures, err); err != nil {
		return fmt.Errorf("session: run: %w", err)
	}
	return nil
}

// enter lets a call in, when there is a place for it.
func (c *core) enter(ctx context.Context, pictures int) (calls.Admission, error) {
	return c.calls.Enter(ctx, pictures, calls.Times(c.perPicture, int64(pictures)))
}

// compute runs a batch that was checked for the first output, which fits.
func (c *core) compute(ctx context.Context, into, batch tensor.Tensor) error {
	if n := batch.Shape[0]; c.batching != nil && n > 0 && n <= c.batching.Size {
		return c.joined(ctx, into, batch)
	}
	return c.alone(ctx, into, batch)
}

// alone is compute without others.
func (c *core) alone(ctx context.Context, into, batch tensor.Tensor) error {
	done := ctx.Done()
	t, err := c.enter(ctx, batch.Shape[0])
	if err != nil {
		return err
	}
	left := false // then the run leaves when it is through
	defer func() {
		if !left {
			c.calls.Leave(t)
		}
	}()
	if batch.Shape[0] == 0 {
		return nil
	}
	l, err := c.native.lane(batch.Shape[0])
	if err != nil {
		return err
	}
	in, out := [...]capi.Value{capi.Float32s(batch)}, [...]capi.Value{capi.Float32s(into)}
	if left, _, err = c.calls.Run(done, calls.Request{Runner: l.first, Borrowed: true, Admission: t}, in[:], out[:]); left {
		return calls.Ended(ctx)
	}
	return err
}

// last gives the steps whose outputs are the layers'.
func (c *core) last(layers []int) []int {
	steps := make([]int, len(layers))
	for i, layer := range layers {
		steps[i] = c.lowered.Layers[layer].Last
	}
	return steps
}

// choose finds the last steps of layers by name.
func (c *core) choose(names []string) ([]int, error) {
	if len(names) == 0 {
		return c.last(c.lowered.Outputs), nil
	}
	layers := make([]int, len(names))
	for i, name := range names {
		at, err := c.lowered.Layer(name)
		if err != nil {
			return nil, fmt.Errorf("session: run: %w", errors.Unwrap(err))
		}
		layers[i] = at
	}
	return c.last(layers), nil
}

// shape is that of a step's output for so many pictures. For none TensorFlow
// is not asked: with oneDNN it gives the shape of a convolution's input for
// that of its output.
func (c *core) shape(step, pictures int) []int {
	shape := slices.Clone(c.lowered.Program.Steps[step].Shape)
	shape[0] = pictures
	return shape
}

// firstStep is the step whose output is the network's first.
func (c *core) firstStep() int { return c.lowered.Layers[c.lowered.Outputs[0]].Last }

// first checks a batch and makes the tensor for its first output.
func (c *core) first(batch tensor.Tensor) (tensor.Tensor, error) {
	if err := c.check(batch); err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.New(c.shape(c.firstStep(), batch.Shape[0])...)
}
