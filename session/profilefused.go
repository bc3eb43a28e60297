package session

import (
	"slices"

	"tfcnn/internal/ir"
)

// none is the host of a layer of which nothing is left to run.
const none = -1

// hosts finds for each layer the one that TensorFlow's kernels for it are
// named after. Its optimizer names a fused kernel after the last of the nodes
// in it: a layer without a kernel of its own is computed where it is read.
// What only hands its input on is computed nowhere.
func (p profiler) hosts(ran []bool) []int {
	hosts := make([]int, len(p.Layers))
	readers := p.readers()
	for i := range slices.Backward(p.Layers) { // readers come later
		hosts[i] = none
		if ran[i] {
			hosts[i] = i
			continue
		}
		for _, r := range readers[i] {
			if hosts[r] != none {
				hosts[i] = hosts[r]
				break
			}
		}
	}
	return hosts
}

// readers lists for each layer those that read it, also through layers that
// hand it on.
func (p profiler) readers() [][]int {
	readers := make([][]int, len(p.Layers))
	for i, layer := range p.Layers {
		for step := layer.First; step <= layer.Last; step++ {
			if p.Program.Steps[step].Op.Traits().Free {
				continue
			}
			for _, from := range p.Program.Steps[step].Inputs {
				if from = p.source(from); from == ir.Input {
					continue
				}
				if at := p.layerAt(from); at != i && !slices.Contains(readers[at], i) {
					readers[at] = append(readers[at], i)
				}
			}
		}
	}
	return readers
}

// layerAt is the layer that a step belongs to.
func (p profiler) layerAt(step int) int {
	for i, layer := range p.Layers {
		if step <= layer.Last {
			return i
		}
	}
	return none
}

// source is the step, or ir.Input, whose numbers a step gives that hands on.
func (p profiler) source(step int) int {
	for step != ir.Input && p.Program.Steps[step].Op.Traits().Free {
		step = p.Program.Steps[step].Inputs[0]
	}
	return step
}

// members are the layers with one host.
func members(hosts []int, host int) []int {
	var list []int
	for i, h := range hosts {
		if h == host {
			list = append(list, i)
		}
	}
	return list
}

// head is the layer that a fused kernel is shown under: that with the most
// multiplications, the first of equals.
func (p profiler) head(members []int) int {
	head := members[0]
	for _, m := range members {
		if p.plan.Layers[m].Multiplications > p.plan.Layers[head].Multiplications {
			head = m
		}
	}
	return head
}

// traffic is the bytes that some layers computed together must read and write
// at the least: each input and weight once, and what others read of them.
func (p profiler) traffic(members []int, pictures int) int64 {
	inside := func(step int) bool { return slices.Contains(members, p.layerAt(step)) }
	perPicture, weights := int64(0), int64(0)
	var read, written []int
	for i, step := range p.Program.Steps {
		if step.Op.Traits().Free {
			continue
		}
		if inside(i) {
			for _, w := range step.Weights {
				weights += product(w.Shape)
			}
		}
		for _, from := range step.Inputs {
			from = p.source(from)
			own := from != ir.Input && inside(from)
			switch {
			case inside(i) && !own && !slices.Contains(read, from):
				read = append(read, from)
				perPicture += p.numbersOf(from)
			case !inside(i) && own && !slices.Contains(written, from):
				written = append(written, from)
				perPicture += p.numbersOf(from)
			}
		}
	}
	for _, output := range p.Outputs {
		last := p.source(p.Layers[output].Last)
		if last != ir.Input && inside(last) && !slices.Contains(written, last) {
			written = append(written, last)
			perPicture += p.numbersOf(last)
		}
	}
	return p.numberBytes * (perPicture*int64(pictures) + weights)
}

// numbersOf is how many numbers a step gives for one picture.
func (p profiler) numbersOf(step int) int64 {
	if step == ir.Input {
		return product(p.Program.Input)
	}
	return product(p.Program.Steps[step].Shape[1:])
}

func product(shape []int) int64 {
	n := int64(1)
	for _, size := range shape {
		n *= int64(size)
	}
	return n
}
