package session

import (
	"context"
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
// Network.Outputs) for a batch of images [N,H,W,C]; N may be 0. The caller must not
// write to the batch before Run returns.
//
// Where ctx is done before the run starts, the run does not start. Where ctx ends while
// the run waits, or while TensorFlow computes, Run returns ctx's error at once. But
// TensorFlow cannot be interrupted: the computation goes on in the background and keeps
// its core, its memory and its slot of the Limit until it has ended; its result is
// dropped. Close waits for the computation.
func (s *Session) Run(ctx context.Context, batch tensor.Tensor) (tensor.Tensor, error) {
	if err := s.checkCall(ctx); err != nil {
		return tensor.Tensor{}, err
	}
	begun := time.Now()
	into, err := s.newResult(batch)
	if err == nil {
		err = s.compute(ctx, into, batch)
	}
	if err = s.finishCall(ctx, begun, batch, err); err != nil {
		return tensor.Tensor{}, err
	}
	return into, nil
}

// RunInto is Run with the result written to a tensor of the caller's, which must have
// the first output's shape. With a ctx that cannot end (context.Background), TensorFlow
// reads the batch where it is; with another ctx, the batch and the result are copied
// once, so that a run whose caller has returned reads and writes no memory of the
// caller's. In a steady state RunInto allocates nothing in Go. After an error the tensor
// is unchanged.
func (s *Session) RunInto(ctx context.Context, into, batch tensor.Tensor) error {
	if err := s.checkCall(ctx); err != nil {
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
	return s.finishCall(ctx, begun, batch, err)
}

// RunOutputs is Run for any layers by name, in the order of the names; without
// names, for all of the network's outputs.
func (s *Session) RunOutputs(ctx context.Context, batch tensor.Tensor, names ...string) ([]tensor.Tensor, error) {
	outputs, _, err := s.named(ctx, batch, names, false)
	return outputs, err
}

// RunOutputsInto is RunOutputs with the results written to tensors of the caller's, one
// for each name, each with its output's shape. As in RunInto, the batch and the results
// are copied once more where ctx can end. After an error the tensors are unchanged.
func (s *Session) RunOutputsInto(ctx context.Context, into []tensor.Tensor, batch tensor.Tensor, names ...string) error {
	if err := s.checkCall(ctx); err != nil {
		return err
	}
	steps, err := s.stepsOf(names)
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
	return s.finishCall(ctx, begun, batch, err)
}

// checkCall refuses a nil ctx, and a session that was never opened.
func (s *Session) checkCall(ctx context.Context) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("session: run: %w", calls.ErrNoContext)
	case s == nil || s.core == nil:
		return fmt.Errorf("session: run: %w", ErrClosed)
	}
	return nil
}

func (s *Session) named(ctx context.Context, batch tensor.Tensor, names []string, traced bool) ([]tensor.Tensor, trace.Record, error) {
	if err := s.checkCall(ctx); err != nil {
		return nil, trace.Record{}, err
	}
	steps, err := s.stepsOf(names)
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
	if err = s.finishCall(ctx, begun, batch, err); err != nil {
		return nil, trace.Record{}, err
	}
	return outputs, record, nil
}

// finishCall records a call's outcome and wraps its error.
func (c *core) finishCall(ctx context.Context, begun time.Time, batch tensor.Tensor, err error) error {
	images := calls.NoImages
	if err == nil {
		images = batch.Shape[0]
	}
	if err = c.calls.Count(ctx, begun, images, err); err != nil {
		return fmt.Errorf("session: run: %w", err)
	}
	return nil
}

// enter waits until the limits admit a run of so many images.
func (c *core) enter(ctx context.Context, images int) (calls.Admission, error) {
	return c.calls.Enter(ctx, images, calls.Times(c.perImage, int64(images)))
}

// compute runs a batch that was checked for the first output, which fits.
func (c *core) compute(ctx context.Context, into, batch tensor.Tensor) error {
	if n := batch.Shape[0]; c.batching != nil && n > 0 && n <= c.batching.Size {
		return c.runShared(ctx, into, batch)
	}
	return c.runAlone(ctx, into, batch)
}

// runAlone runs a batch without other calls.
func (c *core) runAlone(ctx context.Context, into, batch tensor.Tensor) error {
	done := ctx.Done()
	a, err := c.enter(ctx, batch.Shape[0])
	if err != nil {
		return err
	}
	left := false // where true, the run leaves when it has ended
	defer func() {
		if !left {
			c.calls.Leave(a)
		}
	}()
	if batch.Shape[0] == 0 {
		return nil
	}
	on, err := c.network.session(batch.Shape[0])
	if err != nil {
		return err
	}
	in, out := [...]capi.Value{capi.Float32s(batch)}, [...]capi.Value{capi.Float32s(into)}
	if left, _, err = c.calls.Run(done, calls.Request{Runner: on.first, Borrowed: true, Admission: a}, in[:], out[:]); left {
		return calls.Ended(ctx)
	}
	return err
}

// lastSteps returns the steps whose outputs are the layers'.
func (c *core) lastSteps(layers []int) []int {
	steps := make([]int, len(layers))
	for i, layer := range layers {
		steps[i] = c.lowered.Layers[layer].Last
	}
	return steps
}

// stepsOf returns the last steps of layers by name; without names, those of the
// network's outputs.
func (c *core) stepsOf(names []string) ([]int, error) {
	if len(names) == 0 {
		return c.lastSteps(c.lowered.Outputs), nil
	}
	layers := make([]int, len(names))
	for i, name := range names {
		at, err := c.lowered.Layer(name)
		if err != nil {
			return nil, fmt.Errorf("session: run: %w", err)
		}
		layers[i] = at
	}
	return c.lastSteps(layers), nil
}

// shape returns the shape of a step's output for so many images. TensorFlow does not
// run a batch of no images: with oneDNN, the result of a convolution has the shape of
// its input then.
func (c *core) shape(step, images int) []int {
	shape := slices.Clone(c.lowered.Program.Steps[step].Shape)
	shape[0] = images
	return shape
}

// firstStep returns the step of the network's first output.
func (c *core) firstStep() int { return c.lowered.Layers[c.lowered.Outputs[0]].Last }

// newResult checks a batch and makes the tensor for its first output.
func (c *core) newResult(batch tensor.Tensor) (tensor.Tensor, error) {
	if err := c.check(batch); err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.New(c.shape(c.firstStep(), batch.Shape[0])...)
}
