package session

import (
	"context"
	"fmt"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/tensorflow"
)

// fetch runs a batch for the outputs of any steps, which are written to into
// where that is not nil: they fit then, or there is none and the outputs are
// dropped. With options, a RunOptions message, the run is recorded, and fetch
// returns the RunMetadata message.
func (c *core) fetch(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, into []tensor.Tensor) ([]tensor.Tensor, []byte, error) {
	if err := c.check(batch); err != nil {
		return nil, nil, err
	}
	done := ctx.Done()
	t, err := c.enter(ctx, batch.Shape[0])
	if err != nil {
		return nil, nil, err
	}
	handed := false // to the goroutine that leaves when the run is through
	defer func() {
		if !handed {
			c.leave(t)
		}
	}()
	if batch.Shape[0] == 0 {
		outputs := make([]tensor.Tensor, len(steps))
		for i, step := range steps {
			outputs[i] = tensor.Tensor{Shape: c.shape(step, 0), Data: []float32{}}
		}
		return outputs, nil, nil
	}
	traced := options != nil
	call, err := c.prepare(batch, steps, traced, done == nil)
	if err != nil {
		return nil, nil, err
	}
	type answer struct {
		results  []capi.Fetched
		metadata []byte
		err      error
	}
	run := func(rooms ...[]float32) (a answer) {
		if traced {
			a.metadata, a.err = call.RunRecorded(options, func() (err error) {
				if into == nil || len(into) > 0 {
					a.results, err = call.Results()
				}
				return err
			})
		} else {
			a.results, a.err = call.RunOver(rooms...)
		}
		return a
	}
	var a answer
	if done == nil {
		rooms := make([][]float32, len(into))
		for i := range into {
			rooms[i] = slices.Clip(into[i].Data) // or what lies behind were room, too
		}
		a = run(rooms...)
	} else {
		through := make(chan answer, 1)
		handed = true
		go func() {
			var a answer
			err := guarded(func() error { a = run(); return a.err })
			c.leave(t)
			a.err = err
			through <- a
		}()
		select {
		case a = <-through:
		case <-done:
			return nil, nil, ended(ctx)
		}
	}
	if a.err != nil {
		return nil, nil, a.err
	}
	outputs := make([]tensor.Tensor, len(a.results))
	for i, r := range a.results {
		outputs[i] = r.Tensor()
		if into == nil {
			continue
		}
		if got, want := len(outputs[i].Data), len(into[i].Data); got != want {
			return nil, nil, fmt.Errorf("TensorFlow gave %d numbers of output %d, want %d", got, i, want)
		}
	}
	if done != nil { // else they are there
		for i := range into {
			copy(into[i].Data, outputs[i].Data)
		}
	}
	return outputs, a.metadata, nil
}

// prepare copies the batch, so that the call can outlive the caller, unless it
// is lent.
func (c *core) prepare(batch tensor.Tensor, steps []int, traced, lent bool) (*capi.Call, error) {
	var session *tensorflow.Session
	if traced {
		var err error
		if session, err = c.native.tracing(batch.Shape[0]); err != nil {
			return nil, err
		}
	} else {
		l, err := c.native.lane(batch.Shape[0])
		if err != nil {
			return nil, err
		}
		session = l.session
	}
	fetches := make([]capi.Port, len(steps))
	for i, step := range steps {
		fetches[i] = c.native.steps[step]
	}
	return session.Prepare(append([]capi.Feed{{Port: c.native.input, Value: batch, Lent: lent}}, c.native.weights...), fetches)
}
