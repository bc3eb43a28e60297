package verify

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/session"
)

// Run is a call of Session.Run or RunOutputs whose numbers were compared (docs/claims.md,
// claim 28: Numbers that Run returns).
type Run struct {
	Call    string   `json:"call"`    // "Run", "RunOutputs" or "Run, shared batch"
	Outputs []string `json:"outputs"` // the layers that the call returned
	// Session is the TensorFlow session that served the call: its executor and threads.
	Session string `json:"session"`
	Images  int    `json:"pictures"`
	// EqualBits reports whether every number equals, bit for bit, a number of the same
	// image that was compared before, as one of Layers, Chains or an earlier run.
	EqualBits bool    `json:"equal_bits"`
	Verdict   Verdict `json:"verdict"`
}

// call is a call to make.
type call struct {
	images  int
	method  string
	outputs []string // the names for RunOutputs; none: those of the network's outputs
}

// The methods.
const (
	runCall        = "Run"
	runOutputsCall = "RunOutputs"
)

// calls lists the calls whose numbers are compared, those of the caller's batch first.
func (v *verifier) calls() []call {
	var list []call
	for _, images := range v.batchSizes() {
		list = append(list, call{images: images, method: runCall}, call{images: images, method: runOutputsCall})
		for _, names := range v.options.Outputs {
			list = append(list, call{images, runOutputsCall, names})
		}
	}
	return list
}

// batchSizes lists the caller's batch size and, where another TensorFlow session serves
// small batches, a size that the other one of the two serves.
func (v *verifier) batchSizes() []int {
	n, small := v.result.Images, v.session.SmallBatch()
	switch {
	case n == 0 || small == 0:
		return []int{n}
	case n > small:
		return []int{n, small}
	}
	return []int{n, small + 1}
}

// largestBatch returns the most images of a batch that runs.
func (v *verifier) largestBatch() int {
	return max(slices.Max(v.batchSizes()), v.options.Batching.Size)
}

// batchOf returns the first images of the caller's batch, or all of them again and again.
func (v *verifier) batchOf(images int) tensor.Tensor {
	if images == v.result.Images {
		return v.batch
	}
	batch := tensor.Tensor{Shape: slices.Clone(v.batch.Shape)}
	batch.Shape[0] = images
	for i := range images {
		batch.Data = append(batch.Data, row(v.batch, i%v.result.Images)...)
	}
	return batch
}

// row returns the numbers of an image.
func row(x tensor.Tensor, image int) []float32 {
	each := len(x.Data) / x.Shape[0]
	return x.Data[image*each:][:each]
}

// runs compares what Run and RunOutputs return.
func (v *verifier) runs() error {
	for _, c := range v.calls() {
		err := v.run(c)
		if err != nil && !(c.images > v.result.Images && errors.Is(err, session.ErrLimit)) {
			return err
		}
		v.called++
		v.progress()
	}
	return v.shared()
}

// run makes a call and compares what it returns.
func (v *verifier) run(c call) error {
	batch, start := v.batchOf(c.images), time.Now()
	var outputs []tensor.Tensor
	var err error
	if c.method == runCall {
		outputs = make([]tensor.Tensor, 1)
		outputs[0], err = v.opened.Run(v.ctx, batch)
	} else {
		outputs, err = v.opened.RunOutputs(v.ctx, batch, c.outputs...)
	}
	if err != nil {
		return err
	}
	v.result.Run += time.Since(start).Seconds()
	names := c.outputs
	if len(names) == 0 {
		names = v.names(v.lowered.Outputs[:len(outputs)])
	}
	return v.compareCall(c.method, names, batch, outputs)
}

// compareCall compares what a call returned.
func (v *verifier) compareCall(name string, names []string, batch tensor.Tensor, outputs []tensor.Tensor) error {
	if v.returned != nil {
		v.returned(name, outputs)
	}
	run := Run{Call: name, Outputs: names, Session: v.session.Serving(batch.Shape[0]), Images: batch.Shape[0], EqualBits: true}
	steps := make([]int, len(names))
	verdicts := make([]Verdict, len(names))
	for i, name := range names {
		layer, err := v.lowered.Layer(name)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		steps[i] = v.lowered.Layers[layer].Last
		equal := false
		verdicts[i], equal = v.find(steps[i], batch, outputs[i])
		run.EqualBits = run.EqualBits && equal
	}
	if !run.EqualBits {
		var err error
		if verdicts, err = v.again(steps, batch, outputs); err != nil {
			return err
		}
		for i, step := range steps {
			v.keep(step, batch, outputs[i], verdicts[i])
		}
	}
	run.Verdict = verdicts[0]
	for _, next := range verdicts[1:] {
		run.Verdict = run.Verdict.Merge(next, 0)
	}
	v.result.Runs = append(v.result.Runs, run)
	v.judge(names[len(names)-1], run.Verdict)
	return nil
}

// output is an output of a step that was compared, for a batch.
type output struct {
	step          int
	batch, result tensor.Tensor
	verdict       Verdict
}

func (v *verifier) keep(step int, batch, result tensor.Tensor, of Verdict) {
	v.compared = append(v.compared, output{step, batch, result, of})
}

