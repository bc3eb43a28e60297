package draw

import (
	"reflect"
	"slices"

	"tfcnn/graph"
)

// smallerNetworks returns the networks that are one step smaller than a network, the
// largest step first. Networks that Lower refuses are left out.
func smallerNetworks(n Network) []Network {
	lowered, err := graph.Lower(n.Network)
	if err != nil {
		return nil
	}
	n.Network.Layers = named(n.Network, lowered)
	var list []Network
	try := func(change func(*Network)) {
		smaller := n
		smaller.Network.Layers = slices.Clone(n.Network.Layers)
		change(&smaller)
		if !reflect.DeepEqual(smaller, n) && smaller.check() == nil {
			list = append(list, smaller)
		}
	}
	layers := len(n.Network.Layers)
	for _, keep := range []int{layers / 2, layers - 1} { // the first layers alone
		try(func(s *Network) { drop(&s.Network, keep, layers) })
	}
	for i := range layers { // a layer less, or an input of the shape that a layer reads
		try(func(s *Network) { drop(&s.Network, i, i+1) })
		if shape := readShape(lowered, i); i > 0 && len(shape) == 3 {
			try(func(s *Network) {
				s.Network.Input = graph.Input{Height: shape[0], Width: shape[1], Channels: shape[2]}
				drop(&s.Network, 0, i)
			})
		}
	}
	try(func(s *Network) { s.Network.Outputs = nil })
	for _, images := range []int{1, n.Images / 2, n.Images - 1} {
		try(func(s *Network) { s.Images = images })
	}
	for _, side := range []func(*graph.Input) *int{
		func(in *graph.Input) *int { return &in.Height },
		func(in *graph.Input) *int { return &in.Width },
		func(in *graph.Input) *int { return &in.Channels },
	} {
		for _, size := range smallerNumbers(*side(&n.Network.Input)) {
			try(func(s *Network) { *side(&s.Network.Input) = size })
		}
	}
	for i, layer := range n.Network.Layers {
		for _, plainer := range plainerLayers(layer) {
			try(func(s *Network) { s.Network.Layers[i] = plainer })
		}
	}
	for _, set := range []func(*Network){
		func(s *Network) { s.Executor = "" }, func(s *Network) { s.Threads = 0 }, func(s *Network) { s.Store = "" },
		func(s *Network) { s.Numbers = Whole },
	} {
		try(set)
	}
	return list
}

// named returns the layers with their names and the names that they read.
func named(n graph.Network, lowered graph.Lowered) []graph.Layer {
	var layers []graph.Layer
	for i, layer := range n.Layers {
		layer = withField(layer, "Name", lowered.Layers[i].Name)
		layers = append(layers, reading(layer, lowered.Layers[i].From))
	}
	return layers
}

// reading returns a layer that reads other layers.
func reading(layer graph.Layer, from []string) graph.Layer {
	if _, one := sources(layer).(string); one {
		return withField(layer, "From", from[0])
	}
	return withField(layer, "From", from)
}

// sources returns a layer's field From: a name, or a list of names.
func sources(layer graph.Layer) any { return reflect.ValueOf(layer).FieldByName("From").Interface() }

// sourceNames returns the names that a layer reads.
func sourceNames(layer graph.Layer) []string {
	switch from := sources(layer).(type) {
	case []string:
		return from
	case string:
		return []string{from}
	}
	return nil
}

// readShape returns the shape of the first output that layer i reads, without the batch.
func readShape(lowered graph.Lowered, i int) []int {
	from := lowered.Program.Steps[lowered.Layers[i].First].Inputs[0]
	if from < 0 {
		return lowered.Program.Input
	}
	return lowered.Program.Steps[from].Shape[1:]
}

// drop removes layers of explicit names. A layer that read one of them reads the first
// layer that it read, or the input.
func drop(n *graph.Network, from, to int) {
	instead := map[string]string{}
	for _, layer := range n.Layers[from:to] {
		name := reflect.ValueOf(layer).FieldByName("Name").String()
		source := sourceNames(layer)[0]
		if earlier, gone := instead[source]; gone {
			source = earlier
		}
		instead[name] = source
		n.Outputs = slices.DeleteFunc(slices.Clone(n.Outputs), func(output string) bool { return output == name })
	}
	n.Layers = slices.Delete(slices.Clone(n.Layers), from, to)
	if len(n.Outputs) == 0 {
		n.Outputs = nil
	}
	for i, layer := range n.Layers {
		var names []string
		for _, name := range sourceNames(layer) {
			if other, gone := instead[name]; gone {
				name = other
			}
			names = append(names, name)
		}
		n.Layers[i] = reading(layer, names)
	}
}

// smallerNumbers are numbers from 1 to n − 1, the best first.
func smallerNumbers(n int) []int {
	var list []int
	for _, size := range []int{1, 2, 4, n / 2, n - 1} {
		if size > 0 && size < n && !slices.Contains(list, size) {
			list = append(list, size)
		}
	}
	return list
}

// plainerLayers have one field that is its default or smaller.
func plainerLayers(layer graph.Layer) []graph.Layer {
	var list []graph.Layer
	for field, v := range reflect.ValueOf(layer).Fields() {
		set := func(value any) { list = append(list, withField(layer, field.Name, value)) }
		switch value := v.Interface().(type) {
		case string: // a name
		case []string: // the layers that it reads: two, or one twice
			set(value[:2])
			for _, name := range value {
				set([]string{name, name})
			}
		case graph.Size:
			set(graph.Size{})
			for _, n := range smallerNumbers(value.Height) {
				set(graph.Size{Height: n, Width: value.Width})
			}
			for _, n := range smallerNumbers(value.Width) {
				set(graph.Size{Height: value.Height, Width: n})
			}
		case int:
			set(0)
			for _, n := range smallerNumbers(value) {
				set(n)
			}
		case bool:
			set(true) // without a bias
		default:
			set(reflect.Zero(v.Type()).Interface())
		}
	}
	return list
}
