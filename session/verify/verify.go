// Package verify compares TensorFlow's outputs of a network with a reference that has
// computed error bounds. It fits into a test:
//
//	v, err := verify.Network(ctx, net, weights, images, verify.Options{})
//	if err == nil {
//		err = v.Err() // names the first layer outside its bound
//	}
//	if err != nil {
//		t.Fatal(err)
//	}
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/graph/verdict"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
	"tfcnn/session/process"
)

// Options are those of the session that runs the network. The zero value works. Network
// refuses another Compute than float32, and leaves WarmUp out: on a GPU it would choose
// kernels before Winograd's are excluded.
type Options struct {
	session.Options
	// Outputs lists calls of RunOutputs to compare beside those that Network makes, each
	// by the names of its layers. A program that calls RunOutputs for some layers names
	// them here: TensorFlow may compute the same layer otherwise in another call.
	Outputs [][]string
	// SkipProbes leaves out the probes; see Probe.
	SkipProbes bool
	// Progress, where it is not nil, is called after each compared step, call and probed
	// part; total is the number of them.
	Progress func(done, total int)
}

// Verdict and Status are those of package graph/verdict.
type (
	Verdict = verdict.Verdict
	Status  = verdict.Status
)

// The statuses, from good to bad. Fail and Precision are errors of TensorFlow; Nothing
// and NotHeld are no pass.
const (
	Pass      = verdict.Pass      // every number within its bound
	Overflow  = verdict.Overflow  // but for infinities where partial sums may overflow
	Precision = verdict.Precision // with errors larger than float32 kernels make, on drawn numbers
	Nothing   = verdict.Nothing   // no number was compared
	NotHeld   = verdict.NotHeld   // of some numbers no bound is known
	Fail      = verdict.Fail      // a number outside its bound, or another shape
)

// Result is the outcome of Network.
type Result struct {
	process.Platform
	Images int `json:"pictures"`
	// Status is the worst of the layers', the chains', the runs' and the probes'.
	Status Status  `json:"status"`
	Layers []Layer `json:"layers"`
	// Chains are the parts of the network as they run when no output between layers
	// is fetched; see Network.
	Chains []Chain `json:"chains"`
	// Kernels are TensorFlow's kernels that computed the compared numbers, each with its
	// operations, as "_FusedConv2D: conv2d, batch_norm, relu".
	Kernels []string `json:"kernels"`
	// Runs are the calls of Run and RunOutputs whose numbers were compared; see Network.
	Runs []Run `json:"runs"`
	// Probes are computations of drawn numbers; see Probe.
	Probes []Probe `json:"probes"`
	// Diverges names the first layer that fails; a chain, a call or a probe has the name
	// of its last layer. Empty: none.
	Diverges string `json:"diverges,omitempty"`
	// Executor is TensorFlow's executor of the session that ran the network.
	Executor string `json:"executor"`
	// Nodes are TensorFlow's operations that ran, where all layers were fetched, where the
	// ends of chains were, and where the network ran as in Run.
	Nodes []Node `json:"nodes"`
	// Run and Reference are the seconds of TensorFlow and of the reference.
	Run       float64 `json:"run_seconds"`
	Reference float64 `json:"reference_seconds"`
}

// Layer is the verdict of one layer.
type Layer struct {
	Layer   string   `json:"layer"`
	Kind    string   `json:"kind"`
	From    []string `json:"from"`
	Output  []int    `json:"output"`
	Devices []string `json:"devices"`
	SHA256  string   `json:"sha256"` // of the output as a .npy file
	Verdict Verdict  `json:"verdict"`
	// NaN and Infinite count numbers of TensorFlow's output.
	NaN      int `json:"nan,omitempty"`
	Infinite int `json:"infinite,omitempty"`
	// Note is the reference's answer where numbers are unspecified because correct
	// kernels differ there.
	Note string `json:"note,omitempty"`
}

// Chain is the verdict of layers that TensorFlow may run as one.
type Chain struct {
	Layers  []string `json:"layers"` // the output of the last one was compared
	SHA256  string   `json:"sha256"` // of the output as a .npy file
	Verdict Verdict  `json:"verdict"`
}

