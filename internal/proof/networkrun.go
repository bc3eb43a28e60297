package proof

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ref"
)

// NetworkBackend computes whole networks: TensorFlow on some device, or anything else
// that is compared with the reference.
type NetworkBackend interface {
	// RunNetwork returns the outputs of the named layers.
	RunNetwork(ctx context.Context, n graph.Network, w graph.Weights, input tensor.Tensor, layers []string) ([]tensor.Tensor, error)
}

// Run runs one case, with an outcome for each of its Outputs: the reference of the
// network as it runs when only those are fetched, the comparison of the expectation
// with it, and the comparison of the backend's outputs with it. The error is of the
// reference, or ctx's.
func (c NetworkCase) Run(ctx context.Context, backend NetworkBackend) ([]Outcome, error) {
	start := time.Now()
	layers := c.Outputs()
	outcomes := make([]Outcome, len(layers))
	for i, layer := range layers {
		outcomes[i] = Outcome{Name: c.outcomeName(layer), Op: NetworkOp, Status: Pass, source: c.json}
	}
	err := c.run(ctx, backend, layers, outcomes)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, err
	}
	seconds := time.Since(start).Seconds() / float64(len(layers))
	for i := range outcomes {
		o := &outcomes[i]
		o.Seconds = seconds
		if !o.Status.OK() {
			o.Repeat = repeat(c.json)
		}
	}
	return outcomes, nil
}

func (c NetworkCase) run(ctx context.Context, backend NetworkBackend, layers []string, outcomes []Outcome) (err error) {
	failAll := func(cause Cause, format string, arguments ...any) {
		for i := range outcomes {
			outcomes[i].fail(cause, format, arguments...)
		}
	}
	steps := make([]int, len(layers))
	for i, layer := range layers {
		steps[i] = c.lowered.Layers[c.outputs[i]].Last
		if outcomes[i].Digest, err = c.digest(layer); err != nil {
			return err
		}
	}
	if err := c.checkSize(); err != nil {
		failAll(CaseCause, "%v", err)
		return nil
	}
	want, err := c.reference(ctx, ref.Arithmetic{}, steps)
	if err != nil {
		return err
	}
	for i, layer := range layers {
		outcomes[i].Reference = &want[i]
		if expected, found := c.Expect[layer]; found {
			outcomes[i].compareExpectation(want[i], expected)
		}
	}
	got, err := backend.RunNetwork(ctx, c.Network, c.Weights, c.Input, layers)
	if err == nil && len(got) != len(layers) {
		err = fmt.Errorf("got %d outputs, want %d", len(got), len(layers))
	}
	if err != nil {
		for i := range outcomes {
			outcomes[i].refused = err.Error()
		}
		failAll(BackendCause, "device: %v", err)
		return nil
	}
	if b, known := backend.(Arithmetical); known && b.Arithmetic() != (ref.Arithmetic{}) {
		if want, err = c.reference(ctx, b.Arithmetic(), steps); err != nil {
			return err
		}
	}
	for i := range outcomes {
		outcomes[i].compareDevice(want[i], got[i])
	}
	return nil
}

// reference returns the references of steps, each within the bound that a device has
// whose steps before it were off by their own bounds.
func (c NetworkCase) reference(ctx context.Context, a ref.Arithmetic, steps []int) ([]ref.Result, error) {
	p := ref.Propagation{Arithmetic: a, Program: c.lowered.Program, Weights: c.Weights, Levels: ref.MeasureLevels}
	return p.Results(ctx, c.Input, nil, steps)
}

// checkSize refuses a case whose layers together have too many numbers.
func (c NetworkCase) checkSize() error {
	total := 0
	for _, step := range c.lowered.Program.Steps {
		shape := append([]int{c.Input.Shape[0]}, step.Shape[1:]...)
		n, err := tensor.Elements(shape)
		if total += n; err != nil || total > mostOutput {
			return fmt.Errorf("outputs up to %q have more than %d numbers together, the most that a case's may have", step.Name, mostOutput)
		}
	}
	return nil
}
