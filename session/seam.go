package session

import (
	"context"
	"fmt"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/internal/trace"
	"tfcnn/session/internal/calls"
	"tfcnn/session/internal/seam"
)

func init() {
	seam.LimitOf = func(l any) *calls.Limit { return l.(*Limit).of() }
	seam.Of = func(s any) seam.Session { return inner{s.(*Session)} }
	seam.CheckOptions = func(o any) error {
		_, _, err := o.(Options).withDefaults()
		return err
	}
}

// inner is a session for the packages below this one.
type inner struct{ s *Session }

func (i inner) Lowered() graph.Lowered { return i.s.lowered }

func (i inner) OpenBytes() int64 { return openCopies * i.s.weightBytes }

func (i inner) WeightBytes() int64 { return i.s.weightBytes }

func (i inner) Unwatch() { i.s.opened.Done() }

func (i inner) Outputs(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, error) {
	outputs, _, err := i.s.run(ctx, batch, steps, false)
	return outputs, err
}

func (i inner) SmallBatch() int { return i.s.network.sessions.smallBatch }

func (i inner) Serving(images int) string {
	settings := i.s.network.settingsFor(images)
	threads := "the process's threads"
	switch {
	case settings.Threads == 1:
		threads = "one thread"
	case settings.Threads > 1:
		threads = fmt.Sprintf("%d threads", settings.Threads)
	case settings.Device != tensorflow.CPU:
		threads = settings.Device
	}
	return fmt.Sprintf("%s executor, %s", settings.Executor, threads)
}

func (i inner) OnShared(f func(batch, result tensor.Tensor)) { i.s.onShared = f }

func (i inner) Fetch(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, trace.Record, error) {
	return i.s.run(ctx, batch, steps, true)
}

func (i inner) Trace(ctx context.Context, batch tensor.Tensor, names []string) ([]tensor.Tensor, trace.Record, error) {
	return i.s.named(ctx, batch, names, true)
}

func (i inner) Executor() string { return string(i.s.options.Executor) }

func (i inner) ShareThreads() { i.s.network.sessions.smallBatch = 0 }

func (i inner) Record(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, drop bool) ([]byte, error) {
	if err := i.s.checkCall(ctx); err != nil {
		return nil, err
	}
	var into []tensor.Tensor
	if drop {
		into = []tensor.Tensor{}
	}
	_, metadata, err := i.s.fetch(ctx, batch, steps, options, into)
	return metadata, err
}