// Network runs a network in TensorFlow over a batch of images [N,H,W,C] and compares
// the output of every layer with the reference. Each layer's reference is fed with the
// numbers that TensorFlow itself fed to that layer. So errors do not add up from layer
// to layer, the bound stays rigorous, and the first layer that diverges is the wrong
// layer.
//
// A run that fetches the output between two layers makes TensorFlow compute that
// output. In Session.Run, TensorFlow may compute a convolution and the batch norm, sum
// and activation behind it in one call, and fold their constants into each other. So the
// network runs again for the ends of such chains alone, whose bounds are propagated from
// part to part.
//
// Then Network calls Run, and RunOutputs for all outputs and for each of o.Outputs, and
// compares the numbers that they return; see Result.Runs. The session is opened with o as
// it is. Where it has a TensorFlow session of one thread for small batches, both
// TensorFlow sessions run: the one for small batches with the first images, the other one
// with the images repeated until the batch is large enough. With Batching, single images
// are sent from many goroutines until a batch was shared. Numbers that equal, bit for bit,
// numbers that were compared have their verdict. Otherwise TensorFlow runs the batch
// again for the same outputs and as many ends of chains as leave the outputs' bits as they
// are, and the outputs are compared with the reference of those ends.
//
// At last probes of the network's parts run; see Probe.
//
// A layer that fails is no error; see Result.Err. The error is of a network,
// weights or batch that are refused, of TensorFlow, or ctx's.
func Network(ctx context.Context, net graph.Network, weights graph.Weights, images tensor.Tensor, o Options) (_ Result, err error) {
	if ctx == nil {
		return Result{}, errors.New("verify: ctx is nil, want one, as context.Background()")
	}
	if o.Compute != "" && o.Compute != graph.Float32 {
		return Result{}, fmt.Errorf("verify: compute is %s, the reference has bounds for %q alone", quote.Name(string(o.Compute)), graph.Float32)
	}
	o.WarmUp = nil
	s, err := session.Open(net, weights, o.Options)
	if err != nil {
		return Result{}, err
	}
	closeSession := sync.OnceValue(s.Close)
	defer func() {
		if closing := closeSession(); err == nil {
			err = closing
		}
	}()
	v := newVerifier(ctx, s, weights, images, o)
	if !o.SkipProbes && v.result.Images > 0 {
		v.prepareProbes(net)
	}
	for _, names := range o.Outputs {
		for _, name := range names {
			if _, err := v.lowered.Layer(name); err != nil {
				return Result{}, fmt.Errorf("verify: outputs: %w", err)
			}
		}
	}
	if err := tensorflow.WithoutWinograd(s.Device()); err != nil {
		return Result{}, fmt.Errorf("verify: %w", err)
	}
	if err := tensorflow.CheckMemory(v.bytes() + v.weightBytes()); err != nil {
		return Result{}, fmt.Errorf("verify: batch of %d images: %w", v.result.Images, err)
	}
	for _, compare := range []func() error{v.layers, v.chains, v.runs, v.record} {
		if err := compare(); err != nil {
			return Result{}, err
		}
	}
	// The weights of one network at a time are in memory.
	if err := closeSession(); err != nil {
		return Result{}, err
	}
	if err := v.probe(); err != nil {
		return Result{}, err
	}
	v.finish()
	return v.result, nil
}

func newVerifier(ctx context.Context, s *session.Session, weights graph.Weights, batch tensor.Tensor, o Options) *verifier {
	device, inner := s.Device(), seam.Of(s)
	v := &verifier{
		ctx: ctx, opened: s, session: inner, lowered: inner.Lowered(), batch: batch, options: o,
		result: Result{Platform: process.PlatformOf(device), Status: Pass},
	}
	v.result.Precision, v.result.Executor = tensorflow.Precision(device), inner.Executor()
	v.network = proof.Network{Lowered: v.lowered, Weights: weights, Arithmetic: tensorflow.Arithmetic(device), Levels: ref.MeasureLevels}
	v.network.Progress = func(steps int) {
		v.steps = steps
		v.progress()
	}
	if len(batch.Shape) > 0 {
		v.result.Images = batch.Shape[0]
	}
	v.total = 2*len(v.lowered.Program.Steps) + len(v.calls()) // two runs, and the calls
	return v
}

