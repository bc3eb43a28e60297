package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
)

func (j *job) poolName() string { return j.pool + "_pool" }

// network is the two operations on pictures of one size.
func (j *job) network(height, width int) graph.Network {
	reads := graph.InputName
	if j.chain {
		reads = "conv2d"
	}
	size, strides, padding := graph.Size(j.poolSize), graph.Size(j.poolStride), graph.Padding(j.poolPadding)
	var pool graph.Layer = graph.MaxPool{Name: j.poolName(), From: reads, Size: size, Strides: strides, Padding: padding}
	if j.pool == "avg" {
		pool = graph.AvgPool{Name: j.poolName(), From: reads, Size: size, Strides: strides, Padding: padding}
	}
	return graph.Network{
		Input: graph.Input{Height: height, Width: width, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{
				Name: "conv2d", Filters: len(j.filter.maps), Size: graph.Size{Height: j.filter.Shape[0], Width: j.filter.Shape[1]},
				Strides: graph.Size(j.stride), Dilations: graph.Size(j.dilation), Padding: graph.Padding(j.padding), NoBias: true,
			},
			pool,
		},
		Outputs: []string{"conv2d", j.poolName()},
	}
}

// describe enters shapes, padding and where the layers ran into the report.
func (j *job) describe(g *group, plan graph.Plan, layers []session.LayerRun) {
	n := len(g.report.Pictures)
	first := g.report.Ops == nil
	for i, layer := range plan.Layers {
		if first {
			g.report.Ops = append(g.report.Ops, report.Op{
				Layer: layer.Name, Kind: layer.Kind, Reads: strings.Join(layer.From, ", "), Input: append([]int{0}, layer.Input...), Output: append([]int{0}, layer.Output...),
				Padding:    graph.Padding([]paddingFlag{j.padding, j.poolPadding}[i]).String(),
				Padded:     [4]int{layer.Padding.Top, layer.Padding.Bottom, layer.Padding.Left, layer.Padding.Right},
				Unread:     [2]int{layer.Unread.Rows, layer.Unread.Columns},
				Parameters: layer.Parameters, Multiplications: layer.Multiplications,
			})
			g.report.Ops[i].Size, g.report.Ops[i].Strides, g.report.Ops[i].Dilations = j.window(i)
			if i == 0 || j.chain {
				g.report.Ops[i].Maps = j.filter.maps
			}
		}
		op := &g.report.Ops[i]
		op.Input[0], op.Output[0] = n, n
		op.Seconds += layers[i].Time.Seconds()
		op.Device = strings.Join(layers[i].Devices, ", ")
		op.Bytes = 4
		for _, size := range op.Output {
			op.Bytes *= int64(size)
		}
	}
}

// window is the window of one of the two layers: size, strides, dilations.
func (j *job) window(layer int) (size, strides, dilations [2]int) {
	pair := func(s sizeFlag) [2]int { return [2]int{s.Height, s.Width} }
	if layer == 0 {
		return [2]int(j.filter.Shape[:2]), pair(j.stride), pair(j.dilation)
	}
	return pair(j.poolSize), pair(cmp.Or(j.poolStride, j.poolSize)), [2]int{1, 1}
}

// check holds both operations to the reference, each on what it really read.
func (j *job) check(ctx context.Context, g *group, net graph.Network, batch tensor.Tensor, outputs []tensor.Tensor) error {
	if j.noVerify {
		return nil
	}
	start := time.Now()
	lowered, err := graph.Lower(net)
	if err != nil {
		return exit(exitCheck, "run: %w", err)
	}
	for i, step := range lowered.Program.Steps {
		operands := []tensor.Tensor{batch}
		if step.Inputs[0] != ir.Input {
			operands[0] = outputs[step.Inputs[0]]
		}
		if len(step.Weights) > 0 {
			operands = append(operands, j.filter.Tensor)
		}
		want, err := ref.ApplyIn(ctx, tensorflow.Arithmetic(j.report.Device), step.Op, operands...)
		if err != nil {
			return exit(exitCheck, "run: check %s: %w", step.Name, err)
		}
		v := proof.Compare(want, outputs[i])
		if old := g.report.Ops[i].Verdict; old != nil {
			v = old.Merge(v, len(g.report.Pictures)-batch.Shape[0])
		}
		g.report.Ops[i].Verdict = &v
	}
	j.report.Seconds.Check += time.Since(start).Seconds()
	return nil
}
