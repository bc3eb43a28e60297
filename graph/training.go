package graph

import "tfcnn/internal/ir"

// savedOutputs reports for each step whether the backward pass reads its output.
func (l Lowered) savedOutputs(needed []bool) []bool {
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

// trainingNumbers returns, for one image, the numbers that the forward pass keeps for
// the backward pass, and the most numbers of gradients of activations that are live at
// once.
func (l Lowered) trainingNumbers(count *checkedMath) (kept, gradients int64) {
	b := assignBuffers(l, true)
	for _, buffer := range b.list {
		if buffer.saved {
			kept = count.sum(kept, buffer.numbers)
		}
	}
	for _, layer := range l.Layers {
		if layer.Kind == (Dropout{}).kind() && b.needed[layer.Last] {
			kept = count.sum(kept, numbers(l.Program, layer.Last)) // its mask
		}
	}
	for i, step := range l.Program.Steps {
		if intermediates := step.Op.Traits().SavedIntermediates; intermediates > 0 && b.needed[i] {
			kept = count.sum(kept, count.product(int64(intermediates), numbers(l.Program, i)))
		}
	}
	return kept, l.peakGradients(b.needed, count)
}

// peakGradients returns the most numbers of gradients that are live at once in the
// backward pass. The gradient of a step's output is live from its last reader to the
// step itself, where the gradients of the step's inputs are live too. No gradient is
// computed for steps before the first parameters.
func (l Lowered) peakGradients(needed []bool, count *checkedMath) int64 {
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
