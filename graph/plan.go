package graph

import (
	"slices"

	"tfcnn/internal/ir"
)

// Plan is what a network costs, known before anything is allocated.
type Plan struct {
	Layers          []LayerPlan
	Parameters      int64 // numbers that training would change
	Statistics      int64 // moving means and variances
	Multiplications int64 // for one picture
}

// LayerPlan is one layer's part of a Plan. Shapes are [height, width,
// channels] of one picture, or [features].
type LayerPlan struct {
	Name, Kind string
	From       []string // what the layer reads: layers' names, or "input"
	Input      []int    // of the first that it reads
	Output     []int
	Parameters int64
	// Statistics are numbers that come with the weights and that no gradient
	// changes: the moving means and variances of BatchNorm.
	Statistics int64
	// Multiplications for one picture, those with padding counted.
	Multiplications int64
	// Padding is the rows and columns of padding that the layer really adds
	// on each side, whatever the kind says.
	Padding Sides
	// Unread is how many rows and columns of the input no window reads: at
	// the bottom and the right where VALID fills no whole stride, and those
	// that a stride or a dilation steps over.
	Unread Unread
}

// Sides counts rows (Top, Bottom) and columns (Left, Right).
type Sides struct{ Top, Bottom, Left, Right int }

// Unread counts rows and columns of a layer's input.
type Unread struct{ Rows, Columns int }

// Plan checks the network and computes its shapes and costs. Every error is
// an *Error.
func (n Network) Plan() (Plan, error) {
	lowered, err := Lower(n)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	program := lowered.Program
	for _, layer := range lowered.Layers {
		p := LayerPlan{
			Name: layer.Name, Kind: layer.Kind, From: layer.From,
			Input:  withoutBatch(program.Operands(layer.First, -1)[0]),
			Output: withoutBatch(program.Steps[layer.Last].Shape),
		}
		for i := layer.First; i <= layer.Last; i++ {
			step, operands := program.Steps[i], program.Operands(i, -1)
			for _, w := range step.Weights {
				if w.Statistic {
					p.Statistics += elements(w.Shape)
				} else {
					p.Parameters += elements(w.Shape)
				}
			}
			p.Multiplications += step.Op.Multiplications(operands...)
			if h, w, windowed := window(step.Op, operands); windowed {
				p.Padding = Sides{h.Before, h.After, w.Before, w.After}
				p.Unread = Unread{h.Unread(), w.Unread()}
			}
		}
		plan.Parameters += p.Parameters
		plan.Statistics += p.Statistics
		plan.Multiplications += p.Multiplications
		plan.Layers = append(plan.Layers, p)
	}
	return plan, nil
}

// Layer gives the part of a layer by name.
func (p Plan) Layer(name string) (LayerPlan, bool) {
	i := slices.IndexFunc(p.Layers, func(l LayerPlan) bool { return l.Name == name })
	if i < 0 {
		return LayerPlan{}, false
	}
	return p.Layers[i], true
}

// window gives the geometry of operations that slide a window.
func window(op ir.Op, operands [][]int) (h, w ir.Axis, windowed bool) {
	var err error
	switch op := op.(type) {
	case ir.Conv2D:
		h, w, err = op.Window(operands[0], operands[1])
	case ir.DepthwiseConv2D:
		h, w, err = op.Window(operands[0], operands[1])
	case ir.MaxPool:
		h, w, err = op.Window(operands[0])
	case ir.AvgPool:
		h, w, err = op.Window(operands[0])
	default:
		return h, w, false
	}
	return h, w, err == nil
}
