// Command gorgonia is the contestant of bench that runs in gorgonia: a graph of
// its operators and a tape machine.
//
//	gorgonia < requests > replies
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	g "gorgonia.org/gorgonia"
	gt "gorgonia.org/tensor"

	"tfcnn/bench/worker"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

func main() {
	err := worker.Serve(os.Stdin, os.Stdout, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gorgonia:", err)
		os.Exit(1)
	}
}

// about lists the versions that were built in.
func about() string {
	info, _ := debug.ReadBuildInfo()
	text := ""
	for _, m := range info.Deps {
		if m.Path == "gorgonia.org/gorgonia" || m.Path == "gorgonia.org/tensor" {
			text += m.Path[len("gorgonia.org/"):] + " " + m.Version + " "
		}
	}
	return text
}

// runner is a network as a graph of gorgonia's, for one caller.
type runner struct {
	graph   *g.ExprGraph
	machine g.VM
	input   *g.Node
	output  *g.Node
	// pad is what the first convolution wants at the top, bottom, left and
	// right where the sides differ: gorgonia knows one padding for both. Each
	// call pads its images.
	pad    [4]int
	images []tensor.Tensor // [N,C,H,W]
}

func prepare(j worker.Job) (worker.Runner, string, error) {
	if len(j.Files) > 0 || j.Inputs > 1 {
		return nil, "", fmt.Errorf("a tape machine serves one caller, and decodes no files: %w", worker.ErrCannot)
	}
	weights, err := j.Weights()
	if err != nil {
		return nil, "", err
	}
	images, err := j.Images()
	if err != nil {
		return nil, "", err
	}
	r := &runner{graph: g.NewGraph()}
	for _, x := range images {
		r.images = append(r.images, transposed(x, 0, 3, 1, 2))
	}
	if first := j.Steps[0]; first.Pad[0] != first.Pad[1] || first.Pad[2] != first.Pad[3] {
		r.pad = first.Pad
	}
	s := r.images[0].Shape
	r.input = g.NewTensor(r.graph, g.Float32, 4, g.WithName("input"),
		g.WithShape(s[0], s[1], s[2]+r.pad[0]+r.pad[1], s[3]+r.pad[2]+r.pad[3]))
	var nodes []*g.Node
	for i, step := range j.Steps {
		x := r.input
		if from := step.Inputs[0]; from >= 0 {
			x = nodes[from]
		}
		node, err := r.add(i, step, x, weights)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", step.Name, err)
		}
		nodes = append(nodes, node)
	}
	r.output = nodes[j.Outputs[0]]
	r.machine = g.NewTapeMachine(r.graph)
	return r, about(), nil
}

// add adds a step's operator.
func (r *runner) add(i int, step worker.Step, x *g.Node, weights graph.Weights) (*g.Node, error) {
	pad := []int{step.Pad[0], step.Pad[2]}
	if step.Pad[0] != step.Pad[1] || step.Pad[2] != step.Pad[3] {
		if i > 0 {
			return nil, fmt.Errorf("padding %v: %w", step.Pad, worker.ErrCannot)
		}
		pad = []int{0, 0} // see Run
	}
	switch step.Kind {
	case "conv2d":
		if step.Groups > 1 {
			return nil, fmt.Errorf("groups: %w", worker.ErrCannot)
		}
		f := transposed(weights[step.Weights[0]], 3, 2, 0, 1)
		filter := r.constant(step.Weights[0], f.Shape, f.Data)
		y, err := g.Conv2d(x, filter, gt.Shape(step.Size[:]), pad, step.Strides[:], step.Dilations[:])
		if err != nil || len(step.Weights) == 1 {
			return y, err
		}
		b := weights[step.Weights[1]]
		bias := r.constant(step.Weights[1], []int{1, len(b.Data), 1, 1}, b.Data)
		return g.BroadcastAdd(y, bias, nil, []byte{0, 2, 3})
	case "max_pool":
		return g.MaxPool2D(x, gt.Shape(step.Size[:]), pad, step.Strides[:])
	case "avg_pool":
		if !slices.Equal(step.Size[:], step.Input[:2]) {
			return nil, fmt.Errorf("avg_pool: %w", worker.ErrCannot)
		}
		return g.GlobalAveragePool2D(x)
	case "flatten":
		return g.Reshape(x, gt.Shape{x.Shape()[0], x.Shape()[1:].TotalSize()})
	case "relu":
		return g.Rectify(x)
	}
	return nil, fmt.Errorf("%s: %w", step.Kind, worker.ErrCannot)
}

func (r *runner) constant(name string, shape []int, data []float32) *g.Node {
	value := gt.New(gt.WithShape(shape...), gt.WithBacking(data))
	return g.NewTensor(r.graph, g.Float32, len(shape), g.WithName(name), g.WithShape(shape...), g.WithValue(value))
}

func (r *runner) Run(i int) (any, error) {
	x := r.images[i]
	if r.pad != [4]int{} {
		x = padded(x, r.pad)
	}
	value := gt.New(gt.WithShape(x.Shape...), gt.WithBacking(x.Data))
	if err := g.Let(r.input, value); err != nil {
		return nil, err
	}
	defer r.machine.Reset()
	if err := r.machine.RunAll(); err != nil {
		return nil, err
	}
	result := r.output.Value()
	return tensor.Tensor{Shape: slices.Clone([]int(result.Shape())), Data: slices.Clone(result.Data().([]float32))}, nil
}

func (r *runner) Numbers(result any) ([]tensor.Tensor, error) {
	y := result.(tensor.Tensor)
	if len(y.Shape) == 4 {
		y = transposed(y, 0, 2, 3, 1)
	}
	return []tensor.Tensor{y}, nil
}

func (r *runner) Close() error { return r.machine.Close() }

// transposed moves axis order[i] to place i.
func transposed(x tensor.Tensor, order ...int) tensor.Tensor {
	y := tensor.Tensor{Data: make([]float32, len(x.Data))}
	strides := make([]int, len(order))
	for i, axis := range order {
		y.Shape = append(y.Shape, x.Shape[axis])
		strides[i] = 1
		for _, size := range x.Shape[axis+1:] {
			strides[i] *= size
		}
	}
	for i := range y.Data {
		from, rest := 0, i
		for axis := len(order) - 1; axis >= 0; axis-- {
			from += rest % y.Shape[axis] * strides[axis]
			rest /= y.Shape[axis]
		}
		y.Data[i] = x.Data[from]
	}
	return y
}

// padded puts zeros round images [N,C,H,W].
func padded(x tensor.Tensor, pad [4]int) tensor.Tensor {
	h, w := x.Shape[2], x.Shape[3]
	y := tensor.Tensor{Shape: []int{x.Shape[0], x.Shape[1], h + pad[0] + pad[1], w + pad[2] + pad[3]}}
	wide := y.Shape[3]
	y.Data = make([]float32, y.Shape[0]*y.Shape[1]*y.Shape[2]*wide)
	for plane := range x.Shape[0] * x.Shape[1] {
		for row := range h {
			at := (plane*y.Shape[2]+row+pad[0])*wide + pad[2]
			copy(y.Data[at:at+w], x.Data[(plane*h+row)*w:])
		}
	}
	return y
}
