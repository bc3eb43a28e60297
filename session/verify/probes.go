package verify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/probe"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
)

// Probe is a computation of drawn numbers by layers of the network, at their real shapes,
// with Session.Run and the caller's options. The layers are those of a chain, which
// TensorFlow may compute in one call, as a network of their own; parts with the same
// operations and shapes are probed once. Each probe runs in batches of one image and of the
// sizes that Result.Runs has, in the TensorFlow session that serves those of the network.
//
// Exact numbers are small whole numbers on which float32 rounds nothing, so that the bound
// is 0: a lost product, a wrong tap, a stale number or a rounded operand is a failure,
// however long the sums are. Numbers with random signs are Gaussian: the level of their
// errors notices a device that rounds its operands.
type Probe struct {
	Layers  []string `json:"layers"`
	Kind    string   `json:"kind"`    // "exact" or "random signs"
	Session string   `json:"session"` // the TensorFlow session that ran it: its executor and threads
	Images  int      `json:"pictures"`
	Verdict Verdict  `json:"verdict"`
	// Rounding lists the operations that round exact numbers too, and a GPU's TF32 and
	// Fourier transforms: where there are some, the probe is compared by their bounds.
	Rounding []string `json:"rounding,omitempty"`
	// Alike are the layers of other parts with the same operations and shapes.
	Alike [][]string `json:"alike,omitempty"`
}

// probeSeed is the seed of all probes: their numbers are the same in every run.
const probeSeed = 15

// probing is what the probes of a network need of it when its session is closed.
type probing struct {
	parts    []probe.Part
	options  session.Options
	sessions []serving
}

// serving is a TensorFlow session, and the batch sizes that it serves.
type serving struct {
	session   string
	oneThread bool
	images    []int
}

// prepareProbes divides the network into parts, and the batch sizes by the TensorFlow
// session that serves each.
func (v *verifier) prepareProbes(net graph.Network) {
	ends, _ := v.network.ChainSteps()
	options := v.options.Options
	options.WarmUp, options.Batching = nil, session.Batching{}
	v.probes = probing{parts: probe.Parts(net, v.lowered, ends), options: options}
	sizes := append(v.batchSizes(), 1)
	slices.Sort(sizes)
	for _, images := range slices.Compact(sizes) {
		one, last := images <= v.session.SmallBatch(), len(v.probes.sessions)-1
		if last < 0 || v.probes.sessions[last].oneThread != one {
			v.probes.sessions = append(v.probes.sessions, serving{session: v.session.Serving(images), oneThread: one})
			last++
		}
		v.probes.sessions[last].images = append(v.probes.sessions[last].images, images)
	}
	v.total += len(v.probes.parts)
}

// probe runs all probes.
func (v *verifier) probe() error {
	for _, part := range v.probes.parts {
		if err := tensorflow.CheckMemory(part.Bytes(v.result.Images)); err != nil {
			return fmt.Errorf("verify: probe: %w", err)
		}
		start := time.Now()
		p, err := part.Exact(v.ctx, v.network.Arithmetic, probeSeed, v.result.Images)
		v.result.Reference += time.Since(start).Seconds()
		if err == nil {
			err = v.runProbe(&p)
		}
		if err == nil && part.Sums() {
			start = time.Now()
			p, err = part.RandomSigns(v.ctx, v.network.Arithmetic, probeSeed, 1)
			v.result.Reference += time.Since(start).Seconds()
			if err == nil {
				err = v.runProbe(&p)
			}
		}
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		v.called++
		v.progress()
	}
	return nil
}

// runProbe runs a probe in each TensorFlow session that serves the network.
func (v *verifier) runProbe(p *probe.Probe) error {
	for _, on := range v.probes.sessions {
		if err := v.runProbeOn(p, on); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) runProbeOn(p *probe.Probe, on serving) (err error) {
	options := v.probes.options
	if on.oneThread {
		options.Threads = 1
	}
	s, err := session.Open(p.Network, p.Weights, options)
	if err != nil {
		return err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	if !on.oneThread {
		seam.Of(s).ShareThreads()
	}
	for _, images := range on.images {
		for _, output := range p.Outputs {
			err := v.runProbeOutput(s, p, output, images, on.session)
			if err != nil && !(images > v.result.Images && errors.Is(err, session.ErrLimit)) {
				return err
			}
		}
	}
	return nil
}

// runProbeOutput compares an output of a probe in batches of so many images. Run returns
// the last layer's output, RunOutputs the others.
func (v *verifier) runProbeOutput(s *session.Session, p *probe.Probe, output probe.Output, images int, on string) error {
	entry := Probe{
		Layers: output.Layers, Kind: string(p.Kind), Session: on, Images: images,
		Rounding: p.Rounding, Alike: output.Alike,
	}
	start := time.Now()
	for n, order := range p.Orders(images, probeSeed) {
		var (
			numbers []tensor.Tensor
			err     error
		)
		if output.Name() == p.Outputs[0].Name() {
			numbers = make([]tensor.Tensor, 1)
			numbers[0], err = s.Run(v.ctx, p.Batch(order))
		} else {
			numbers, err = s.RunOutputs(v.ctx, p.Batch(order), output.Name())
		}
		if err != nil {
			return err
		}
		if perturb != nil {
			perturb(entry, numbers[0].Data)
		}
		if verdict := output.Compare(order, numbers[0]); n == 0 {
			entry.Verdict = verdict
		} else {
			entry.Verdict = entry.Verdict.Merge(verdict, n*images)
		}
	}
	v.result.Run += time.Since(start).Seconds()
	v.judge(output.Name(), entry.Verdict)
	v.result.Probes = append(v.result.Probes, entry)
	return nil
}

// perturb, where it is not nil, changes the output of a probe: a test's fault.
var perturb func(entry Probe, output []float32)
