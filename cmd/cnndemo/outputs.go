package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

const pngEnding = ".png"

// write stages the files of some pictures of one size: the numbers, a PNG for
// each picture and map, and the pooled pictures; and what the page shows of
// them. They are the last n of the group.
func (j *job) write(ctx context.Context, g *group, n int, batch tensor.Tensor, outputs []tensor.Tensor) error {
	start := time.Now()
	stems := g.stems[len(g.stems)-n:]
	entries := j.begin(g.report.Pictures[len(g.stems)-n:], batch, outputs)
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk
	do := func(write func() error) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return unwritten("run", write())
		})
	}
	// add stages a picture and shows it as a view of a page's entry.
	add := func(name string, entry *report.Entry, view int, encode func(w io.Writer) error) {
		do(func() error {
			var file bytes.Buffer
			if err := encode(&file); err != nil {
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
		})
		g.report.Files = append(g.report.Files, report.File{Path: name})
	}
	for _, entry := range entries {
		do(func() error { return entry.Show(0, nil) })
	}
	for i, layer := range []string{"conv2d", j.poolName()} {
		x := outputs[i]
		numbers := j.numbersName(layer, g)
		if !g.done {
			g.report.Files = append(g.report.Files, report.File{Path: numbers})
		}
		group.Go(func() error {
			return unwritten("run", j.appendNumbers(numbers, len(g.report.Pictures), x))
		})
		for k, stem := range stems {
			at := func(row, column, channel int) float32 {
				return x.Data[((k*x.Shape[1]+row)*x.Shape[2]+column)*x.Shape[3]+channel]
			}
			view := 1
			if i == 1 {
				view += len(j.filter.maps)
			}
			text := report.Text{"Software": "cnndemo", "Layer": layer, "Title": stem}
			if i == 1 && !j.chain {
				name := j.pngs.number(stem, "-"+layer) + pngEnding
				add(name, entries[k], view, func(w io.Writer) error {
					return report.WriteColour(w, x.Shape[1], x.Shape[2], at, text)
				})
				continue
			}
			for channel, label := range j.filter.maps {
				name := j.pngs.number(stem, "-"+layer+"-"+label) + pngEnding
				m := report.Map{Height: x.Shape[1], Width: x.Shape[2], At: func(row, column int) float32 { return at(row, column, channel) }}
				described := report.Text{"Map": label}
				for keyword, value := range text {
					described[keyword] = value
				}
				add(name, entries[k], view+channel, func(w io.Writer) error { return report.WriteMap(w, m, described) })
			}
		}
	}
	err := group.Wait()
	j.report.Seconds.Write += time.Since(start).Seconds()
	return err
}

// begin enters pictures into the page: the input, then each layer's maps.
func (j *job) begin(names []string, batch tensor.Tensor, outputs []tensor.Tensor) []*report.Entry {
	entries := make([]*report.Entry, len(names))
	for k, name := range names {
		view := func(layer string, x tensor.Tensor) report.View {
			n := len(x.Data) / len(names)
			return report.View{
				Layer: layer, Height: x.Shape[1], Width: x.Shape[2], Channels: x.Shape[3], Channel: -1, Data: x.Data[k*n : (k+1)*n],
			}
		}
		views := []report.View{view(graph.InputName, batch)}
		for i, layer := range []string{"conv2d", j.poolName()} {
			v := view(layer, outputs[i])
			if i == 1 && !j.chain {
				views = append(views, v)
				continue
			}
			for v.Channel, v.Map = range j.filter.maps {
				views = append(views, v)
			}
		}
		entries[k] = j.page.Begin(name, views)
	}
	return entries
}

// numbersName is the staged name of a size's numbers.
func (j *job) numbersName(layer string, g *group) string {
	return fmt.Sprintf("%s-%dx%d.npy", layer, g.height, g.width)
}

// shortenNames calls the numbers conv2d.npy and max_pool.npy where there is
// one size only, which is not known before all pictures are done.
func (j *job) shortenNames() error {
	if len(j.report.Sizes) != 1 {
		return nil
	}
	g := &group{height: j.report.Sizes[0].Height, width: j.report.Sizes[0].Width}
	for _, layer := range []string{"conv2d", j.poolName()} {
		long, short := j.numbersName(layer, g), layer+".npy"
		if err := j.folder.Rename(long, short); err != nil {
			return err
		}
		for i, f := range j.report.Sizes[0].Files {
			if f.Path == long {
				j.report.Sizes[0].Files[i].Path = short
			}
		}
	}
	return nil
}
