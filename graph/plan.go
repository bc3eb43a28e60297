package graph

import (
	"slices"

	"tfcnn/internal/ir"
)

// Plan has the shapes and costs of a network, computed before anything is allocated.
// Network.Memory computes its memory.
type Plan struct {
	Layers          []LayerPlan `json:"layers"`
	Parameters      int64       `json:"parameters"` // numbers that training would change
	Statistics      int64       `json:"statistics"` // moving means and variances
	Multiplications int64       `json:"multiplications"`
}

// LayerPlan is one layer's part of a Plan. Shapes are [height, width,
// channels] of one image, or [features].
type LayerPlan struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	From       []string `json:"from"`  // the layers that it reads, or "input"
	Input      []int    `json:"input"` // of the first of them
	Output     []int    `json:"output"`
	Parameters int64    `json:"parameters"`
	// Statistics is the number of weights that no gradient changes: the moving means
	// and variances of BatchNorm.
	Statistics int64 `json:"statistics"`
	// Dense is the number of parameters of a dense layer with the same inputs and
	// output: in·out + out.
	Dense int64 `json:"dense"`
	// Multiplications is their number for one image, those with padding included. In
	// layers with filters an addition follows each: these are multiply-accumulates
	// (MACs), each of two floating-point operations (FLOPs). Pools and activations
	// count as 0.
	Multiplications int64 `json:"multiplications"`
	// Activations is the number of elements of the output for one image.
	Activations int64 `json:"activations"`
	// InPlace reports that the output takes no memory of its own when a network
	// runs: the layer writes over its input, or returns it.
	InPlace        bool           `json:"in_place"`
	ReceptiveField ReceptiveField `json:"receptive_field"`
	// Padding has the rows and columns of padding that the layer adds on each side,
	// for every kind of padding.
	Padding Sides `json:"padding"`
	// Unread counts the rows and columns of the input that no window reads: at the
	// bottom and the right where VALID fills no whole stride, and between the taps of
	// a stride or a dilation.
	Unread Unread `json:"unread"`
	// Window is the window of the layer's first operation with a window; nil where
	// there is none.
	Window *Window `json:"-"`
	// MACs is the number of multiplications that an addition follows: those with
	// filters.
	MACs int64 `json:"-"`
	// Family is the group of layers that drawings show alike: "conv", "dense",
	// "pool", "norm", "act", "shape" or "join".
	Family string `json:"-"`
}

// Window is the sliding window of a layer over its input. The window of a transposed
// convolution slides over its output: In is the output's size, Out the input's.
type Window struct {
	Height, Width Axis
	Padding       Padding // as the layer states it; the axes have its sizes
	Transposed    bool
}

// Axis is a window along one axis: window i reads the positions i·Stride − Before
// + j·Dilation for j from 0 to Size−1; positions outside 0 … In−1 are padding.
type Axis struct {
	In, Out                int
	Size, Stride, Dilation int
	Before, After          int // padding
}

// Sides counts rows (Top, Bottom) and columns (Left, Right).
type Sides struct {
	Top    int `json:"top"`
	Bottom int `json:"bottom"`
	Left   int `json:"left"`
	Right  int `json:"right"`
}

// Unread counts rows and columns of a layer's input.
type Unread struct {
	Rows    int `json:"rows"`
	Columns int `json:"columns"`
}

// Plan checks the network and computes its shapes and costs. Every error is an
// *Error; a network whose costs overflow an int64 is refused.
func (n Network) Plan() (Plan, error) {
	lowered, err := Lower(n)
	if err != nil {
		return Plan{}, err
	}
	return lowered.plan()
}

func (l Lowered) plan() (Plan, error) {
	var plan Plan
	var count checkedMath
	inference := assignBuffers(l, false)
	areas := receptiveAreas(l.Program)
	for _, layer := range l.Layers {
		p := l.layerPlan(layer, &count)
		p.ReceptiveField = areas[layer.Last].field()
		p.InPlace = inference.inPlace(layer.First, layer.Last)
		plan.Parameters = count.sum(plan.Parameters, p.Parameters)
		plan.Statistics = count.sum(plan.Statistics, p.Statistics)
		plan.Multiplications = count.sum(plan.Multiplications, p.Multiplications)
		plan.Layers = append(plan.Layers, p)
	}
	return plan, count.err()
}

