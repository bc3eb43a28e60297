package plan

import (
	"fmt"
	"reflect"
	"slices"

	"tfcnn/graph"
)

// MemorySaving is a change of a network or workload that saves memory, and the memory
// before and after.
type MemorySaving struct {
	Name string `json:"name"`
	// What describes the change, or the reason why there is none.
	What string `json:"what"`
	// Possible is false where the changed network is not valid.
	Possible bool  `json:"possible"`
	Before   int64 `json:"before_bytes"`
	After    int64 `json:"after_bytes"` // on each device
}

// MemorySavings computes the effect of five changes: a smaller batch (half of it), a
// larger stride (doubled, in the first layer with a window that allows it), fewer
// layers (without the layer of the largest output that can be left out), 16-bit floats,
// and more devices (two, each with all weights and half of the batch). Where a changed
// network is not valid, or needs no less memory, the next layer is tried. The changed
// network is planned anew: its later layers get smaller, and may get other weights.
// Each trial plans the whole network, so a network of more than 512 layers has fewer
// trials than layers; What has their number where none of them helped.
func MemorySavings(n graph.Network, w Workload) ([]MemorySaving, error) {
	l, err := lower(n)
	if err != nil {
		return nil, err
	}
	m, err := l.memory(w)
	if err != nil {
		return nil, err
	}
	plan, err := l.plan()
	if err != nil {
		return nil, err
	}
	w = m.Workload
	before := m.Required().Bytes
	saving := func(name, what string, net graph.Network, w Workload) MemorySaving {
		r := MemorySaving{Name: name, What: what, Before: before}
		if changed, err := MemoryOf(net, w); err == nil {
			r.Possible, r.After = true, changed.Required().Bytes
		}
		return r
	}
	half, short := w, w
	half.Batch = (w.Batch + 1) / 2
	short.DType = graph.Float16
	list := []MemorySaving{
		saving("smaller batch", fmt.Sprintf("%s in place of %s", images(half.Batch), images(w.Batch)), n, half),
		largerStride(n, l, plan, w, saving),
		fewerLayers(n, l, w, saving),
		saving("16-bit floats", fmt.Sprintf("2 bytes a number in place of %d", w.DType.Bytes()), n, short),
		saving("more devices", fmt.Sprintf("2, each with all weights and %s", images(half.Batch)), n, half),
	}
	for i, same := range []bool{half.Batch == w.Batch, false, false, w.DType.Bytes() == 2, half.Batch == w.Batch} {
		if same {
			list[i].Possible, list[i].After = false, 0
			list[i].What = map[bool]string{true: "a batch of 1 image cannot be split", false: "numbers have 16 bits already"}[i != 3]
		}
	}
	return list, nil
}

func images(n int) string {
	if n == 1 {
		return "1 image"
	}
	return thousands(int64(n)) + " images"
}

type savingFunc func(name, what string, net graph.Network, w Workload) MemorySaving

// trials returns the number of changed networks that are planned for one saving. All
// of them together lower at most 2¹⁸ layers, or the network once.
func trials(layers int) int { return max(1, 1<<18/layers) }

// impossible returns the saving where no trial helped. left reports that the trials
// ended before the layers did.
func (saving savingFunc) impossible(name, change string, tried int, left bool, w Workload) MemorySaving {
	what := "no layer can " + change + " so that less is needed"
	if left {
		what = fmt.Sprintf("none of the %d layers tried can %s so that less is needed", tried, change)
	}
	return saving(name, what, graph.Network{}, w)
}

// largerStride doubles the strides of the first layer for which that saves memory.
func largerStride(n graph.Network, l lowered, plan Plan, w Workload, saving savingFunc) MemorySaving {
	const name, change = "larger stride", "stride further"
	tried := 0
	for i, layer := range n.Layers {
		v := reflect.New(reflect.TypeOf(layer)).Elem()
		v.Set(reflect.ValueOf(layer))
		field := v.FieldByName("Strides")
		window := plan.Layers[i].Window
		if !field.IsValid() || window == nil || window.Transposed {
			continue
		}
		if tried == trials(len(n.Layers)) {
			return saving.impossible(name, change, tried, true, w)
		}
		tried++
		strides := graph.Size{Height: window.Height.Stride, Width: window.Width.Stride}
		doubled := graph.Size{Height: 2 * strides.Height, Width: 2 * strides.Width}
		field.Set(reflect.ValueOf(doubled))
		changed := n
		changed.Layers = slices.Clone(n.Layers)
		changed.Layers[i] = v.Interface().(graph.Layer)
		what := fmt.Sprintf("%s %q strides by %v in place of %v", l.Layers[i].Kind, l.Layers[i].Name, doubled, strides)
		if r := saving(name, what, changed, w); r.Possible && r.After < r.Before {
			return r
		}
	}
	return saving.impossible(name, change, tried, false, w)
}

// fewerLayers leaves out the layer with the largest output without which the network
// is valid and needs less memory.
func fewerLayers(n graph.Network, l lowered, w Workload, saving savingFunc) MemorySaving {
	const name, change = "fewer layers", "be left out"
	order := make([]int, len(l.Layers))
	for i := range order {
		order[i] = i
	}
	size := func(i int) int64 { return numbers(l.Program, l.Layers[i].Last) }
	slices.SortStableFunc(order, func(a, b int) int { return int(max(-1, min(1, size(b)-size(a)))) })
	for tried, i := range order {
		if tried == trials(len(order)) {
			return saving.impossible(name, change, tried, true, w)
		}
		changed, possible := without(n, l, i)
		if !possible {
			continue
		}
		what := fmt.Sprintf("without %s %q", l.Layers[i].Kind, l.Layers[i].Name)
		if r := saving(name, what, changed, w); r.Possible && r.After < r.Before {
			return r
		}
	}
	return saving.impossible(name, change, len(order), false, w)
}

// without leaves a layer out: its readers read its first input instead.
func without(n graph.Network, l lowered, out int) (changed graph.Network, possible bool) {
	if len(n.Layers) == 1 {
		return n, false
	}
	instead := l.Layers[out].From[0]
	name := func(from string) string {
		if from == l.Layers[out].Name {
			return instead
		}
		return from
	}
	changed = n
	changed.Layers = nil
	for i, layer := range n.Layers {
		if i == out {
			continue
		}
		v := reflect.New(reflect.TypeOf(layer)).Elem()
		v.Set(reflect.ValueOf(layer))
		v.FieldByName("Name").SetString(l.Layers[i].Name)
		from := slices.Clone(l.Layers[i].From)
		for k := range from {
			from[k] = name(from[k])
		}
		if field := v.FieldByName("From"); field.Kind() == reflect.String {
			field.SetString(from[0])
		} else {
			field.Set(reflect.ValueOf(from))
		}
		changed.Layers = append(changed.Layers, v.Interface().(graph.Layer))
	}
	changed.Outputs = nil
	named := map[string]bool{}
	for _, at := range l.Outputs {
		output := name(l.Layers[at].Name)
		if output == graph.InputName {
			return n, false
		}
		if !named[output] {
			named[output] = true
			changed.Outputs = append(changed.Outputs, output)
		}
	}
	return changed, true
}
