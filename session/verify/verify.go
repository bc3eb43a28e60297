// Package verify holds what TensorFlow computes of a network to a reference with
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
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
)

// Options says how a network is verified. The zero value works.
type Options struct {
	session.Options
	// Progress, where it is not nil, is called as the steps are held, of which
	// there are total.
	Progress func(done, total int)
}

// Verdict is the outcome of holding numbers to the reference: the status, and of
// the worst number its index, its error, in ULPs too, its bound and the error's
// share of it.
type Verdict = proof.Verdict

// Status is a verdict in a word.
type Status = proof.Status

// The statuses, from good to bad. An error of TensorFlow is Fail alone; Nothing is
// no pass.
const (
	Pass      = proof.Pass      // every number within its bound
	Overflow  = proof.Overflow  // but for infinities where partial sums may overflow
	Precision = proof.Precision // with errors larger than float32 kernels make
	Nothing   = proof.Nothing   // no number was compared
	Fail      = proof.Fail      // a number outside its bound, or another shape
)

// Result is the outcome of Network.
type Result struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	Precision  string `json:"precision"`
	OneDNN     *bool  `json:"onednn,omitempty"` // missing where TensorFlow does not tell
	Pictures   int    `json:"pictures"`
	// Status is the worst of the layers' and the chains'.
	Status Status  `json:"status"`
	Layers []Layer `json:"layers"`
	// Chains are the parts of the network as they run when no output between layers
	// is fetched; see Network.
	Chains []Chain `json:"chains"`
	// Diverges names the first layer, or chain, that fails. Empty: none.
	Diverges string `json:"diverges,omitempty"`
	// Seconds that TensorFlow took, and the reference.
	Run       float64 `json:"run_seconds"`
	Reference float64 `json:"reference_seconds"`
}

// Layer is one layer's part of a Result.
type Layer struct {
	Layer   string   `json:"layer"`
	Kind    string   `json:"kind"`
	From    []string `json:"from"`
	Output  []int    `json:"output"`
	Devices []string `json:"devices"`
	Verdict Verdict  `json:"verdict"`
	// NaN and Infinite count what is not finite in TensorFlow's output.
	NaN      int `json:"nan,omitempty"`
	Infinite int `json:"infinite,omitempty"`
	// Note says, where numbers are unspecified because correct kernels differ
	// there, what the reference answers.
	Note string `json:"note,omitempty"`
}

// Chain is that of layers which TensorFlow may run as one.
type Chain struct {
	Layers  []string `json:"layers"` // the last one's output was held
	Verdict Verdict  `json:"verdict"`
}

// Err is nil where every layer and chain was held to the reference and none
// failed. Else it names the first that failed, with its worst number; where none
// did, the first whose verdict proves nothing.
func (v Result) Err() error {
	for _, status := range []Status{Fail, Nothing} {
		for _, layer := range v.Layers {
			if layer.Verdict.Status == status {
				return fmt.Errorf("session: verify: %s %s: %v", layer.Kind, quote.Name(layer.Layer), layer.Verdict)
			}
		}
		for _, chain := range v.Chains {
			if chain.Verdict.Status == status {
				return fmt.Errorf("session: verify: layers [%s] run as one: %v", quote.Names(chain.Layers), chain.Verdict)
			}
		}
	}
	return nil
}

// Network runs a network in TensorFlow over a batch of images [N,H,W,C] and holds
// what every layer gives to the reference. Each layer's reference is fed with what
// TensorFlow itself fed to that layer, so that errors do not add up from layer to
// layer, the bound stays rigorous, and the first layer that diverges is the one
// that is wrong.
//
// To see what lies between layers TensorFlow must compute it, while in a Run
// it may compute a convolution, the batch norm, sum and activation behind it in
// one call. So the network is run twice: once for every layer's output, and
// once for the ends of such chains alone, whose bounds are those of their parts
// handed on.
//
// A layer that fails is no error; see Result.Err. The error is of a network,
// weights or batch that are refused, of TensorFlow, or ctx's.
func Network(ctx context.Context, net graph.Network, weights graph.Weights, images tensor.Tensor, o Options) (_ Result, err error) {
	if ctx == nil {
		return Result{}, errors.New("session: verify: ctx is nil, want one, as context.Background()")
	}
	if o.Executor == "" {
		o.Executor = session.Parallel // which can be traced; the kernels are the same
	}
	if o.Compute != "" && o.Compute != graph.Float32 {
		return Result{}, fmt.Errorf("session: verify: compute is %s, the reference has bounds for %q alone", quote.Name(string(o.Compute)), graph.Float32)
	}
	s, err := session.Open(net, weights, o.Options)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	v := newVerifier(ctx, s, weights, images, o)
	if err := tensorflow.WithoutWinograd(s.Device()); err != nil {
		return Result{}, fmt.Errorf("session: verify: %w", err)
	}
	// What is recorded runs in a second session, which has the weights again.
	if err := tensorflow.CheckMemory(v.bytes() + v.session.OpenBytes()); err != nil {
		return Result{}, fmt.Errorf("session: verify: batch of %d pictures: %w", v.result.Pictures, err)
	}
	if err := v.layers(); err != nil {
		return Result{}, err
	}
	if err := v.chains(); err != nil {
		return Result{}, err
	}
	return v.result, nil
}

