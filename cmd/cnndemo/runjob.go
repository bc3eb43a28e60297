package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/process"
	"tfcnn/session/profile"
)

// job is a run under way.
type job struct {
	runFlags
	runNetwork
	sizes       map[[2]int]*networkAtSize
	set         *output.Set
	folder      *output.Folder
	names       *uniqueNames // of images
	numbers     *uniqueNames // of .npy files without their ending
	pngs        *uniqueNames // of PNGs without their ending, which image and map names together could make twice
	report      report.Run
	page        *report.Page
	groups      []*group // by size, in the order in which sizes came
	pending     int64    // bytes of images in groups
	outOfMemory int      // images that there was no memory for
}

// group is the images of one size. The pending ones wait for their turn.
type group struct {
	*networkAtSize // nil before the first run
	height, width  int
	pending        []namedImage
	report         report.Size
	done           bool // some have been run
	stems          []string
	numbers        map[int]string // .npy files by layer
}

func newJob(f runFlags) (*job, error) {
	j := &job{runFlags: f, sizes: map[[2]int]*networkAtSize{}, names: newUniqueNames(0)}
	var note string
	var err error
	if j.runNetwork, note, err = f.newRunNetwork(); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if in := j.network.Input; !j.network.FreeSize() {
		if _, err := j.at(in.Height, in.Width); err != nil {
			return nil, &exitError{exitUsage, err}
		}
	}
	if note != "" {
		j.report.Notes = append(j.report.Notes, note)
	}
	if j.name != "" {
		j.report.Network, j.report.Weights = quote.Plain(j.name), quote.Plain(j.origin)
	}
	return j, nil
}

// at returns the network for images of a size, which is lowered once.
func (j *job) at(height, width int) (*networkAtSize, error) {
	key := [2]int{height, width}
	if j.sizes[key] == nil {
		s, err := j.runNetwork.at(height, width, !j.noVerify)
		if err != nil {
			return nil, err
		}
		j.sizes[key] = s
	}
	return j.sizes[key], nil
}

