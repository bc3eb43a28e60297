package session

import (
	"context"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session/internal/calls"
	"tfcnn/session/internal/seam"
)

func init() {
	seam.Of = func(s any) seam.Session { return inside{s.(*Session)} }
	seam.LimitOf = func(l any) *calls.Limit { return l.(*Limit).of() }
}

// inside is a session for the packages below this one.
type inside struct{ s *Session }

func (i inside) Lowered() graph.Lowered { return i.s.lowered }

func (i inside) OpenBytes() int64 { return openCopies * i.s.weightBytes }

func (i inside) Fetch(ctx context.Context, batch tensor.Tensor, steps []int) ([]tensor.Tensor, [][]string, error) {
	outputs, record, err := i.s.run(ctx, batch, steps, true)
	if err != nil {
		return nil, nil, err
	}
	var devices [][]string
	for _, layer := range i.s.layerRuns(record) {
		devices = append(devices, layer.Devices)
	}
	return outputs, devices, nil
}

func (i inside) Executor() string { return string(i.s.options.Executor) }

func (i inside) Record(ctx context.Context, batch tensor.Tensor, steps []int, options []byte, drop bool) ([]byte, error) {
	if err := i.s.callable(ctx); err != nil {
		return nil, err
	}
	var into []tensor.Tensor
	if drop {
		into = []tensor.Tensor{}
	}
	_, metadata, err := i.s.fetch(ctx, batch, steps, options, into)
	return metadata, err
}
