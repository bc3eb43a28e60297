package session

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// fetch runs a batch for the outputs of any steps. Where into is not nil, the outputs
// are written to its tensors, which must fit; an empty into drops the outputs. With
// options, a RunOptions message, TensorFlow records the run, and fetch returns the
// RunMetadata message.
func (c *core) fetch(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, into []tensor.Tensor) (outputs []tensor.Tensor, metadata []byte, err error) {
	if err := c.check(batch); err != nil {
		return nil, nil, err
	}
	done := ctx.Done()
	images := batch.Shape[0]
	a, err := c.enter(ctx, images)
	if err != nil {
		return nil, nil, err
	}
	left := false // where true, the run leaves when it has ended
	defer func() {
		if !left {
			c.calls.Leave(a)
		}
	}()
	outputs = into
	if into == nil {
		outputs = make([]tensor.Tensor, len(steps))
		for i, step := range steps {
			if outputs[i], err = tensor.New(c.shape(step, images)...); err != nil {
				return nil, nil, err
			}
		}
	}
	if images == 0 {
		return outputs, nil, nil
	}
	if a.Runner, err = c.newRunner(images, steps, options != nil); err != nil {
		return nil, nil, err
	}
	out := make([]capi.Value, len(outputs))
	for i, output := range outputs {
		out[i] = capi.Float32s(output)
	}
	in := []capi.Value{capi.Float32s(batch)}
	left, metadata, err = c.calls.Run(done, calls.Request{Runner: a.Runner, Options: options, Borrowed: into != nil, Admission: a}, in, out)
	if left {
		return nil, nil, calls.Ended(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	return outputs, metadata, nil
}

// newRunner makes a runner for the outputs of any steps, which the caller must free.
// Where traced is true, TensorFlow records the nodes of the runner's session.
func (c *core) newRunner(images int, steps []int, traced bool) (*capi.Runner, error) {
	var session *tensorflow.Session
	if traced {
		var err error
		if session, err = c.network.tracing(images); err != nil {
			return nil, err
		}
	} else {
		on, err := c.network.session(images)
		if err != nil {
			return nil, err
		}
		session = on.session
	}
	fetches := make([]capi.Output, len(steps))
	for i, step := range steps {
		fetches[i] = c.network.steps[step]
	}
	return session.NewRunner(capi.Signature{Feeds: []capi.Output{c.network.input}, Constants: c.network.weights, Fetches: fetches})
}
