package graph

import (
	"slices"

	"tfcnn/internal/ir"
)

// buffers tell which memory each step's output lies in, and how long it is
// needed, when a network runs step after step. A step needs what it reads and
// what it writes at once; TensorFlow frees a tensor with its last reader.
type buffers struct {
	lowered Lowered
	needed  []bool   // steps that the outputs depend on; TensorFlow runs no others
	owner   []int    // of each step, an index into list; none where it is the input itself
	list    []buffer // in the order in which they are born
}

type buffer struct {
	numbers    int64 // for one picture
	steps      []int // whose outputs it holds, one after the other
	born, dies int   // steps, both included
	kept       bool  // holds what the backward pass reads
	readers    int   // how often the step at hand reads it
}

// none is the owner of what takes no buffer.
const none = -1

// assign finds the buffers. With training, what the backward pass reads is not
// written over.
func assign(l Lowered, training bool) buffers {
	steps := l.Program.Steps
	b := buffers{lowered: l, needed: make([]bool, len(steps)), owner: make([]int, len(steps))}
	last := make([]int, len(steps)) // the step that reads it last
	for _, at := range l.Outputs {
		b.needed[l.Layers[at].Last] = true
		last[l.Layers[at].Last] = len(steps) // handed out at the end
	}
	for i := len(steps) - 1; i >= 0; i-- {
		for _, from := range steps[i].Inputs {
			if b.needed[i] && from != ir.Input {
				b.needed[from] = true
				last[from] = max(last[from], i)
			}
		}
	}
	var kept []bool
	if training {
		kept = l.kept(b.needed)
	}
	for i, step := range steps {
		b.owner[i] = none
		if !b.needed[i] {
			continue
		}
		switch at := b.reuse(i); {
		case step.Op.Traits().Output == ir.SameBuffer && at == none:
			continue // the input itself
		case at != none:
			b.owner[i] = at
		default:
			b.owner[i] = len(b.list)
			b.list = append(b.list, buffer{numbers: numbers(l.Program, i), born: i})
		}
		own := &b.list[b.owner[i]]
		own.steps = append(own.steps, i)
		own.dies = max(own.dies, i, last[i])
		own.kept = own.kept || training && kept[i]
	}
	return b
}

// reuse finds the buffer that step i leaves as it is or writes over.
func (b buffers) reuse(i int) int {
	step := b.lowered.Program.Steps[i]
	switch step.Op.Traits().Output {
	case ir.SameBuffer:
		return b.ownerOf(step.Inputs[0])
	case ir.NewBuffer:
		return none
	}
	for _, from := range step.Inputs {
		if at := b.ownerOf(from); at != none {
			b.list[at].readers++
		}
	}
	found := none
	for _, from := range step.Inputs {
		at := b.ownerOf(from)
		if at == none {
			continue
		}
		// Nothing in it is read after the step, or by the backward pass.
		if own := b.list[at]; found == none && own.readers == 1 && own.dies <= i && !own.kept {
			found = at
		}
	}
	for _, from := range step.Inputs {
		if at := b.ownerOf(from); at != none {
			b.list[at].readers = 0
		}
	}
	return found
}

// ownerOf is the owner of a step's output, or of the input.
func (b buffers) ownerOf(step int) int {
	if step == ir.Input {
		return none
	}
	return b.owner[step]
}

// inPlace says whether none of the steps begins a buffer.
func (b buffers) inPlace(first, last int) bool {
	for i := first; i <= last; i++ {
		if b.owner[i] != none && b.list[b.owner[i]].born == i || !b.needed[i] {
			return false
		}
	}
	return true
}

// peak is the most numbers that are live at once, for one picture, and the
// step at which they are.
func (b buffers) peak(count *counting) (numbers int64, step int) {
	for i, live := range b.live(count) {
		if live > numbers {
			numbers, step = live, i
		}
	}
	return numbers, step
}

// live is the numbers that are live at each step, for one picture.
func (b buffers) live(count *counting) []int64 {
	dying := make([][]int64, len(b.lowered.Program.Steps)+1)
	list := make([]int64, len(b.lowered.Program.Steps))
	now, next := int64(0), 0
	for i := range list {
		for ; next < len(b.list) && b.list[next].born == i; next++ {
			now = count.sum(now, b.list[next].numbers)
			dying[b.list[next].dies] = append(dying[b.list[next].dies], b.list[next].numbers)
		}
		list[i] = now
		for _, n := range dying[i] {
			now -= n
		}
	}
	return list
}

// layerOf names the layer that a step belongs to.
func (l Lowered) layerOf(step int) string {
	i, _ := slices.BinarySearchFunc(l.Layers, step, func(layer LoweredLayer, step int) int { return layer.Last - step })
	return l.Layers[i].Name
}
