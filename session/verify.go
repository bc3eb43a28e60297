package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
)

// VerifyOptions says how Verify works. The zero value works.
type VerifyOptions struct {
	Options
	// Progress, where it is not nil, is called as the steps are held, of which
	// there are total.
	Progress func(done, total int)
}

// Verdict is what came of holding numbers to the reference: the status ("pass",
// "overflow possible", "precision", "proves nothing", "fail"), and of the worst number its index,
// its error, in ULPs too, its bound and the error's share of it.
type Verdict = proof.Verdict

// Verification is what came of Verify.
type Verification struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	Precision  string `json:"precision"`
	OneDNN     *bool  `json:"onednn,omitempty"` // missing where TensorFlow does not tell
	Pictures   int    `json:"pictures"`
	// Status is the worst of the layers' and the chains'.
	Status proof.Status   `json:"status"`
	Layers []LayerVerdict `json:"layers"`
	// Chains are the parts of the network as they run when nobody asks for
	// what lies between layers; see Verify.
	Chains []ChainVerdict `json:"chains"`
	// Diverges names the first layer, or chain, that fails. Empty: none.
	Diverges string `json:"diverges,omitempty"`
	// Seconds that TensorFlow took, and the reference.
	Run       float64 `json:"run_seconds"`
	Reference float64 `json:"reference_seconds"`
}

