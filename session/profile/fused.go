package profile

import (
	"slices"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/trace"
)

// none is the host of a layer without kernels.
const none = -1

// findNamedAfter returns for each layer the layer that names its kernels. TensorFlow's
// optimizer names a fused kernel after the last of its nodes: a layer without a kernel
// of its own is computed by a later kernel that has the layer's inputs, in the graph
// that ran. A layer that returns its input as it is has no kernel.
func (p profiler) findNamedAfter(ran trace.Record) []int {
	own := make([]bool, len(p.Layers))
	for i, layer := range p.Layers {
		own[i] = slices.ContainsFunc(ran.Nodes, func(n trace.Node) bool { return n.Layer == layer.Name && n.Arithmetic() })
	}
	namedAfter := make([]int, len(p.Layers))
	for i := range p.Layers {
		namedAfter[i] = none
		switch {
		case own[i]:
			namedAfter[i] = i
		case !p.handsOn(i):
			reads, input := p.operands(i, own)
			for _, behind := range p.kernelsBehind(i, own) {
				from, other := ran.Reads(p.Layers[behind].Name)
				if input && other || slices.ContainsFunc(from, func(name string) bool { return slices.Contains(reads, name) }) {
					namedAfter[i] = behind
					break
				}
			}
		}
	}
	return namedAfter
}

// handsOn reports whether a layer returns its input as it is.
func (p profiler) handsOn(layer int) bool {
	for step := p.Layers[layer].First; step <= p.Layers[layer].Last; step++ {
		if !p.Program.Steps[step].Op.Traits().NoArithmetic {
			return false
		}
	}
	return true
}

// operands returns the layers with kernels of their own that a layer reads,
// directly or by way of layers without, and reports whether it reads the network's
// input in that way.
func (p profiler) operands(layer int, own []bool) (from []string, input bool) {
	visited := map[string]bool{}
	var follow func(layer int)
	follow = func(layer int) {
		for _, name := range p.Layers[layer].From {
			if visited[name] {
				continue
			}
			visited[name] = true
			if name == graph.InputName {
				input = true
			} else if at, _ := p.Layer(name); own[at] {
				from = append(from, name)
			} else {
				follow(at)
			}
		}
	}
	follow(layer)
	return from, input
}

// kernelsBehind returns the layers with kernels of their own that read a layer,
// directly or by way of layers without.
func (p profiler) kernelsBehind(layer int, own []bool) (list []int) {
	visited := make([]bool, len(p.Layers))
	var follow func(name string)
	follow = func(name string) {
		for reader, l := range p.Layers {
			if visited[reader] || !slices.Contains(l.From, name) {
				continue
			}
			visited[reader] = true
			if own[reader] {
				list = append(list, reader)
			} else {
				follow(l.Name)
			}
		}
	}
	follow(p.Layers[layer].Name)
	return list
}

// source returns the step, or ir.Input, that computes the numbers of a step.
func (p profiler) source(step int) int {
	for step != ir.Input && p.Program.Steps[step].Op.Traits().NoArithmetic {
		step = p.Program.Steps[step].Inputs[0]
	}
	return step
}

// computedBy returns the layers whose kernels are named after a layer.
func (p profiler) computedBy(host int) []int {
	var list []int
	for i, h := range p.namedAfter {
		if h == host {
			list = append(list, i)
		}
	}
	return list
}

// head returns the layer whose row has a fused kernel: the layer with the most
// multiplications, the first of equals.
func (p profiler) head(layers []int) int {
	head := layers[0]
	for _, m := range layers {
		if p.plan.Layers[m].Multiplications > p.plan.Layers[head].Multiplications {
			head = m
		}
	}
	return head
}

// traffic returns the least bytes that layers computed together must read and write:
// each input and weight once, and each output that other layers read.
func (p profiler) traffic(layers []int, images int) int64 {
	within := func(step int) bool { return slices.Contains(layers, p.layers.OfStep(step)) }
	perImage, weights := int64(0), int64(0)
	var read, written []int
	for i, step := range p.Program.Steps {
		if step.Op.Traits().NoArithmetic {
			continue
		}
		if within(i) {
			for _, w := range step.Weights {
				weights += elements(w.Shape)
			}
		}
		for _, from := range step.Inputs {
			from = p.source(from)
			own := from != ir.Input && within(from)
			switch {
			case within(i) && !own && !slices.Contains(read, from):
				read = append(read, from)
				perImage += p.numbersOf(from)
			case !within(i) && own && !slices.Contains(written, from):
				written = append(written, from)
				perImage += p.numbersOf(from)
			}
		}
	}
	for _, output := range p.Outputs {
		last := p.source(p.Layers[output].Last)
		if last != ir.Input && within(last) && !slices.Contains(written, last) {
			written = append(written, last)
			perImage += p.numbersOf(last)
		}
	}
	return p.numberBytes * (perImage*int64(images) + weights)
}

// numbersOf returns how many numbers a step computes for one image.
func (p profiler) numbersOf(step int) int64 {
	if step == ir.Input {
		return elements(p.Program.Input)
	}
	return elements(p.Program.Steps[step].Shape[1:])
}

// elements returns the product of a shape that a plan has checked.
func elements(shape []int) int64 {
	n, _ := tensor.Elements(shape)
	return int64(n)
}
