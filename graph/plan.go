package graph

import (
	"slices"

	"tfcnn/internal/ir"
)

// Plan is what a network costs, known before anything is allocated. What it
// needs of memory is told by Network.Memory.
type Plan struct {
	Layers          []LayerPlan `json:"layers"`
	Parameters      int64       `json:"parameters"` // numbers that training would change
	Statistics      int64       `json:"statistics"` // moving means and variances
	Multiplications int64       `json:"multiplications"`
}

// LayerPlan is one layer's part of a Plan. Shapes are [height, width,
// channels] of one picture, or [features].
type LayerPlan struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	From       []string `json:"from"`  // what the layer reads: layers' names, or "input"
	Input      []int    `json:"input"` // of the first that it reads
	Output     []int    `json:"output"`
	Parameters int64    `json:"parameters"`
	// Statistics are numbers that come with the weights and that no gradient
	// changes: the moving means and variances of BatchNorm.
	Statistics int64 `json:"statistics"`
	// Dense is the parameters of a dense layer from all that the layer reads
	// to its output: in·out + out.
	Dense int64 `json:"dense"`
	// Multiplications for one picture, those with padding counted. In layers
	// with filters each comes with an addition: they are multiply-accumulates
	// (MACs), of which each counts for two floating-point operations (FLOPs).
	// Pools and activations count for nothing.
	Multiplications int64 `json:"multiplications"`
	// Activations is how many numbers the output has for one picture.
	Activations int64 `json:"activations"`
	// InPlace says that the output takes no memory of its own when a network
	// runs: the layer writes over what it reads, or hands it on.
	InPlace        bool           `json:"in_place"`
	ReceptiveField ReceptiveField `json:"receptive_field"`
	// Padding is the rows and columns of padding that the layer really adds
	// on each side, whatever the kind says.
	Padding Sides `json:"padding"`
	// Unread is how many rows and columns of the input no window reads: at
	// the bottom and the right where VALID fills no whole stride, and those
	// that a stride or a dilation steps over.
	Unread Unread `json:"unread"`
	// Window is the window that the layer slides, that of its first operation that
	// has one; nil where there is none.
	Window *Window `json:"-"`
	// MACs are those of the multiplications that are followed by an addition:
	// those with filters.
	MACs int64 `json:"-"`
	// Family is the group of layers that drawings show alike: "conv", "dense",
	// "pool", "norm", "act", "shape" or "join".
	Family string `json:"-"`
}

// Window is how a layer's window moves over its input. That of a transposed
// convolution moves over its output: In is the output's size, Out the input's.
type Window struct {
	Height, Width Axis
	Padding       Padding // as the layer says it; the axes have its sizes
	Transposed    bool
}

// Axis is a window along one axis: window i reads the places i·Stride − Before
// + j·Dilation for j from 0 to Size−1, of which those outside 0 … In−1 are
// padding.
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

// Plan checks the network and computes its shapes and costs. Every error is
// an *Error; one that costs more than an int64 counts is refused.
func (n Network) Plan() (Plan, error) {
	lowered, err := Lower(n)
	if err != nil {
		return Plan{}, err
	}
	return lowered.plan()
}

func (l Lowered) plan() (Plan, error) {
	var plan Plan
	var count counting
	inference := assign(l, false)
	sights := sights(l.Program)
	for _, layer := range l.Layers {
		p := l.layerPlan(layer, &count)
		p.ReceptiveField = sights[layer.Last].field()
		p.InPlace = inference.inPlace(layer.First, layer.Last)
		plan.Parameters = count.sum(plan.Parameters, p.Parameters)
		plan.Statistics = count.sum(plan.Statistics, p.Statistics)
		plan.Multiplications = count.sum(plan.Multiplications, p.Multiplications)
		plan.Layers = append(plan.Layers, p)
	}
	return plan, count.err()
}

func (l Lowered) layerPlan(layer LoweredLayer, count *counting) LayerPlan {
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

// sights gives what each step's output depends on.
func sights(program ir.Program) []sight {
	pixel := along{size: 1, stride: 1}
	input := sight{pixel, pixel}
	input.vertical.places, input.horizontal.places = program.Input[0], program.Input[1]
	list := make([]sight, len(program.Steps))
	for i, step := range program.Steps {
		var from []sight
		for _, at := range step.Inputs {
			if at == ir.Input {
				from = append(from, input)
			} else {
				from = append(from, list[at])
			}
		}
		list[i] = sightAfter(step, program.Operands(i, -1), from)
	}
	return list
}

// numbers is how many a step's output, or the input, has for one picture.
func numbers(program ir.Program, step int) int64 {
	if step == ir.Input {
		return elements(program.Input)
	}
	return elements(program.Steps[step].Shape[1:])
}

// Layer gives the part of a layer by name.
func (p Plan) Layer(name string) (LayerPlan, bool) {
	i := slices.IndexFunc(p.Layers, func(l LayerPlan) bool { return l.Name == name })
	if i < 0 {
		return LayerPlan{}, false
	}
	return p.Layers[i], true
}

// MACs is the number of multiplications that are followed by an addition, for
// one picture: those of the layers with filters, padding counted. It is what
// the field compares networks by; batch norms and response normalisation are
// left out.
func (p Plan) MACs() int64 {
	sum := int64(0)
	for _, l := range p.Layers {
		sum += l.MACs
	}
	return sum
}

// Plan is Network.Plan of the network that was lowered.
func (l Lowered) Plan() (Plan, error) { return l.plan() }

// window returns the window of a step whose shapes have been checked.
func window(op ir.Op, operands [][]int) (h, w ir.Axis) {
	h, w, _ = op.(ir.Windowed).Window(operands...)
	return h, w
}
