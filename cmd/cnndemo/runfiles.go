package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

const (
	npyEnding = ".npy"
	pngEnding = ".png"
)

// write stages the files of some images of one size: the numbers of each
// layer that is written, and a PNG for each image and map; and what the page
// shows of them. They are the last n of the group.
func (j *job) write(ctx context.Context, g *group, n int, batch tensor.Tensor, outputs []tensor.Tensor) error {
	start := time.Now()
	stems := g.stems[len(g.stems)-n:]
	views := g.views(n, batch, outputs)
	entries := make([]*report.Entry, n)
	for k, name := range g.report.Images[len(g.stems)-n:] {
		entries[k] = j.page.Begin(name, views[k])
	}
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk
	do := func(write func() error) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return outputError("run", write())
		})
	}
	for _, entry := range entries {
		do(func() error { return entry.Show(0, nil) })
	}
	for _, i := range g.written {
		layer := g.lowered.Layers[i].Name
		if !g.done {
			g.numbers[i] = j.numbers.number(layer, fmt.Sprintf("-%dx%d", g.height, g.width)) + npyEnding
		}
		numbers := g.numbers[i]
		if !g.done {
			g.report.Files = append(g.report.Files, report.File{Path: numbers})
		}
		do(func() error { return j.appendNumbers(numbers, len(g.report.Images), outputs[i]) })
		for k, stem := range stems {
			for view, v := range views[k] {
				if v.Layer != layer {
					continue
				}
				rest, text := "-"+layer, report.Text{"Software": "cnndemo", "Layer": layer, "Title": stem}
				if v.Channel >= 0 {
					rest += "-" + v.Map
					text["Map"] = v.Map
				}
				name := j.pngs.number(stem, rest) + pngEnding
				g.report.Files = append(g.report.Files, report.File{Path: name})
				do(func() error { return j.writePNG(name, entries[k], view, v, text) })
			}
		}
	}
	err := group.Wait()
	j.report.Seconds.Write += time.Since(start).Seconds()
	return err
}

// writePNG stages a view as an image and shows it in a page's entry.
func (j *job) writePNG(name string, entry *report.Entry, view int, v report.View, text report.Text) error {
	var file bytes.Buffer
	if err := v.WritePNG(&file, text); err != nil {
		return err
	}
	err := j.folder.Write(name, func(w io.Writer) error {
		_, err := w.Write(file.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	return entry.Show(view, file.Bytes())
}

// views lists the views of n images on the page: of each the input, then each layer's
// maps.
func (s *networkAtSize) views(n int, batch tensor.Tensor, outputs []tensor.Tensor) [][]report.View {
	all := make([][]report.View, n)
	for k := range all {
		add := func(layer string, x tensor.Tensor, m layerMaps) {
			size := len(x.Data) / n
			for channel, label := range m.labels {
				if m.colours {
					channel = -1
				}
				all[k] = append(all[k], report.View{
					Layer: layer, Map: label, Height: x.Shape[1], Width: x.Shape[2], Channels: x.Shape[3],
					Channel: channel, Data: x.Data[k*size : (k+1)*size],
				})
			}
		}
		add(graph.InputName, batch, layerMaps{labels: []string{""}, colours: s.network.Input.Channels == 3})
		for _, i := range s.written {
			add(s.lowered.Layers[i].Name, outputs[i], s.maps[i])
		}
	}
	return all
}

// shortenNames calls the numbers conv2d.npy and max_pool.npy where there is
// one size only, which is not known before all images are done.
func (j *job) shortenNames() error {
	if len(j.report.Sizes) != 1 {
		return nil
	}
	g := j.groups[slices.IndexFunc(j.groups, func(g *group) bool { return g.done })]
	// A layer may be called what another layer's file is called now, as a-9x9
	// beside a: the shorter name goes first.
	layers := slices.SortedFunc(maps.Keys(g.numbers), func(a, b int) int {
		return cmp.Or(len(g.lowered.Layers[a].Name)-len(g.lowered.Layers[b].Name), a-b)
	})
	short := newUniqueNames(j.numbers.limit)
	for _, i := range layers {
		name := short.number(g.lowered.Layers[i].Name, "") + npyEnding
		if err := j.folder.Rename(g.numbers[i], name); err != nil {
			return err
		}
		files := j.report.Sizes[0].Files
		at := slices.IndexFunc(files, func(f report.File) bool { return f.Path == g.numbers[i] })
		files[at].Path, g.numbers[i] = name, name
	}
	return nil
}

// appendNumbers puts a batch at the end of a staged .npy file; its header
// tells the number of images so far.
func (j *job) appendNumbers(name string, total int, x tensor.Tensor) error {
	header, err := tensor.NPYHeader(append([]int{total}, x.Shape[1:]...))
	if err != nil {
		return err
	}
	return j.folder.Update(name, func(file *os.File, end io.Writer) error {
		if _, err := file.WriteAt(header, 0); err != nil {
			return err
		}
		return x.WriteNumbers(end)
	})
}
