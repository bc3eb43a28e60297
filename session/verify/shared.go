package verify

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"tfcnn/graph/tensor"
)

const (
	sharedCall    = "Run, shared batch"
	sharedAnswers = "answers" // to the calls of a round
	sharedRounds  = 20        // of calls, until a batch was shared
	sharedCalls   = 256       // the most of a round
)

// shared sends single images from many goroutines until a batch was shared, and compares
// what each call returned.
func (v *verifier) shared() error {
	size := v.options.Batching.Size
	if size < 2 || v.result.Images == 0 {
		return nil
	}
	var mutex sync.Mutex
	var ran []output // the batches and results of TensorFlow's runs
	step := v.lowered.Layers[v.lowered.Outputs[0]].Last
	v.session.OnShared(func(batch, result tensor.Tensor) {
		mutex.Lock()
		defer mutex.Unlock()
		ran = append(ran, output{step: step, batch: batch.Clone(), result: result.Clone()})
	})
	defer v.session.OnShared(nil)
	name := v.lowered.Layers[v.lowered.Outputs[0]].Name
	for range sharedRounds {
		ran = nil
		images, answers, err := v.singles(min(2*size, sharedCalls))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(ran, func(h output) bool { return h.batch.Shape[0] > 1 }) {
			continue
		}
		if v.returned != nil {
			v.returned(sharedAnswers, answers)
		}
		return v.compareShared(name, ran, images, answers)
	}
	note := fmt.Sprintf("no batch was shared in %d rounds of %d calls", sharedRounds, min(2*size, sharedCalls))
	v.result.Runs = append(v.result.Runs, Run{Call: sharedCall, Outputs: []string{name}, Verdict: Verdict{Status: NotHeld, Note: note}})
	v.judge(name, Verdict{Status: NotHeld})
	return nil
}

// singles calls Run from so many goroutines, each with one image of the caller's batch.
func (v *verifier) singles(calls int) (images, answers []tensor.Tensor, err error) {
	images, answers = make([]tensor.Tensor, calls), make([]tensor.Tensor, calls)
	errs := make([]error, calls)
	var group sync.WaitGroup
	start := time.Now()
	for i := range calls {
		images[i] = tensor.Tensor{Shape: slices.Clone(v.batch.Shape), Data: row(v.batch, i%v.result.Images)}
		images[i].Shape[0] = 1
		group.Go(func() { answers[i], errs[i] = v.opened.Run(v.ctx, images[i]) })
	}
	group.Wait()
	v.result.Run += time.Since(start).Seconds()
	for _, err := range errs {
		if err != nil {
			return nil, nil, err
		}
	}
	return images, answers, nil
}

// compareShared compares the answers to calls with the results of TensorFlow's runs, and
// those with the reference. Each answer must be the result of its image in a run.
func (v *verifier) compareShared(name string, ran []output, images, answers []tensor.Tensor) error {
	lost := 0
	for i, image := range images {
		if !slices.ContainsFunc(ran, func(h output) bool { return h.has(0, image.Data, answers[i].Data) }) {
			lost++
		}
	}
	if lost > 0 {
		verdict := Verdict{
			Status: Fail, Elements: len(answers) * len(answers[0].Data), Outside: lost * len(answers[0].Data),
			Note: fmt.Sprintf("%d of %d calls returned numbers that no run of TensorFlow gave for their image", lost, len(answers)),
		}
		v.result.Runs = append(v.result.Runs, Run{Call: sharedCall, Outputs: []string{name}, Session: v.session.Serving(1), Images: len(images), Verdict: verdict})
		v.judge(name, verdict)
		return nil
	}
	for i, h := range ran {
		if slices.ContainsFunc(ran[:i], func(other output) bool {
			return sameBits(h.batch.Data, other.batch.Data) && sameBits(h.result.Data, other.result.Data)
		}) {
			continue
		}
		call := sharedCall
		if h.batch.Shape[0] == 1 {
			call = runCall
		}
		if err := v.compareCall(call, []string{name}, h.batch, []tensor.Tensor{h.result}); err != nil {
			return err
		}
	}
	return nil
}
