package main

import (
	"context"
	"os"
	"sync"
	"time"

	"tfcnn/bench/worker"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/images"
	"tfcnn/session/process"
)

// use is a way to use the session package.
type use int

const (
	fresh    use = iota // Run: a new array from each call
	into                // RunInto: into the caller's array
	batching            // RunInto, single images joined
	trusting            // RunInto, with JPEG files that are not walked
)

// sessionRunner is a job in the session package, with its default options.
type sessionRunner struct {
	session *session.Session
	decoder *images.Decoder // of files
	files   []string
	room    sync.Pool // *[]float32, an image's
	layers  []string
	images  []tensor.Tensor
	into    [][]tensor.Tensor // of each input, for RunInto and RunOutputsInto
}

func openSession(j worker.Job, how use) (worker.Runner, error) {
	options := session.Options{Device: j.Device, Compute: graph.DType(j.Compute)}
	if j.Device != "" {
		if err := process.Configure(process.Options{NoTF32: !j.TF32, GPUMemoryGrowth: true}); err != nil {
			return nil, err
		}
	}
	if how == batching {
		options.Batching = session.Batching{Size: j.Inputs, Wait: batchingWait}
	}
	network, err := j.Network()
	if err != nil {
		return nil, err
	}
	weights, err := j.Weights()
	if err != nil {
		return nil, err
	}
	r := &sessionRunner{files: j.Files}
	if r.session, err = session.Open(network, weights, options); err != nil {
		return nil, err
	}
	if len(j.OutputLayers) > 1 {
		r.layers = j.OutputLayers
	}
	if len(j.Files) > 0 {
		r.decoder, err = images.Open(images.Options{Trusted: how == trusting})
	} else {
		r.images, err = j.Images()
	}
	if err != nil || how == fresh {
		return r, err
	}
	r.into = make([][]tensor.Tensor, max(j.Inputs, len(j.Files)))
	for i := range r.into {
		for _, step := range j.Outputs {
			output, err := tensor.New(append([]int{j.Batch}, j.Steps[step].Output...)...)
			if err != nil {
				return nil, err
			}
			r.into[i] = append(r.into[i], output)
		}
	}
	return r, nil
}

// batchingWait is how long an image waits for others to join it.
const batchingWait = 2 * time.Millisecond

func (r *sessionRunner) Run(i int) (any, error) {
	ctx := context.Background()
	if r.decoder == nil {
		return r.run(ctx, i, r.images[i])
	}
	file, err := os.ReadFile(r.files[i])
	if err != nil {
		return nil, err
	}
	room, _ := r.room.Get().(*[]float32)
	if room == nil {
		room = new([]float32)
	}
	defer r.room.Put(room)
	image, _, err := r.decoder.DecodeOne(file, *room)
	if err != nil {
		return nil, err
	}
	*room = image.Data
	return r.run(ctx, i, image)
}

func (r *sessionRunner) run(ctx context.Context, i int, image tensor.Tensor) (any, error) {
	switch {
	case r.into == nil && r.layers == nil:
		output, err := r.session.Run(ctx, image)
		return []tensor.Tensor{output}, err
	case r.into == nil:
		return r.session.RunOutputs(ctx, image, r.layers...)
	case r.layers == nil:
		return r.into[i], r.session.RunInto(ctx, r.into[i][0], image)
	}
	return r.into[i], r.session.RunOutputsInto(ctx, r.into[i], image, r.layers...)
}

func (r *sessionRunner) Numbers(result any) ([]tensor.Tensor, error) {
	return result.([]tensor.Tensor), nil
}

func (r *sessionRunner) Close() error {
	if r.decoder != nil {
		if err := r.decoder.Close(); err != nil {
			return err
		}
	}
	return r.session.Close()
}
