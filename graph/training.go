package graph

import "tfcnn/internal/ir"

// kept says which steps' outputs the backward pass reads.
func (l Lowered) kept(needed []bool) []bool {
	steps := l.Program.Steps
	list := make([]bool, len(steps))
	for i, step := range steps {
		if !needed[i] {
			continue
		}
		saved := step.Op.Traits().Saved
		inputs, output := saved == ir.SavesInputs || saved == ir.SavesBoth, saved == ir.SavesOutput || saved == ir.SavesBoth
		list[i] = list[i] || output
		for _, from := range step.Inputs {
			if from != ir.Input {
				list[from] = list[from] || inputs
			}
		}
	}
	return list
}

// trained gives, for one picture, how many numbers the forward pass keeps for
// the backward pass, and the most numbers of gradients of activations that are
// live at once.
func (l Lowered) trained(count *counting) (kept, gradients int64) {
	b := assign(l, true)
	for _, buffer := range b.list {
		if buffer.kept {
			kept = count.sum(kept, buffer.numbers)
		}
	}
	for _, layer := range l.Layers {
		if layer.Kind == (Dropout{}).kind() && b.needed[layer.Last] {
			kept = count.sum(kept, numbers(l.Program, layer.Last)) // its mask
		}
	}
	for i, step := range l.Program.Steps {
		if inside := step.Op.Traits().SavedInside; inside > 0 && b.needed[i] {
			kept = count.sum(kept, count.product(int64(inside), numbers(l.Program, i)))
		}
	}
	return kept, l.backward(b.needed, count)
}

// backward walks the backward pass. The gradient of a step's output is live
// from its last reader to the step itself, and beside it at that moment those
// that the step adds to what it reads. Before the first parameters no gradient
// is computed.
func (l Lowered) backward(needed []bool, count *counting) int64 {
	steps := l.Program.Steps
	wanted := make([]bool, len(steps)) // a parameter lies before the output
	for i, step := range steps {
		for _, w := range step.Weights {
			wanted[i] = wanted[i] || !w.Statistic
		}
		for _, from := range step.Inputs {
			wanted[i] = wanted[i] || from != ir.Input && wanted[from]
		}
		wanted[i] = wanted[i] && needed[i]
	}
	there := make([]bool, len(steps))
	live, most := int64(0), int64(0)
	begin := func(step int) {
		if wanted[step] && !there[step] {
			there[step] = true
			live = count.sum(live, numbers(l.Program, step))
		}
	}
	for _, at := range l.Outputs {
		begin(l.Layers[at].Last)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if !there[i] {
			continue
		}
		now := live
		share := steps[i].Op.Traits().SharedGradient
		for _, from := range steps[i].Inputs {
			if from == ir.Input || !wanted[from] {
				continue
			}
			if share && numbers(l.Program, from) == numbers(l.Program, i) {
				share = false // the first takes the output's gradient over
				continue
			}
			now = count.sum(now, numbers(l.Program, from))
		}
		most = max(most, now)
		for _, from := range steps[i].Inputs {
			if from != ir.Input {
				begin(from)
			}
		}
		live -= numbers(l.Program, i)
	}
	return most
}