// find returns the verdict of an output of a step where all its numbers equal, bit for
// bit, numbers of the same images that were compared, in one output or in several.
func (v *verifier) find(step int, batch, result tensor.Tensor) (Verdict, bool) {
	images := batch.Shape[0]
	if images == 0 {
		return Verdict{Status: Pass}, true
	}
	var of []output
	for _, h := range v.compared {
		if h.step == step {
			of = append(of, h)
		}
	}
	found := make([]bool, len(of))
	for image := range images {
		has := func(h output) bool { return h.has(image, row(batch, image), row(result, image)) }
		at := slices.IndexFunc(of, has)
		if at < 0 {
			return Verdict{}, false
		}
		found[at] = true
	}
	for _, h := range of {
		if h.batch.Shape[0] == images && h.hasAll(batch, result) {
			return h.verdict, true
		}
	}
	// Of other images the figures that belong to one number are not known.
	verdict := Verdict{Status: Pass, Elements: len(result.Data)}
	for at, h := range of {
		if !found[at] {
			continue
		}
		verdict.Status = verdict.Status.Worse(h.verdict.Status)
		verdict.Level = max(verdict.Level, h.verdict.Level)
		if h.verdict.Share >= verdict.Share {
			verdict.Share, verdict.MaxError, verdict.Bound, verdict.ULP = h.verdict.Share, h.verdict.MaxError, h.verdict.Bound, h.verdict.ULP
			verdict.Got, verdict.Want, verdict.Note = h.verdict.Got, h.verdict.Want, h.verdict.Note
		}
	}
	if verdict.Status == Fail && verdict.Note == "" {
		verdict.Note = "its numbers equal those of an output that fails"
	}
	return verdict, true
}

// has reports whether an image's output was compared. Most likely the image had the same
// index.
func (h output) has(index int, image, result []float32) bool {
	is := func(i int) bool { return sameBits(row(h.batch, i), image) && sameBits(row(h.result, i), result) }
	if index < h.batch.Shape[0] && is(index) {
		return true
	}
	for i := range h.batch.Shape[0] {
		if is(i) {
			return true
		}
	}
	return false
}

// hasAll is has for all images of a batch.
func (h output) hasAll(batch, result tensor.Tensor) bool {
	for image := range batch.Shape[0] {
		if !h.has(image, row(batch, image), row(result, image)) {
			return false
		}
	}
	return true
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// again compares outputs of steps that equal no compared numbers. It runs the batch again
// for these steps and the ends of chains, which gives the numbers from which the reference
// of the outputs starts; with fewer ends, from the last to the first, until the outputs
// have the bits that are compared. Without ends the reference starts from the batch.
func (v *verifier) again(steps []int, batch tensor.Tensor, outputs []tensor.Tensor) ([]Verdict, error) {
	ends, _ := v.network.ChainSteps()
	ends = slices.DeleteFunc(ends, func(step int) bool { return slices.Contains(steps, step) })
	for keep := len(ends); keep > 0; keep /= 2 {
		fetched := slices.Compact(slices.Sorted(slices.Values(slices.Concat(ends[:keep], steps))))
		run, err := v.fetch(batch, fetched)
		if err != nil {
			return nil, err
		}
		same := true
		for i, step := range steps {
			same = same && sameBits(run.Outputs[slices.Index(fetched, step)].Data, outputs[i].Data)
		}
		if same {
			return v.verdicts(run, steps, len(ends)-keep)
		}
	}
	run := proof.Run{Input: batch}
	for i, step := range steps {
		if !slices.Contains(run.Steps, step) {
			run.Steps, run.Outputs = append(run.Steps, step), append(run.Outputs, outputs[i])
		}
	}
	return v.verdicts(run, steps, len(ends))
}

// verdicts compares a run and returns the verdicts of steps. left is the number of ends
// of chains that the run did not fetch.
func (v *verifier) verdicts(run proof.Run, steps []int, left int) ([]Verdict, error) {
	v.total += len(v.lowered.Program.Steps)
	parts, err := v.compare(run, nil)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(steps))
	for i, step := range steps {
		for _, part := range parts {
			if slices.Contains(part.Steps, step) {
				verdicts[i] = v.unbounded(part.Verdict, step, run.Input.Shape[0], left)
			}
		}
	}
	for _, part := range parts {
		if part.Verdict.Status.OK() || slices.ContainsFunc(part.Steps, func(step int) bool { return slices.Contains(steps, step) }) {
			continue
		}
		for i := range verdicts {
			verdicts[i].Status = verdicts[i].Status.Worse(part.Verdict.Status)
			verdicts[i].Note = fmt.Sprintf("layers [%s] before it: %v", strings.Join(v.names(part.Layers), " "), part.Verdict)
		}
	}
	return verdicts, nil
}

// unbounded returns the verdict of an output whose reference started farther off than the
// ends of chains: it holds no numbers of which nothing is asked for that reason alone.
func (v *verifier) unbounded(of Verdict, step, images, left int) Verdict {
	if left == 0 || of.Unspecified == 0 {
		return of
	}
	unspecified := 0 // because kernels differ
	for _, h := range v.compared {
		if h.step == step && h.batch.Shape[0] > 0 {
			unspecified = max(unspecified, (h.verdict.Unspecified*images+h.batch.Shape[0]-1)/h.batch.Shape[0])
		}
	}
	if more := of.Unspecified - unspecified; more > 0 {
		of.Unspecified, of.Unbounded = unspecified, of.Unbounded+more
		of.Status = of.Status.Worse(NotHeld)
		if of.Status == NotHeld {
			of.Note = fmt.Sprintf("of %d of %d numbers no bound is known: TensorFlow gives them only where %d outputs before them are not fetched", of.Unbounded, of.Elements, left)
		}
	}
	return of
}

// names returns the names of layers.
func (v *verifier) names(layers []int) []string {
	names := make([]string, len(layers))
	for i, layer := range layers {
		names[i] = v.lowered.Layers[layer].Name
	}
	return names
}
