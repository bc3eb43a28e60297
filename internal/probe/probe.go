// Package probe draws computations that a correct kernel cannot get wrong unnoticed: the
// layers of a network, a few at a time and at their real shapes, with weights and images
// of small whole numbers, on which float32 rounds nothing. There a bound is 0: a lost
// product, a wrong tap, a stale element or a rounded operand is another number, in a dense
// layer of 25,088 terms as in a filter of 9.
//
//	for _, part := range probe.Parts(net, lowered, ends) {
//		p, err := part.Exact(ctx, ref.Arithmetic{}, seed, images)
//		…
//		batch := p.Batch(order)
//		verdict := p.Outputs[0].Compare(order, output)
//	}
//
// Operands are drawn so that faults show (draw.go):
//
//   - No operand is zero, so that each product counts.
//   - Numbers of 12 significant bits stand on either side, each against small numbers of
//     the other side: a factor that is rounded to TF32's 11 bits, or to fewer, shows.
//   - No two channels have the same numbers in all images.
//   - Σ|x·w| and the bias stay below 2²⁴ units, so that each partial sum in each order is
//     a float32 (docs/claims.md, claim 29: Exact probes).
//   - All numbers of the images and biases are multiples of one power of two, which is
//     chosen so that the activations behind respond: a ReLU6 sees numbers from 0 to 6.
//   - Each image comes with its negative: where a ReLU hides a sum, it shows the other.
//   - A batch norm multiplies by powers of two, with a variance of the size of ε.
//
// Operations that round such numbers too (ir.Traits.Rounds) are compared by their bounds.
// Where random signs are asked for, all operands are Gaussian; the level of their errors
// judges precision.
package probe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/ref"
)

// Kind is the kind of the numbers of a probe.
type Kind string

// The kinds.
const (
	Exact       Kind = "exact"
	RandomSigns Kind = "random signs"
)

// Probe is a part with drawn weights and images.
type Probe struct {
	Part    Part
	Kind    Kind
	Network graph.Network // the part's layers alone
	Weights graph.Weights
	Images  tensor.Tensor // [N,H,W,C], the images that batches consist of
	Outputs []Output      // the last layer's first
	// Rounding lists the kinds of operations, and the arithmetic of the device, by whose
	// bounds an exact probe is compared.
	Rounding []string

	lowered graph.Lowered
}

// Output is an output of a probe, with its reference for the probe's images.
type Output struct {
	Layers []string // that lead to it; the last one's output is compared
	// Alike are the layers of parts that are alike.
	Alike [][]string

	step int // of the probe's network
	want ref.Result
}

// Name returns the layer whose output it is.
func (o Output) Name() string { return o.Layers[len(o.Layers)-1] }

// Sums reports whether the part has sums of products, for which random signs are drawn.
func (p Part) Sums() bool {
	return slices.ContainsFunc(p.steps(), func(s ir.Step) bool { return s.Op.Traits().MultiplyAccumulate })
}

// Terms returns the number of terms of the part's first sums, 0 where there are none.
func (p Part) Terms() int {
	for _, layer := range p.Layers {
		l := p.lowered.Layers[layer]
		for i := l.First; i <= l.Last; i++ {
			if p.lowered.Program.Steps[i].Op.Traits().MultiplyAccumulate {
				return productOf(p.lowered.Program, i).terms
			}
		}
	}
	return 0
}

// Bytes returns the most memory that the part's probes take in Go, for batches of so many
// images. TensorFlow's sessions check for themselves.
func (p Part) Bytes(images int) int64 {
	const (
		weight = 4 + 8 // in the reference a float64
		number = 4 + 3*8 + 1 + 4
		drawn  = 4 // images at the most that a reference is computed of
	)
	var weights, outputs int64
	for _, step := range p.steps() {
		for _, w := range step.Weights {
			n, _ := tensor.Elements(w.Shape)
			weights += int64(n)
		}
		n, _ := tensor.Elements(step.Shape[1:])
		outputs += int64(n)
	}
	return weight*weights + number*outputs*int64(max(images, drawn))
}

// steps returns the part's steps.
func (p Part) steps() []ir.Step {
	var list []ir.Step
	for _, layer := range p.Layers {
		l := p.lowered.Layers[layer]
		list = append(list, p.lowered.Program.Steps[l.First:l.Last+1]...)
	}
	return list
}

// begin returns the part as a probe without numbers.
func (p Part) begin(kind Kind) (Probe, small, error) {
	s, err := p.build()
	if err != nil {
		return Probe{}, small{}, p.wrap(err)
	}
	probe := Probe{Part: p, Kind: kind, Network: s.network, lowered: s.lowered}
	for _, shown := range []int{len(p.Layers), p.Shown} {
		if shown == 0 {
			continue
		}
		o := Output{Layers: p.named(p.Layers[:shown])}
		for _, layers := range p.Alike {
			o.Alike = append(o.Alike, p.named(layers[:shown]))
		}
		layer, err := s.lowered.Layer(o.Name())
		if err != nil {
			return Probe{}, small{}, p.wrap(err)
		}
		o.step = s.lowered.Layers[layer].Last
		probe.Outputs = append(probe.Outputs, o)
	}
	return probe, s, nil
}

func (p Part) wrap(err error) error {
	return fmt.Errorf("probe: layers [%s]: %w", quote.Names(p.Names()), err)
}

