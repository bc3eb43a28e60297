package session

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// fetch runs a batch for the outputs of any steps, which are written to into
// where that is not nil: they fit then, or there is none and the outputs are
// dropped. With options, a RunOptions message, the run is recorded, and fetch
// returns the RunMetadata message.
func (c *core) fetch(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, into []tensor.Tensor) (outputs []tensor.Tensor, metadata []byte, err error) {
	if err := c.check(batch); err != nil {
		return nil, nil, err
	}
	done := ctx.Done()
	pictures := batch.Shape[0]
	a, err := c.enter(ctx, pictures)
	if err != nil {
		return nil, nil, err
	}
	left := false // then the run leaves when it ends
	defer func() {
		if !left {
			c.calls.Leave(a)
		}
	}()
	outputs = into
	if into == nil {
		outputs = make([]tensor.Tensor, len(steps))
		for i, step := range steps {
			if outputs[i], err = tensor.New(c.shape(step, pictures)...); err != nil {
				return nil, nil, err
			}
		}
	}
	if pictures == 0 {
		return outputs, nil, nil
	}
	if a.Runner, err = c.runner(pictures, steps, options != nil); err != nil {
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

// runner makes a runner for the outputs of any steps, on a session that records
// what it runs where that is wanted. It is the caller's to free.
func (c *core) runner(pictures int, steps []int, records bool) (*capi.Runner, error) {
	var session *tensorflow.Session
	if records {
		var err error
		if session, err = c.native.tracing(pictures); err != nil {
			return nil, err
		}
	} else {
		l, err := c.native.lane(pictures)
		if err != nil {
			return nil, err
		}
		session = l.session
	}
	fetches := make([]capi.Port, len(steps))
	for i, step := range steps {
		fetches[i] = c.native.steps[step]
	}
	return session.NewRunner(capi.Signature{Feeds: []capi.Port{c.native.input}, Constants: c.native.weights, Fetches: fetches})
}