func (l Lowered) layerPlan(layer LoweredLayer, count *checkedMath) LayerPlan {
	program := l.Program
	output := withoutBatch(program.Steps[layer.Last].Shape)
	p := LayerPlan{
		Name: layer.Name, Kind: layer.Kind, From: layer.From,
		Input:  withoutBatch(program.Operands(layer.First, -1)[0]),
		Output: output, Activations: elements(output),
		Family: string(program.Steps[layer.First].Op.Traits().Family),
	}
	in := int64(0)
	for _, from := range program.Steps[layer.First].Inputs {
		in = count.sum(in, numbers(program, from))
	}
	p.Dense = count.sum(count.product(in, p.Activations), p.Activations)
	for i := layer.First; i <= layer.Last; i++ {
		step, operands := program.Steps[i], program.Operands(i, -1)
		for _, w := range step.Weights {
			if w.Statistic {
				p.Statistics = count.sum(p.Statistics, elements(w.Shape))
			} else {
				p.Parameters = count.sum(p.Parameters, elements(w.Shape))
			}
		}
		traits, multiplications := step.Op.Traits(), step.Op.Multiplications(operands...)
		p.Multiplications = count.sum(p.Multiplications, multiplications)
		if traits.MultiplyAccumulate {
			p.MACs = count.sum(p.MACs, multiplications)
		}
		if p.Window == nil && (traits.Reads == ir.SlidingWindow || traits.Reads == ir.TransposedWindow) {
			h, w := window(step.Op, operands)
			p.Window = &Window{
				Height: Axis(h), Width: Axis(w), Padding: paddingOf(step.Op.(ir.Windowed).Pads()),
				Transposed: traits.Reads == ir.TransposedWindow,
			}
		}
	}
	if p.Window != nil && !p.Window.Transposed {
		h, w := ir.Axis(p.Window.Height), ir.Axis(p.Window.Width)
		p.Padding = Sides{h.Before, h.After, w.Before, w.After}
		p.Unread = Unread{h.Unread(), w.Unread()}
	}
	return p
}

// receptiveAreas returns the receptive area of each step.
func receptiveAreas(program ir.Program) []receptiveArea {
	pixel := receptiveAxis{size: 1, stride: 1}
	input := receptiveArea{pixel, pixel}
	input.vertical.positions, input.horizontal.positions = program.Input[0], program.Input[1]
	list := make([]receptiveArea, len(program.Steps))
	for i, step := range program.Steps {
		var from []receptiveArea
		for _, at := range step.Inputs {
			if at == ir.Input {
				from = append(from, input)
			} else {
				from = append(from, list[at])
			}
		}
		list[i] = areaAfter(step, program.Operands(i, -1), from)
	}
	return list
}

// numbers returns the elements for one image of a step's output, or of the input.
func numbers(program ir.Program, step int) int64 {
	if step == ir.Input {
		return elements(program.Input)
	}
	return elements(program.Steps[step].Shape[1:])
}

// Layer returns the plan of a layer by name.
func (p Plan) Layer(name string) (LayerPlan, bool) {
	i := slices.IndexFunc(p.Layers, func(l LayerPlan) bool { return l.Name == name })
	if i < 0 {
		return LayerPlan{}, false
	}
	return p.Layers[i], true
}

// MACs returns the number of multiply-accumulates for one image: the multiplications
// of the layers with filters, those with padding included. Publications compare
// networks by this number; it leaves out batch norms and response normalisation.
func (p Plan) MACs() int64 {
	sum := int64(0)
	for _, l := range p.Layers {
		sum += l.MACs
	}
	return sum
}

// Plan returns Network.Plan of the network that was lowered.
func (l Lowered) Plan() (Plan, error) { return l.plan() }

// window returns the window of a step whose shapes have been checked.
func window(op ir.Op, operands [][]int) (h, w ir.Axis) {
	h, w, _ = op.(ir.Windowed).Window(operands...)
	return h, w
}
