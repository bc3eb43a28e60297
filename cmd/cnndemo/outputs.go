package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"tfcnn/graph/tensor"
	"tfcnn/internal/report"
)

// write stages the files of some pictures of one size: the numbers, a PNG for
// each picture and map, and the pooled pictures.
func (j *job) write(ctx context.Context, g *group, stems []string, outputs []tensor.Tensor) error {
	start := time.Now()
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk
	add := func(name string, write func() error) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := write(); err != nil {
				return exit(exitEnvironment, "run: %w", err)
			}
			return nil
		})
		g.report.Files = append(g.report.Files, report.File{Path: name})
	}
	for i, layer := range []string{"conv2d", j.poolName()} {
		x := outputs[i]
		numbers := j.numbersName(layer, g)
		if !g.done {
			j.staging.note(numbers)
			g.report.Files = append(g.report.Files, report.File{Path: numbers})
		}
		group.Go(func() error {
			if err := j.appendNumbers(numbers, len(g.report.Pictures), x); err != nil {
				return exit(exitEnvironment, "run: write %s: %w", numbers, err)
			}
			return nil
		})
		for k, stem := range stems {
			at := func(row, column, channel int) float32 {
				return x.Data[((k*x.Shape[1]+row)*x.Shape[2]+column)*x.Shape[3]+channel]
			}
			text := report.Text{"Software": "cnndemo", "Layer": layer, "Title": stem}
			if i == 1 && !j.chain {
				name := j.pngs.number(stem+"-"+layer) + ".png"
				add(name, func() error {
					return j.staging.write(name, func(w io.Writer) error {
						return report.WriteColour(w, x.Shape[1], x.Shape[2], at, text)
					})
				})
				continue
			}
			for channel, label := range j.filter.maps {
				name := j.pngs.number(stem+"-"+layer+"-"+label) + ".png"
				m := report.Map{Height: x.Shape[1], Width: x.Shape[2], At: func(row, column int) float32 { return at(row, column, channel) }}
				described := report.Text{"Map": label}
				for keyword, value := range text {
					described[keyword] = value
				}
				add(name, func() error {
					return j.staging.write(name, func(w io.Writer) error { return report.WriteMap(w, m, described) })
				})
			}
		}
	}
	err := group.Wait()
	j.report.Seconds.Write += time.Since(start).Seconds()
	return err
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
		if err := j.staging.rename(long, short); err != nil {
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