// runSources decodes the sources and runs the network over them, a bounded
// number at a time.
func (j *job) runSources(ctx context.Context, sources []source) error {
	options, err := imageOptions(j.network.Input)
	if err != nil {
		return exitErrorf(exitUsage, "run: %w", err)
	}
	if j.resize != (commandline.Size{}) {
		options.Size, options.Method = graph.Size(j.resize), j.resizeMethod
	}
	background := [3]uint8(j.background)
	options.MaxPixels, options.IgnoreOrientation, options.Trusted, options.Background = j.maxPixels, j.ignoreOrientation, j.trusted, &background
	q := &queue{sources: sources, options: options, after: j.imageMemory, release: func() error { return j.runAll(ctx) }}
	parts, err := j.folder.Scratch("page")
	if err != nil {
		return outputError("run", err)
	}
	j.page = report.NewPage(parts, len(sources))
	bar := newProgress(j.stderr, "images")
	defer bar.finish()
	start := time.Now()
	finished := 0
	running := time.Duration(0)
	err = decodeImages(ctx, q, func(p decoded) error {
		finished++
		bar.show(finished, len(sources))
		for _, note := range p.notes {
			j.report.Notes = append(j.report.Notes, quote.Plain(p.name)+": "+note)
		}
		if p.refused != nil {
			j.refuse(p.name, p.refused)
			return nil
		}
		j.add(p.namedImage)
		before := time.Now()
		defer func() { running += time.Since(before) }()
		for j.pending > memoryLimit(pendingBytes, pendingShare) {
			if err := j.runLargest(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	j.report.Seconds.Decode = (time.Since(start) - running).Seconds()
	if err != nil {
		return err
	}
	if err := j.runAll(ctx); err != nil {
		return err
	}
	for _, g := range j.groups {
		if g.done {
			j.report.Sizes = append(j.report.Sizes, g.report)
		}
	}
	return nil
}

// imageMemory is the most that an image of a size takes once it is decoded.
func (j *job) imageMemory(height, width int) int64 {
	s, err := j.at(height, width)
	if err != nil {
		return 0 // it is refused when it is run
	}
	return s.runBytes(!j.noVerify) + imageBytes
}

func (j *job) refuse(name string, why error) {
	if errors.Is(why, session.ErrMemory) {
		j.outOfMemory++
	}
	j.report.Refused = append(j.report.Refused, report.Refused{Image: name, Reason: reason(why)})
}

// runAll runs all that is pending.
func (j *job) runAll(ctx context.Context) error {
	for _, g := range j.groups {
		if err := j.runGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// add puts an image with those of its size.
func (j *job) add(p namedImage) {
	height, width := p.Shape[1], p.Shape[2]
	i := slices.IndexFunc(j.groups, func(g *group) bool { return g.height == height && g.width == width })
	if i < 0 {
		i = len(j.groups)
		j.groups = append(j.groups, &group{height: height, width: width, numbers: map[int]string{}, report: report.Size{Height: height, Width: width}})
	}
	j.groups[i].pending = append(j.groups[i].pending, p)
	j.pending += inputBytes * int64(len(p.Data))
}

// runLargest runs the group with the most bytes pending.
func (j *job) runLargest(ctx context.Context) error {
	return j.runGroup(ctx, slices.MaxFunc(j.groups, func(a, b *group) int {
		return len(a.pending)*a.height*a.width - len(b.pending)*b.height*b.width
	}))
}

// runGroup runs the network over a group's pending images.
func (j *job) runGroup(ctx context.Context, g *group) error {
	if len(g.pending) == 0 {
		return nil
	}
	images := g.pending
	g.pending = nil
	for _, p := range images {
		j.pending -= inputBytes * int64(len(p.Data))
	}
	var each int64
	var err error
	if g.networkAtSize, err = j.at(g.height, g.width); err == nil {
		each = g.runBytes(!j.noVerify)
		err = tensorflow.CheckMemory(each + g.weightBytes())
	}
	var usage *exitError
	if errors.As(err, &usage) {
		return err
	}
	if err != nil {
		// The network, or the memory, does not fit images of this size; others
		// may do.
		for _, p := range images {
			j.refuse(p.name, fmt.Errorf("%d×%d pixels: %w", g.width, g.height, err))
		}
		return nil
	}
	start := time.Now()
	if g.weights == nil {
		g.weights = g.network.InitialWeights(j.seed)
	}
	s, err := session.Open(g.network, g.weights, session.Options{Device: j.device})
	if err != nil {
		return exitErrorf(exitCheck, "run: %w", err)
	}
	defer func() {
		// Close waits for TensorFlow, which cannot be interrupted; a process
		// that is about to end need not.
		if ctx.Err() == nil {
			s.Close()
		}
	}()
	j.report.Device = s.Device()
	j.report.Seconds.Open += time.Since(start).Seconds()
	for some := range slices.Chunk(images, imagesPerRun(each)) {
		if err := j.runBatch(ctx, g, s, some); err != nil {
			return err
		}
	}
	return nil
}

// runBatch runs the network over some images of one size, checks what comes
// out and stages its files.
func (j *job) runBatch(ctx context.Context, g *group, s *session.Session, images []namedImage) error {
	batch := tensor.Tensor{Shape: []int{len(images), g.height, g.width, g.network.Input.Channels}, Data: images[0].Data}
	if len(images) > 1 {
		batch.Data = make([]float32, 0, len(images)*len(images[0].Data))
		for i, p := range images {
			batch.Data = append(batch.Data, p.Data...)
			images[i].Data = nil // the batch has them
		}
	}
	start := time.Now()
	fetched, layers, err := profile.Trace(ctx, s, batch, g.layerNames(g.fetched)...)
	if err != nil {
		return exitErrorf(exitCheck, "run: images of %d×%d: %w", g.width, g.height, err)
	}
	outputs := make([]tensor.Tensor, len(layers))
	for i, layer := range g.fetched {
		outputs[layer] = fetched[i]
	}
	j.report.Seconds.Run += time.Since(start).Seconds()
	for _, p := range images {
		g.report.Images = append(g.report.Images, p.name)
		g.stems = append(g.stems, j.names.unique(p.name))
	}
	g.describe(layers)

	var group errgroup.Group
	group.Go(func() error { return j.check(ctx, g, batch, outputs) })
	group.Go(func() error { return j.write(ctx, g, len(images), batch, outputs) })
	err = group.Wait()
	g.done = true
	return err
}

// finish writes the report and gives every file its name.
func (j *job) finish() error {
	start := time.Now()
	j.report.TensorFlow, j.report.Precision = process.Version(), tensorflow.Precision(j.report.Device)
	if on, known := tensorflow.OneDNNInUse(); known {
		j.report.OneDNN = &on
	}
	if note := missingGPUNote(j.device, j.report.Device); note != "" {
		j.report.Notes = append(j.report.Notes, note)
	}
	if err := j.shortenNames(); err != nil {
		return err
	}
	status := proof.Pass
	for i := range j.report.Sizes {
		size := &j.report.Sizes[i]
		for _, op := range size.Ops {
			if op.Verdict != nil {
				status = status.Worse(op.Verdict.Status)
			}
		}
		for k := range size.Files {
			sum, err := j.folder.SHA256(size.Files[k].Path)
			if err != nil {
				return err
			}
			size.Files[k].SHA256 = sum
		}
	}
	j.report.Status = string(status)
	if j.noVerify {
		j.report.Status = "not verified"
	}
	if s, err := j.at(j.report.Sizes[0].Height, j.report.Sizes[0].Width); err == nil {
		// It may have more layers than are drawn.
		if d, err := drawing(cmp.Or(j.name, "What ran"), s.network); err == nil {
			j.report.Drawing = &d
		}
	}
	j.report.Complete = status.OK() && len(j.report.Refused) == 0
	if err := j.folder.Write("report.html", func(w io.Writer) error { return j.page.Write(w, j.report) }); err != nil {
		return err
	}
	err := j.folder.Write("report.json", func(w io.Writer) error { return writeJSON(w, j.report) })
	if err != nil {
		return err
	}
	j.report.Seconds.Write += time.Since(start).Seconds()
	return j.set.Commit()
}