// verifier is the state of Network.
type verifier struct {
	ctx      context.Context
	opened   *session.Session
	session  seam.Session
	lowered  graph.Lowered
	batch    tensor.Tensor
	options  Options
	network  proof.Network
	layered  proof.Run // the run that fetched every layer
	compared []output  // outputs that were compared
	result   Result
	// returned, where it is not nil, is called with what a call returned: a test's fault.
	returned func(call string, outputs []tensor.Tensor)

	probes               probing
	steps, called, total int // compared steps, compared calls and probed parts, and all of them
}

// progress reports how much was compared.
func (v *verifier) progress() {
	if v.options.Progress != nil {
		done := v.steps + v.called
		v.total = max(v.total, done)
		v.options.Progress(done, v.total)
	}
}

// finish reports that all was compared.
func (v *verifier) finish() {
	v.total = v.steps + v.called
	v.progress()
}

// fetch runs a batch for the outputs of steps, in the TensorFlow session that serves it.
func (v *verifier) fetch(batch tensor.Tensor, steps []int) (proof.Run, error) {
	start := time.Now()
	outputs, err := v.session.Outputs(v.ctx, batch, steps)
	v.result.Run += time.Since(start).Seconds()
	return proof.Run{Input: batch, Steps: steps, Outputs: outputs}, err
}

// compare compares a run with the reference.
func (v *verifier) compare(run proof.Run, earlier *proof.Run) ([]proof.Part, error) {
	start := time.Now()
	parts, err := v.network.Compare(v.ctx, run, earlier)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v.result.Reference += time.Since(start).Seconds()
	for i := range parts {
		parts[i].Verdict = parts[i].Verdict.Budgeted()
	}
	return parts, nil
}

// layers compares every layer. In a layer of several steps, the activation at its end is
// compared together with the step before it.
func (v *verifier) layers() error {
	start := time.Now()
	run := proof.Run{Input: v.batch, Steps: v.network.LayerSteps()}
	outputs, record, err := v.session.Fetch(v.ctx, v.batch, run.Steps)
	if err != nil {
		return err
	}
	run.Outputs = outputs
	v.result.Run += time.Since(start).Seconds()
	parts, err := v.compare(run, nil)
	if err != nil {
		return err
	}
	v.layered = run
	v.ran(record)
	for _, part := range parts {
		i := part.Layers[0] // the only one
		devices, _ := seam.LayerRun(record, v.lowered.Layers[i].Name)
		last := v.lowered.Layers[i].Last
		output := run.Outputs[slices.Index(run.Steps, last)]
		layer := v.layer(i, output, devices, part.Verdict)
		if layer.SHA256, err = digest(output); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		v.result.Layers = append(v.result.Layers, layer)
		v.judge(v.lowered.Layers[i].Name, part.Verdict)
		v.keep(last, v.batch, output, part.Verdict)
	}
	return nil
}

// chains compares the outputs at the ends of chains, in a run that fetches no output
// between layers. The chains within one layer have the bits of that layer, which layers
// has compared.
func (v *verifier) chains() error {
	ends, across := v.network.ChainSteps()
	if !across {
		return nil
	}
	run, err := v.fetch(v.batch, ends)
	if err != nil {
		return err
	}
	if v.returned != nil {
		v.returned(chainsFetch, run.Outputs)
	}
	parts, err := v.compare(run, &v.layered)
	if err != nil {
		return err
	}
	for _, part := range parts {
		chain := Chain{Verdict: part.Verdict}
		for _, layer := range part.Layers {
			chain.Layers = append(chain.Layers, v.lowered.Layers[layer].Name)
		}
		if chain.SHA256, err = digest(v.endOf(run, part)); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		v.judge(chain.Layers[len(chain.Layers)-1], chain.Verdict)
		for _, step := range part.Steps {
			v.keep(step, v.batch, run.Outputs[slices.Index(run.Steps, step)], part.Verdict)
		}
		v.result.Chains = append(v.result.Chains, chain)
	}
	return nil
}

// judge adds a verdict to the result's status.
func (v *verifier) judge(name string, of Verdict) {
	v.result.Status = v.result.Status.Worse(of.Status)
	if of.Status == Fail && v.result.Diverges == "" {
		v.result.Diverges = name
	}
}