// Exact draws whole numbers, for batches of so many images. It returns an error where a
// bound is not 0 that should be.
func (p Part) Exact(ctx context.Context, a ref.Arithmetic, seed uint64, images int) (Probe, error) {
	probe, s, err := p.begin(Exact)
	if err != nil {
		return Probe{}, err
	}
	for _, step := range p.steps() {
		if kind := step.Op.Kind(); step.Op.Traits().Rounds && !slices.Contains(probe.Rounding, kind) {
			probe.Rounding = append(probe.Rounding, kind)
		}
	}
	if a.TF32 && p.Sums() {
		probe.Rounding = append(probe.Rounding, "TF32")
	}
	if a.FFT && p.Sums() {
		probe.Rounding = append(probe.Rounding, "Fourier transforms")
	}
	levels := ref.NoLevels
	if len(probe.Rounding) > 0 && p.Sums() {
		levels = ref.JudgeLevels
	}
	for _, sizes := range []sizes{{x: 96, w: 3, large: true}, {x: 8, w: 3, large: true}, {x: 8, w: 2}, {x: 1, w: 1}} {
		d := drawing{small: s, part: p, sizes: sizes, seed: seed}
		probe.Weights = d.weights()
		probe.Images = d.images(images)
		if err = probe.compute(ctx, a, levels); err == nil {
			err = probe.check()
		}
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return Probe{}, p.wrap(err)
	}
	return probe, nil
}

// RandomSigns draws Gaussian numbers, of so many different images.
func (p Part) RandomSigns(ctx context.Context, a ref.Arithmetic, seed uint64, images int) (Probe, error) {
	probe, s, err := p.begin(RandomSigns)
	if err != nil {
		return Probe{}, err
	}
	d := drawing{small: s, part: p, seed: seed}
	probe.Weights, probe.Images = d.gaussian(images)
	if err := probe.compute(ctx, a, ref.JudgeLevels); err != nil {
		return Probe{}, p.wrap(err)
	}
	return probe, nil
}

// compute sets the reference of the images.
func (p *Probe) compute(ctx context.Context, a ref.Arithmetic, levels ref.Levels) error {
	steps := make([]int, len(p.Outputs))
	for i, o := range p.Outputs {
		steps[i] = o.step
	}
	r := ref.Propagation{Arithmetic: a, Program: p.lowered.Program, Weights: p.Weights, Levels: levels}
	results, err := r.Results(ctx, p.Images, nil, steps)
	if err != nil {
		return err
	}
	for i := range p.Outputs {
		p.Outputs[i].want = results[i]
	}
	return nil
}

// check returns an error where a number is not compared, or has a bound that should be 0.
func (p *Probe) check() error {
	for _, o := range p.Outputs {
		for i, state := range o.want.State {
			switch {
			case state != ref.Plain:
				return fmt.Errorf("number %d is not compared", i)
			case len(p.Rounding) == 0 && o.want.Bound[i] != 0:
				return fmt.Errorf("number %d has the bound %g, want 0", i, o.want.Bound[i])
			}
		}
	}
	return nil
}

// Orders returns the batches of so many images in which all of the probe's images come, as
// lists of indices. Images next to each other differ, where there are two, and a batch
// of many repeats them without a period.
func (p *Probe) Orders(images int, seed uint64) [][]int {
	random, kinds := rand.New(rand.NewPCG(seed, 3)), p.Images.Shape[0]
	var all []int
	for i := range (max(images, kinds) + images - 1) / images * images {
		next := i
		if i >= kinds {
			next = random.IntN(kinds)
			if kinds > 1 && next == all[i-1] {
				next = (next + 1 + random.IntN(kinds-1)) % kinds
			}
		}
		all = append(all, next)
	}
	var orders [][]int
	for len(all) > 0 {
		orders, all = append(orders, all[:images]), all[images:]
	}
	return orders
}

// Batch returns images by their indices.
func (p *Probe) Batch(order []int) tensor.Tensor {
	each := len(p.Images.Data) / p.Images.Shape[0]
	shape := slices.Clone(p.Images.Shape)
	shape[0] = len(order)
	batch := tensor.Tensor{Shape: shape, Data: make([]float32, 0, len(order)*each)}
	for _, k := range order {
		batch.Data = append(batch.Data, p.Images.Data[k*each:][:each]...)
	}
	return batch
}

// Compare compares the output of a batch with the reference of its images.
func (o Output) Compare(order []int, output tensor.Tensor) proof.Verdict {
	shape := slices.Clone(o.want.Shape)
	each := len(o.want.Value) / shape[0]
	shape[0] = len(order)
	if !slices.Equal(shape, output.Shape) {
		return proof.Compare(ref.Result{Shape: shape}, output)
	}
	var v proof.Verdict
	shape[0] = 1
	for n, k := range order {
		from, end := k*each, (k+1)*each
		want := ref.Result{Shape: shape, Value: o.want.Value[from:end], Bound: o.want.Bound[from:end], State: o.want.State[from:end], Judged: o.want.Judged}
		if o.want.Level != nil {
			want.Level = o.want.Level[from:end]
		}
		next := proof.Compare(want, tensor.Tensor{Shape: shape, Data: output.Data[n*each : (n+1)*each]})
		if n == 0 {
			v = next
		} else {
			v = v.Merge(next, n)
		}
	}
	return v
}
