package graph

import (
	"slices"

	"tfcnn/internal/ir"
)

// buffers has the memory of each step's output, and the steps during which it is
// needed, for a network that runs step after step. A step needs its inputs and its
// output at once; TensorFlow frees a tensor with its last reader.
type buffers struct {
	lowered Lowered
	needed  []bool   // steps that the outputs depend on; TensorFlow runs no others
	owner   []int    // of each step, an index into list, or noBuffer
	list    []buffer // in the order of their first steps
}

type buffer struct {
	numbers             int64 // for one image
	steps               []int // whose outputs lie in it, one after the other
	firstStep, lastStep int   // during which it is needed, both included
	saved               bool  // the backward pass reads it
	readers             int   // how often the present step reads it
}

// noBuffer is the owner of a step whose output is the network's input itself.
const noBuffer = -1

// assignBuffers returns the buffers of a run. With training, no step writes over a
// buffer that the backward pass reads.
func assignBuffers(l Lowered, training bool) buffers {
	steps := l.Program.Steps
	b := buffers{lowered: l, needed: make([]bool, len(steps)), owner: make([]int, len(steps))}
	last := make([]int, len(steps)) // the step that reads it last
	for _, at := range l.Outputs {
		b.needed[l.Layers[at].Last] = true
		last[l.Layers[at].Last] = len(steps) // returned at the end
	}
	for i := len(steps) - 1; i >= 0; i-- {
		for _, from := range steps[i].Inputs {
			if b.needed[i] && from != ir.Input {
				b.needed[from] = true
				last[from] = max(last[from], i)
			}
		}
	}
	var saved []bool
	if training {
		saved = l.savedOutputs(b.needed)
	}
	for i, step := range steps {
		b.owner[i] = noBuffer
		if !b.needed[i] {
			continue
		}
		switch at := b.reuse(i); {
		case step.Op.Traits().Output == ir.SameBuffer && at == noBuffer:
			continue // the input itself
		case at != noBuffer:
			b.owner[i] = at
		default:
			b.owner[i] = len(b.list)
			b.list = append(b.list, buffer{numbers: numbers(l.Program, i), firstStep: i})
		}
		own := &b.list[b.owner[i]]
		own.steps = append(own.steps, i)
		own.lastStep = max(own.lastStep, i, last[i])
		own.saved = own.saved || training && saved[i]
	}
	return b
}

// reuse returns the buffer that step i passes on or writes over, or noBuffer.
func (b buffers) reuse(i int) int {
	step := b.lowered.Program.Steps[i]
	switch step.Op.Traits().Output {
	case ir.SameBuffer:
		return b.ownerOf(step.Inputs[0])
	case ir.NewBuffer:
		return noBuffer
	}
	for _, from := range step.Inputs {
		if at := b.ownerOf(from); at != noBuffer {
			b.list[at].readers++
		}
	}
	found := noBuffer
	for _, from := range step.Inputs {
		at := b.ownerOf(from)
		if at == noBuffer {
			continue
		}
		// Neither a later step nor the backward pass reads the buffer.
		if own := b.list[at]; found == noBuffer && own.readers == 1 && own.lastStep <= i && !own.saved {
			found = at
		}
	}
	for _, from := range step.Inputs {
		if at := b.ownerOf(from); at != noBuffer {
			b.list[at].readers = 0
		}
	}
	return found
}

// ownerOf returns the owner of a step's output, or of the input.
func (b buffers) ownerOf(step int) int {
	if step == ir.Input {
		return noBuffer
	}
	return b.owner[step]
}

// inPlace reports whether the steps need no buffer of their own.
func (b buffers) inPlace(first, last int) bool {
	for i := first; i <= last; i++ {
		if b.owner[i] != noBuffer && b.list[b.owner[i]].firstStep == i || !b.needed[i] {
			return false
		}
	}
	return true
}

// peak returns the most numbers that are live at once, for one image, and the
// step at which they are.
func (b buffers) peak(count *checkedMath) (numbers int64, step int) {
	for i, live := range b.live(count) {
		if live > numbers {
			numbers, step = live, i
		}
	}
	return numbers, step
}

// live returns the numbers that are live at each step, for one image.
func (b buffers) live(count *checkedMath) []int64 {
	dying := make([][]int64, len(b.lowered.Program.Steps)+1)
	list := make([]int64, len(b.lowered.Program.Steps))
	now, next := int64(0), 0
	for i := range list {
		for ; next < len(b.list) && b.list[next].firstStep == i; next++ {
			now = count.sum(now, b.list[next].numbers)
			dying[b.list[next].lastStep] = append(dying[b.list[next].lastStep], b.list[next].numbers)
		}
		list[i] = now
		for _, n := range dying[i] {
			now -= n
		}
	}
	return list
}

// layerOf returns the name of the layer that a step belongs to.
func (l Lowered) layerOf(step int) string {
	i, _ := slices.BinarySearchFunc(l.Layers, step, func(layer LoweredLayer, step int) int { return layer.Last - step })
	return l.Layers[i].Name
}
