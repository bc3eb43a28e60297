package probe

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// Part is layers of a network that one probe computes: those of a chain, and of the
// chains that share a layer with it.
type Part struct {
	Layers []int // of the network, in its order
	// Shown is the number of layers before a pool that selects among sums of products, and
	// so hides most of them: a probe also has the output of the last of these. 0: there is
	// no such pool.
	Shown int
	// Alike are the layers of parts with the same operations and shapes, which need no
	// probe of their own.
	Alike [][]int

	network graph.Network
	lowered graph.Lowered
}

// Names returns the names of the part's layers.
func (p Part) Names() []string { return p.named(p.Layers) }

func (p Part) named(layers []int) []string {
	names := make([]string, len(layers))
	for i, layer := range layers {
		names[i] = p.lowered.Layers[layer].Name
	}
	return names
}

// Parts divides a network by the ends of its chains, which are steps. Every layer is in
// a part, or in one that is alike.
func Parts(net graph.Network, lowered graph.Lowered, ends []int) []Part {
	var parts []Part
	found := map[string]int{}
	for _, layers := range divide(lowered, ends) {
		part := Part{Layers: layers, Shown: beforeSelection(lowered, layers), network: net, lowered: lowered}
		key := part.key()
		if at, known := found[key]; known {
			parts[at].Alike = append(parts[at].Alike, layers)
			continue
		}
		found[key] = len(parts)
		parts = append(parts, part)
	}
	return parts
}

// divide returns the layers of each part.
func divide(lowered graph.Lowered, ends []int) [][]int {
	steps := lowered.Program.Steps
	isEnd := make([]bool, len(steps))
	for _, end := range ends {
		isEnd[end] = true
	}
	layerOf := make([]int, len(steps))
	group := make([]int, len(lowered.Layers)) // the first layer of the same part
	for i, layer := range lowered.Layers {
		group[i] = i
		for step := layer.First; step <= layer.Last; step++ {
			layerOf[step] = i
		}
	}
	root := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	for i, step := range steps {
		for _, from := range step.Inputs {
			if from != ir.Input && !isEnd[from] {
				a, b := root(layerOf[i]), root(layerOf[from])
				group[max(a, b)] = min(a, b)
			}
		}
	}
	var list [][]int
	index := map[int]int{}
	for i := range lowered.Layers {
		first := root(i)
		if _, known := index[first]; !known {
			index[first] = len(list)
			list = append(list, nil)
		}
		list[index[first]] = append(list[index[first]], i)
	}
	return list
}

// beforeSelection returns the number of layers of a part before its first pool that
// selects among sums of products, 0 where there is no such pool.
func beforeSelection(lowered graph.Lowered, layers []int) int {
	sums := false
	for k, layer := range layers {
		for step := lowered.Layers[layer].First; step <= lowered.Layers[layer].Last; step++ {
			traits := lowered.Program.Steps[step].Op.Traits()
			if traits.Selects && sums {
				return k
			}
			sums = sums || traits.MultiplyAccumulate
		}
	}
	return 0
}

// key is a text that parts with the same operations and shapes share.
func (p Part) key() string {
	var b strings.Builder
	steps := map[int]int{} // of the network to those of the part
	sources := map[int]int{}
	for _, layer := range p.Layers {
		for i := p.lowered.Layers[layer].First; i <= p.lowered.Layers[layer].Last; i++ {
			step := p.lowered.Program.Steps[i]
			fmt.Fprintf(&b, "%#v", step.Op)
			for _, from := range step.Inputs {
				if at, found := steps[from]; found {
					fmt.Fprintf(&b, " step %d", at)
					continue
				}
				if _, known := sources[from]; !known {
					sources[from] = len(sources)
				}
				fmt.Fprintf(&b, " source %d %v", sources[from], p.shapeOf(from))
			}
			for _, w := range step.Weights {
				fmt.Fprint(&b, " weight ", w.Shape)
			}
			fmt.Fprintln(&b)
			steps[i] = len(steps)
		}
	}
	return b.String()
}

// shapeOf returns the shape of a step's output for one image.
func (p Part) shapeOf(step int) []int {
	if step == ir.Input {
		return p.lowered.Program.InputShape(1)[1:]
	}
	return p.lowered.Program.Steps[step].Shape[1:]
}

// small is the part as a network of its own.
type small struct {
	network graph.Network
	lowered graph.Lowered
	weights graph.Weights // of the layers that move numbers
}

