package profile

import (
	"context"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
)

// LayerRun is what TensorFlow recorded of a layer in one run.
type LayerRun struct {
	Layer string
	// Devices are those that ran the layer's operations, as "/device:GPU:0": one,
	// unless TensorFlow moved an operation. Empty where TensorFlow's optimizer left
	// nothing of the layer to run.
	Devices []string
	// Time is the sum of the layer's kernels; on a GPU, of starting them.
	Time time.Duration
}

// Trace is Session.RunOutputs with TensorFlow's record of the run: it returns the
// outputs, and for each layer of the network where its operations ran, and for how
// long. On the CPU the first Trace opens a second session on the network, as the
// Single executor records nothing. That costs what a first run costs, and the
// constants' memory once more; and the same again for the first batch of a size that
// other threads run (session.Options.Threads).
func Trace(ctx context.Context, s *session.Session, batch tensor.Tensor, names ...string) ([]tensor.Tensor, []LayerRun, error) {
	inner := seam.Of(s)
	outputs, record, err := inner.Trace(ctx, batch, names)
	if err != nil {
		return nil, nil, err
	}
	layers := inner.Lowered().Layers
	runs := make([]LayerRun, len(layers))
	for i, layer := range layers {
		runs[i].Layer = layer.Name
		runs[i].Devices, runs[i].Time = seam.LayerRun(record, layer.Name)
	}
	return outputs, runs, nil
}
