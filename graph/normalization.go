package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// BatchNorm is TensorFlow's FusedBatchNormV3 for inference (Ioffe and Szegedy
// 2015): (x − mean)·scale/√(variance + Epsilon) + offset, shape
// unchanged. Its weights are NAME/scale and NAME/offset, which training
// changes, and the moving statistics NAME/mean and NAME/variance, each with
// one number a channel.
type BatchNorm struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Epsilon    float32 // default 0.001
	Activation Activation
}

// LRN is TensorFlow's LRN, local response normalisation (Krizhevsky, Sutskever
// and Hinton 2012, section 3.3): x/(Bias + Alpha·Σx²)^Beta, the sum over the
// channels at most DepthRadius away; shape unchanged.
type LRN struct {
	Name string
	From string // the layer that it reads; empty: the one before

	DepthRadius int     // default 5
	Bias        float32 // default 1
	Alpha       float32 // default 1; not divided by the number of channels
	Beta        float32 // default 0.5
}

// Dropout returns its input unless the network is trained; in training it drops a
// number with the probability Rate (Srivastava and others 2014). Shape unchanged.
type Dropout struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Rate float32 `net:",required"` // above 0, below 1
}

func (n BatchNorm) nameAndInputs() (string, []string) { return n.Name, oneInput(n.From) }
func (BatchNorm) kind() string                        { return "batch_norm" }
func (BatchNorm) prefix() string                      { return "batch_norm" }

func (n BatchNorm) lower(b *lowering) error {
	if n.Epsilon == 0 {
		n.Epsilon = 0.001
	}
	channels := b.channels()
	mean, variance := b.constant("mean", channels, 0), b.constant("variance", channels, 1)
	mean.Statistic, variance.Statistic = true, true
	err := b.step("", ir.BatchNorm{Epsilon: n.Epsilon}, b.constant("scale", channels, 1), b.constant("offset", channels, 0), mean, variance)
	if err != nil {
		return err
	}
	return b.activate(n.Activation)
}

func (n LRN) nameAndInputs() (string, []string) { return n.Name, oneInput(n.From) }
func (LRN) kind() string                        { return "lrn" }
func (LRN) prefix() string                      { return "lrn" }

func (n LRN) lower(b *lowering) error {
	op := ir.LRN{DepthRadius: n.DepthRadius, Bias: n.Bias, Alpha: n.Alpha, Beta: n.Beta}
	if op.DepthRadius == 0 {
		op.DepthRadius = 5
	}
	for _, f := range []struct {
		field    *float32
		standard float32
	}{{&op.Bias, 1}, {&op.Alpha, 1}, {&op.Beta, 0.5}} {
		if *f.field == 0 {
			*f.field = f.standard
		}
	}
	return b.step("", op)
}

func (d Dropout) nameAndInputs() (string, []string) { return d.Name, oneInput(d.From) }
func (Dropout) kind() string                        { return "dropout" }
func (Dropout) prefix() string                      { return "dropout" }

func (d Dropout) lower(b *lowering) error {
	if !(d.Rate > 0 && d.Rate < 1) {
		return fmt.Errorf("rate is %v, want a number above 0 and below 1", d.Rate)
	}
	return b.step("", ir.Identity{})
}