func newVerifier(ctx context.Context, s *session.Session, weights graph.Weights, batch tensor.Tensor, o Options) *verifier {
	device, inside := s.Device(), seam.Of(s)
	v := &verifier{
		ctx: ctx, session: inside, lowered: inside.Lowered(), batch: batch,
		result: Result{
			TensorFlow: session.Version(), Device: device, Precision: tensorflow.Precision(device), Status: Pass,
		},
	}
	v.network = proof.Network{Lowered: v.lowered, Weights: weights, Arithmetic: tensorflow.Arithmetic(device)}
	if o.Progress != nil {
		total := 2 * len(v.lowered.Program.Steps) // there are two runs
		v.network.Progress = func(steps int) { o.Progress(steps, total) }
	}
	if on, known := tensorflow.OneDNNInUse(); known {
		v.result.OneDNN = &on
	}
	if len(batch.Shape) > 0 {
		v.result.Pictures = batch.Shape[0]
	}
	return v
}

// verifier is a call of Network under way.
type verifier struct {
	ctx     context.Context
	session seam.Session
	lowered graph.Lowered
	batch   tensor.Tensor
	network proof.Network
	layered proof.Run // the run that fetched every layer
	result  Result
}

// bytes is the most memory that Network takes for its batch: the outputs of all
// steps, in TensorFlow's memory and in Go's; the references that are kept for a
// second use; and that of the largest step, twice, as one is made of another.
func (v *verifier) bytes() int64 {
	const (
		output    = 4 + 4
		reference = 3*8 + 1 // value, bound, level, state
	)
	var all, largest, kept int64
	for _, step := range v.lowered.Program.Steps {
		n := int64(v.result.Pictures)
		for _, size := range step.Shape[1:] {
			n *= int64(size)
		}
		all, largest = all+n, max(largest, n)
		if len(step.Weights) > 0 {
			kept += n
		}
	}
	const garbage = 2 // Go collects when the heap has doubled
	return garbage * (output*all + reference*(min(kept, ref.MostKept)+2*largest))
}

// fetch runs the network for the outputs of steps, and returns the devices of each
// layer.
func (v *verifier) fetch(steps []int) (proof.Run, [][]string, error) {
	start := time.Now()
	outputs, devices, err := v.session.Fetch(v.ctx, v.batch, steps)
	if err != nil {
		return proof.Run{}, nil, err
	}
	v.result.Run += time.Since(start).Seconds()
	return proof.Run{Input: v.batch, Steps: steps, Outputs: outputs}, devices, nil
}

// hold holds a run to the reference.
func (v *verifier) hold(run proof.Run, earlier *proof.Run) ([]proof.Part, error) {
	start := time.Now()
	parts, err := v.network.Compare(v.ctx, run, earlier)
	if err != nil {
		return nil, fmt.Errorf("session: verify: %w", err)
	}
	v.result.Reference += time.Since(start).Seconds()
	return parts, nil
}

// layers holds every layer. Of a layer of several steps, the activation at its
// end is taken together with the step before.
func (v *verifier) layers() error {
	run, devices, err := v.fetch(v.network.LayerSteps())
	if err != nil {
		return err
	}
	parts, err := v.hold(run, nil)
	if err != nil {
		return err
	}
	v.layered = run
	outputs := map[int]tensor.Tensor{}
	for i, step := range run.Steps {
		outputs[step] = run.Outputs[i]
	}
	for _, part := range parts {
		i := part.Layers[0] // the only one
		v.result.Layers = append(v.result.Layers, v.layer(i, outputs[v.lowered.Layers[i].Last], devices[i], part.Verdict))
		v.judge(v.lowered.Layers[i].Name, part.Verdict)
	}
	return nil
}

// layer is a layer's part of the result.
func (v *verifier) layer(i int, output tensor.Tensor, devices []string, verdict Verdict) Layer {
	lowered := v.lowered.Layers[i]
	layer := Layer{
		Layer: lowered.Name, Kind: lowered.Kind, From: lowered.From, Output: output.Shape, Devices: devices, Verdict: verdict,
	}
	for _, x := range output.Data {
		switch {
		case x != x:
			layer.NaN++
		case x-x != 0:
			layer.Infinite++
		}
	}
	if verdict.Unspecified > 0 {
		for step := lowered.First; step <= lowered.Last && layer.Note == ""; step++ {
			layer.Note = v.lowered.Program.Steps[step].Op.Traits().Unspecified
		}
	}
	return layer
}

// chains holds the network as it runs when no output between
// layers is fetched, by the ends of its chains. Those within one layer were held as part of
// it, where they have the same bits.
func (v *verifier) chains() error {
	ends, across := v.network.ChainSteps()
	if !across {
		return nil
	}
	run, _, err := v.fetch(ends)
	if err != nil {
		return err
	}
	parts, err := v.hold(run, &v.layered)
	if err != nil {
		return err
	}
	for _, part := range parts {
		chain := Chain{Verdict: part.Verdict}
		for _, layer := range part.Layers {
			chain.Layers = append(chain.Layers, v.lowered.Layers[layer].Name)
		}
		v.judge(chain.Layers[len(chain.Layers)-1], chain.Verdict)
		v.result.Chains = append(v.result.Chains, chain)
	}
	return nil
}

// judge enters a verdict into the result's.
func (v *verifier) judge(name string, verdict Verdict) {
	v.result.Status = v.result.Status.Worse(verdict.Status)
	if verdict.Status == Fail && v.result.Diverges == "" {
		v.result.Diverges = name
	}
}
