package node

import (
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/ir"
)

// TensorFlow's optimizer (the remapper of Grappler) fuses a sum, the batch norm or bias
// behind it and an activation into one node. It does not check whether the kernel of
// that node computes all of them: some kernels refuse when they run.

// withoutFusion returns a scope whose nodes are not fused with others: the remapper
// does not change a node that has a control dependency.
func withoutFusion(scope *op.Scope) *op.Scope {
	return scope.WithControlDependencies(op.NoOp(scope.SubScope("unfused")))
}

// unfusable reports whether oneDNN's kernels refuse step i in one node with its input.
func unfusable(program ir.Program, i int) bool {
	step := program.Steps[i]
	if !step.Op.Traits().UnfusableAfterNorm || step.Inputs[0] == ir.Input {
		return false
	}
	return program.Steps[step.Inputs[0]].Op.Traits().Operands == ir.ChannelNumbers
}

// fusedWhenFetched returns the steps whose outputs need a node of their own to be
// fetched. With oneDNN, TensorFlow's optimizer makes one node of a sum, its bias and
// a leaky ReLU, and of a sum, its bias or batch norm and a swish, even where a run
// fetches an output between them; that output is then missing. In other patterns the
// optimizer keeps the outputs that a run fetches.
func fusedWhenFetched(program ir.Program) map[int]bool {
	steps := map[int]bool{}
	for _, step := range program.Steps {
		before := step.Inputs[0]
		for range step.Op.Traits().FusedWhenFetched {
			if before == ir.Input {
				break
			}
			steps[before] = true
			before = program.Steps[before].Inputs[0]
		}
	}
	return steps
}