// build makes a network of the part's layers alone. It reads its input where the part
// reads its main source, the one that is multiplied first; the other sources are the input
// too, or numbers of the input that were moved. Moving is exact: each number of a moved
// source is one of the input's times −1.
func (p Part) build() (small, error) {
	s := small{weights: graph.Weights{}}
	own := map[string]bool{}
	for _, name := range p.Names() {
		own[name] = true
	}
	sources, main := p.sources(own)
	renamed := map[string]string{}
	shape := p.sourceShape(main)
	renamed[main] = graph.InputName
	if len(shape) == 1 {
		s.network.Input = graph.Input{Height: 1, Width: 1, Channels: shape[0]}
		renamed[main] = p.fresh("row")
		s.network.Layers = append(s.network.Layers, graph.Flatten{Name: renamed[main]})
	} else {
		s.network.Input = graph.Input{Height: shape[0], Width: shape[1], Channels: shape[2]}
	}
	for k, source := range sources {
		switch want := p.sourceShape(source); {
		case source == main:
		case slices.Equal(want, shape) && !p.readTogether(main, source):
			renamed[source] = renamed[main]
		default:
			renamed[source] = s.move(p, k, renamed[main], shape, want)
		}
	}
	for _, layer := range p.Layers {
		from := slices.Clone(p.lowered.Layers[layer].From)
		for k, name := range from {
			if to, outside := renamed[name]; outside {
				from[k] = to
			}
		}
		s.network.Layers = append(s.network.Layers, rewired(p.network.Layers[layer], p.lowered.Layers[layer].Name, from))
	}
	var err error
	s.lowered, err = graph.Lower(s.network)
	return s, err
}

// sources returns the names of the outputs that the part reads and has not, and the main
// one.
func (p Part) sources(own map[string]bool) (list []string, main string) {
	multiplied := false
	for _, layer := range p.Layers {
		l := p.lowered.Layers[layer]
		multiplies := slices.ContainsFunc(p.lowered.Program.Steps[l.First:l.Last+1], func(s ir.Step) bool { return s.Op.Traits().MultiplyAccumulate })
		for _, name := range l.From {
			if own[name] {
				continue
			}
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
			if multiplies && !multiplied {
				main, multiplied = name, true
			}
		}
	}
	if !multiplied {
		main = list[0]
	}
	return list, main
}

func (p Part) sourceShape(name string) []int {
	if name == graph.InputName {
		return p.shapeOf(ir.Input)
	}
	i, _ := p.lowered.Layer(name) // a layer that another one reads
	return p.shapeOf(p.lowered.Layers[i].Last)
}

// readTogether reports whether a layer reads both sources, so that they must differ.
func (p Part) readTogether(a, b string) bool {
	return slices.ContainsFunc(p.Layers, func(layer int) bool {
		from := p.lowered.Layers[layer].From
		return slices.Contains(from, a) && slices.Contains(from, b)
	})
}

// fresh returns a name that no layer of the network has.
func (p Part) fresh(name string) string {
	for name = "probe." + name; ; name += "." {
		if _, err := p.lowered.Layer(name); err != nil {
			return name
		}
	}
}

// move appends layers that make another shape of the input's numbers, and returns the
// last one's name. The pool at the end keeps TensorFlow from computing the layers in one
// call with the part's.
func (s *small) move(p Part, k int, from string, shape, want []int) string {
	add := func(what string, layer func(name string) graph.Layer) {
		name := p.fresh(fmt.Sprint(what, k))
		s.network.Layers = append(s.network.Layers, layer(name))
		from = name
	}
	selection := func(shape ...int) {
		filter := tensor.MustNew(shape...)
		in, out := shape[len(shape)-2], shape[len(shape)-1]
		for f := range out {
			filter.Data[(f+1)%in*out+f] = -1
		}
		s.weights[from+"/filter"] = filter
	}
	if len(want) == 1 { // of rows, or of images
		channels := shape[len(shape)-1]
		if len(shape) == 3 {
			add("largest", func(name string) graph.Layer { return graph.GlobalMaxPool{Name: name, From: from} })
		}
		add("select", func(name string) graph.Layer {
			return graph.Dense{Name: name, From: from, Units: want[0], NoBias: true}
		})
		selection(channels, want[0])
		return from
	}
	if len(shape) == 1 {
		from, shape = graph.InputName, []int{1, 1, shape[0]}
	}
	if shape[0] != want[0] || shape[1] != want[1] {
		add("resize", func(name string) graph.Layer {
			return graph.Resize{Name: name, From: from, Size: graph.Size{Height: want[0], Width: want[1]}, Method: graph.Nearest}
		})
	}
	add("select", func(name string) graph.Layer {
		return graph.Conv2D{Name: name, From: from, Filters: want[2], Size: graph.Square(1), NoBias: true}
	})
	selection(1, 1, shape[2], want[2])
	add("hold", func(name string) graph.Layer {
		return graph.MaxPool{Name: name, From: from, Size: graph.Square(1)}
	})
	return from
}

// rewired returns a layer with another name that reads other layers.
func rewired(layer graph.Layer, name string, from []string) graph.Layer {
	v := reflect.New(reflect.TypeOf(layer)).Elem()
	v.Set(reflect.ValueOf(layer))
	v.FieldByName("Name").SetString(name)
	if f := v.FieldByName("From"); f.Kind() == reflect.String {
		f.SetString(from[0])
	} else {
		f.Set(reflect.ValueOf(from))
	}
	return v.Interface().(graph.Layer)
}
