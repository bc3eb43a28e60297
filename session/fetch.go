package session

import (
	"context"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
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
			c.leave(a)
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
	if a.runner, err = c.runner(pictures, steps, options != nil); err != nil {
		return nil, nil, err
	}
	out := make([]capi.Value, len(outputs))
	for i, output := range outputs {
		out[i] = capi.Float32s(output)
	}
	in := []capi.Value{capi.Float32s(batch)}
	left, metadata, err = c.perform(done, request{runner: a.runner, options: options, borrowed: into != nil, admission: a}, in, out)
	if left {
		return nil, nil, ended(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	return outputs, metadata, nil
}

// perform makes a run that was let in: on the goroutine that calls where done is nil,
// and on a worker's where it is not. Where the caller leaves, left is true, and the
// run leaves when it ends.
func (c *core) perform(done <-chan struct{}, r request, in, out []capi.Value) (left bool, metadata []byte, err error) {
	if done == nil {
		metadata, err = r.run(in, out)
		return false, metadata, err
	}
	return c.workers.run(done, r, in, out)
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
	fetches := make([]capi.Output, len(steps))
	for i, step := range steps {
		fetches[i] = c.native.steps[step]
	}
	return session.NewRunner(capi.Signature{Feeds: []capi.Output{c.native.input}, Constants: c.native.weights, Fetches: fetches})
}