// LayerVerdict is one layer's part of a Verification.
type LayerVerdict struct {
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

// ChainVerdict is that of layers which TensorFlow may run as one.
type ChainVerdict struct {
	Layers  []string `json:"layers"` // the last one's output was held
	Verdict Verdict  `json:"verdict"`
}

// Err is nil where every layer and chain was held to the reference and none
// failed. Else it names the first that failed, with its worst number; where none
// did, the first whose verdict proves nothing.
func (v Verification) Err() error {
	for _, status := range []proof.Status{proof.Fail, proof.Nothing} {
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

// Verify runs the network in TensorFlow over a batch of pictures [N,H,W,C] and
// holds what every layer gives to the reference. Each layer's reference is fed
// with what TensorFlow itself fed to that layer, so that errors do not add up
// from layer to layer, the bound stays rigorous, and the first layer that
// diverges is the one that is wrong. It fits into a test:
//
//	v, err := session.Verify(ctx, net, weights, pictures, session.VerifyOptions{})
//	if err == nil {
//		err = v.Err()
//	}
//	if err != nil {
//		t.Fatal(err)
//	}
//
// To see what lies between layers TensorFlow must compute it, while in a Run
// it may compute a convolution, the batch norm, sum and activation behind it in
// one call. So the network is run twice: once for every layer's output, and
// once for the ends of such chains alone, whose bounds are those of their parts
// handed on.
//
// A layer that fails is no error; see Verification.Err. The error is of a
// network, weights or batch that are refused, of TensorFlow, or ctx's.
func Verify(ctx context.Context, net graph.Network, weights graph.Weights, batch tensor.Tensor, o VerifyOptions) (_ Verification, err error) {
	if ctx == nil {
		return Verification{}, fmt.Errorf("session: verify: %w", errNoContext)
	}
	if o.Executor == "" {
		o.Executor = Parallel // which can be traced; the kernels are the same
	}
	if o.Compute != "" && o.Compute != graph.Float32 {
		return Verification{}, fmt.Errorf("session: verify: compute is %s, the reference has bounds for %q alone", quote.Name(string(o.Compute)), graph.Float32)
	}
	s, err := Open(net, weights, o.Options)
	if err != nil {
		return Verification{}, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	if err := tensorflow.WithoutWinograd(s.device); err != nil {
		return Verification{}, fmt.Errorf("session: verify: %w", err)
	}
	v := newVerifier(ctx, s, weights, batch, o)
	// What is recorded runs in a second session, which has the weights again.
	if err := tensorflow.CheckMemory(v.bytes() + openCopies*s.weightBytes); err != nil {
		return Verification{}, fmt.Errorf("session: verify: batch of %d pictures: %w", v.result.Pictures, err)
	}
	if err := v.layers(); err != nil {
		return Verification{}, err
	}
	if err := v.chains(); err != nil {
		return Verification{}, err
	}
	return v.result, nil
}

func newVerifier(ctx context.Context, s *Session, weights graph.Weights, batch tensor.Tensor, o VerifyOptions) *verifier {
	v := &verifier{
		Session: s, ctx: ctx, weights: weights, batch: batch,
		arithmetic: tensorflow.Arithmetic(s.device), heads: map[int]head{}, progress: o.Progress,
		result: Verification{
			TensorFlow: Version(), Device: s.device, Precision: tensorflow.Precision(s.device), Status: proof.Pass,
		},
	}
	if on, known := tensorflow.OneDNNInUse(); known {
		v.result.OneDNN = &on
	}
	if len(batch.Shape) > 0 {
		v.result.Pictures = batch.Shape[0]
	}
	return v
}

// verifier is a Verify under way.
type verifier struct {
	*Session
	ctx        context.Context
	weights    graph.Weights
	batch      tensor.Tensor
	arithmetic ref.Arithmetic
	progress   func(done, total int)

	outputs []tensor.Tensor // by step, where they were fetched
	heads   map[int]head    // by step
	kept    int             // numbers in heads
	held    int             // steps
	result  Verification
}

// bytes is the most memory that Verify takes for its batch: the outputs of all
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
	return garbage * (output*all + reference*(min(kept, keptElements)+2*largest))
}

// fetch runs the network for the outputs of steps.
func (v *verifier) fetch(steps []int) ([]LayerRun, error) {
	start := time.Now()
	outputs, nodes, err := v.run(v.ctx, v.batch, steps, true)
	if err != nil {
		return nil, err
	}
	v.result.Run += time.Since(start).Seconds()
	v.outputs = make([]tensor.Tensor, len(v.lowered.Program.Steps))
	for i, step := range steps {
		v.outputs[step] = outputs[i]
	}
	return v.layerRuns(nodes), nil
}

// layers holds every layer. Of a layer of several steps, the activation at its
// end is taken together with the step before.
func (v *verifier) layers() error {
	program := v.lowered.Program
	var steps []int
	for i := range program.Steps {
		if last := i+1 == len(program.Steps); last || v.layerOf(i) != v.layerOf(i+1) || !ref.Follows(program.Steps[i+1].Op) {
			steps = append(steps, i)
		}
	}
	runs, err := v.fetch(steps)
	if err != nil {
		return err
	}
	defer v.count(time.Now())
	first := 0
	for _, step := range steps {
		var some []int
		for i := first; i <= step; i++ {
			some = append(some, i)
		}
		verdict, err := v.hold(some)
		if err != nil {
			return err
		}
		first = step + 1
		at := v.layerOf(step)
		if at < len(v.result.Layers) {
			v.result.Layers[at].add(verdict)
			continue
		}
		layer := v.lowered.Layers[at]
		v.result.Layers = append(v.result.Layers, LayerVerdict{
			Layer: layer.Name, Kind: layer.Kind, From: layer.From, Devices: runs[at].Devices, Verdict: verdict,
		})
	}
	for i := range v.result.Layers {
		v.finish(i)
	}
	return nil
}

// finish completes a layer's part when its numbers are held.
func (v *verifier) finish(i int) {
	layer, lowered := &v.result.Layers[i], v.lowered.Layers[i]
	output := v.outputs[lowered.Last]
	layer.Output = output.Shape
	for _, x := range output.Data {
		switch {
		case x != x:
			layer.NaN++
		case x-x != 0:
			layer.Infinite++
		}
	}
	if layer.Verdict.Unspecified > 0 {
		for step := lowered.First; step <= lowered.Last && layer.Note == ""; step++ {
			layer.Note = ref.Documented(v.lowered.Program.Steps[step].Op)
		}
	}
	v.judge(layer.Layer, layer.Verdict)
}

// judge enters a verdict into the result's.
func (v *verifier) judge(name string, verdict Verdict) {
	v.result.Status = v.result.Status.Worse(verdict.Status)
	if verdict.Status == proof.Fail && v.result.Diverges == "" {
		v.result.Diverges = name
	}
}

// add joins the verdict of another step of the same layer.
func (l *LayerVerdict) add(next Verdict) { l.Verdict = l.Verdict.Merge(next, 0) }

func (v *verifier) count(start time.Time) { v.result.Reference += time.Since(start).Seconds() }

// layerOf is the layer that a step belongs to.
func (v *verifier) layerOf(step int) int {
	i, _ := slices.BinarySearchFunc(v.lowered.Layers, step, func(layer graph.LoweredLayer, step int) int { return layer.Last - step })
	return i
}

// hold compares the output of the last of some steps, each of which reads the
// one before, with the reference of them all.
func (v *verifier) hold(steps []int) (Verdict, error) {
	program := v.lowered.Program
	want, err := v.begin(steps[0])
	for i, step := range steps[1:] {
		if err != nil {
			break
		}
		want, err = ref.Extend(v.ctx, want, program.Steps[step].Op, v.operands(step, steps[i])...)
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("session: verify: %s %s: %w", program.Steps[steps[0]].Op.Kind(), quote.Name(program.Steps[steps[0]].Name), err)
	}
	v.advance(len(steps))
	return proof.Compare(want, v.outputs[steps[len(steps)-1]]), nil
}

// advance reports steps that were held, of two runs.
func (v *verifier) advance(n int) {
	v.held += n
	if v.progress != nil {
		v.progress(v.held, 2*len(v.lowered.Program.Steps))
	}
}

// operands are what a step read, and its weights; without what it read from
// the step left out.
func (v *verifier) operands(step, without int) []tensor.Tensor {
	var list []tensor.Tensor
	for _, from := range v.lowered.Program.Steps[step].Inputs {
		switch from {
		case without:
		case ir.Input:
			list = append(list, v.batch)
		default:
			list = append(list, v.outputs[from])
		}
	}
	for _, w := range v.lowered.Program.Steps[step].Weights {
		list = append(list, v.weights[w.Name])
	}
	return list
}
