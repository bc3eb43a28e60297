package proof_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// noWorking are the fields of layers that change no output of a network whose weights
// are given.
var noWorking = []string{"Name", "Initializer", "Rate"}

// fault is a change of one field of one layer, as if its lowering had another default,
// dropped the field or exchanged its parts.
type fault struct {
	name   string // as "batch_norm.Epsilon: 1e-05 by default"
	change func(field reflect.Value)
}

// faultsOf lists the faults of a layer's field. A field that is left out gets another
// default, a given one is dropped, and parts are exchanged.
func faultsOf(kind, name string, field reflect.Value) (list []fault) {
	add := func(what string, change func(reflect.Value)) {
		list = append(list, fault{fmt.Sprintf("%s.%s: %s", kind, name, what), change})
	}
	set := func(what string, value any) {
		add(what, func(f reflect.Value) { f.Set(reflect.ValueOf(value).Convert(f.Type())) })
	}
	if !field.IsZero() {
		add("dropped", func(f reflect.Value) { f.SetZero() })
	}
	left := field.IsZero()
	switch value := field.Interface().(type) {
	case graph.Size:
		if left {
			set("2×1 by default", graph.Size{Height: 2, Width: 1})
			set("1×2 by default", graph.Size{Height: 1, Width: 2})
		} else {
			set("axes exchanged", graph.Size{Height: value.Width, Width: value.Height})
		}
	case graph.Padding:
		switch value.Kind {
		case graph.Valid.Kind:
			set("SAME by default", graph.Same)
		case graph.Same.Kind: // it may be dropped
		default:
			set("top and bottom exchanged", graph.Explicit(value.Bottom, value.Top, value.Left, value.Right))
			set("left and right exchanged", graph.Explicit(value.Top, value.Bottom, value.Right, value.Left))
			set("axes exchanged", graph.Explicit(value.Left, value.Right, value.Top, value.Bottom))
		}
	case graph.Activation:
		for _, other := range append(graph.Activations(), graph.Linear) {
			switch {
			case other == value:
			case left:
				set(string(other)+" by default", other)
			default:
				set(fmt.Sprintf("%s computes %q", value, other), other)
			}
		}
	case graph.Method:
		for _, other := range []graph.Method{graph.Nearest, graph.Bilinear} {
			if left {
				set("another by default", other) // one of the two is
			} else {
				set(string(other)+" always", other)
			}
		}
	case float32:
		if left {
			for _, other := range []float32{1e-5, 1e-4, 0.3, 0.75, 2} {
				set(fmt.Sprint(other, " by default"), other)
			}
		} else {
			set("an eighth more", value*1.125)
		}
	case int:
		if left {
			set("2 by default", 2)
		} else {
			set("one more", value+1)
		}
	case bool:
		set("reversed", !value)
	case []float32:
		if left {
			set("0.3 by default", []float32{0.3})
		} else if len(value) > 1 {
			reversed := slices.Clone(value)
			slices.Reverse(reversed)
			set("order reversed", reversed)
		}
	case string: // From
		if left {
			set("the input by default", graph.InputName)
		}
	case []string: // From, of two and more
		reversed := slices.Clone(value)
		slices.Reverse(reversed)
		if kind == "concat" { // a sum has no order
			set("order reversed", reversed)
		}
		set("the last one lost", append(slices.Clone(value[:len(value)-1]), value[0]))
	default:
		panic(fmt.Sprintf("%s.%s has the type %T, want one with faults here", kind, name, value))
	}
	return list
}

// sidesExchanged are the faults of a ZeroPad's sides.
func sidesExchanged(p graph.ZeroPad) map[string]graph.Layer {
	return map[string]graph.Layer{
		"zero_pad: top and bottom exchanged": graph.ZeroPad{Name: p.Name, From: p.From, Top: p.Bottom, Bottom: p.Top, Left: p.Left, Right: p.Right},
		"zero_pad: left and right exchanged": graph.ZeroPad{Name: p.Name, From: p.From, Top: p.Top, Bottom: p.Bottom, Left: p.Right, Right: p.Left},
		"zero_pad: axes exchanged":           graph.ZeroPad{Name: p.Name, From: p.From, Top: p.Left, Bottom: p.Right, Left: p.Top, Right: p.Bottom},
	}
}

// fieldsOfCases are the fields of the layers of cases, as "conv2d.Strides".
type fieldsOfCases struct {
	types       map[string]reflect.Type // by kind
	given, left map[string]bool
	faults      map[string]bool // whether a case notices a fault
}

// Each fault that a layer's field can have, in its default, in its use and in the order
// of its parts, is noticed by a case of a whole network, for each layer type and each
// field. A network's fields feed TensorFlow and the reference alike, so that no
// comparison of the two notices such a fault.
func TestFaultsOfLayersAreNoticed(t *testing.T) {
	f := fieldsOfCases{map[string]reflect.Type{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, c := range networks(t) {
		lowered, err := graph.Lower(c.Network)
		if err != nil {
			t.Fatal(err)
		}
		for i, layer := range c.Network.Layers {
			f.add(t, c, i, lowered.Layers[i].Kind, layer)
		}
	}
	for name, noticed := range f.faults {
		if !noticed {
			t.Errorf("%s: no case notices it", name)
		}
	}
	for _, kind := range kinds(t) {
		of, found := f.types[kind]
		if !found {
			t.Errorf("%s is in no case", kind)
			continue
		}
		for _, field := range reflect.VisibleFields(of) {
			key := kind + "." + field.Name
			// A factor of up_sample has no default, though its type has one.
			needed := strings.Contains(field.Tag.Get("net"), "required") || key == "up_sample.Size"
			if !f.given[key] && !slices.Contains(noWorking, field.Name) {
				t.Errorf("%s is given in no case", key)
			}
			if !f.left[key] && !needed {
				t.Errorf("%s is left out in no case", key)
			}
		}
	}
	if len(f.faults) < 400 {
		t.Errorf("%d faults, want them all", len(f.faults))
	}
}

// add enters the fields of a case's layer i, and tries the faults that no case before
// it noticed.
func (f fieldsOfCases) add(t *testing.T, c proof.NetworkCase, i int, kind string, layer graph.Layer) {
	try := func(name string, changed graph.Layer) {
		if f.faults[name] || reflect.DeepEqual(changed, layer) {
			return
		}
		n := c.Network
		n.Layers = slices.Clone(n.Layers)
		n.Layers[i] = changed
		f.faults[name] = notices(t, c, n)
	}
	f.types[kind] = reflect.TypeOf(layer)
	for k, field := range reflect.VisibleFields(f.types[kind]) {
		value := reflect.ValueOf(layer).Field(k)
		if key := kind + "." + field.Name; value.IsZero() {
			f.left[key] = true
		} else {
			f.given[key] = true
		}
		if slices.Contains(noWorking, field.Name) {
			continue
		}
		for _, fault := range faultsOf(kind, field.Name, value) {
			changed := reflect.New(f.types[kind]).Elem()
			changed.Set(reflect.ValueOf(layer))
			fault.change(changed.Field(k))
			try(fault.name, changed.Interface().(graph.Layer))
		}
	}
	if pad, is := layer.(graph.ZeroPad); is {
		for name, changed := range sidesExchanged(pad) {
			try(name, changed)
		}
	}
}

// notices reports whether a case fails with another network in place of its own: it is
// refused, or the reference differs from the expectation.
func notices(t *testing.T, c proof.NetworkCase, n graph.Network) bool {
	t.Helper()
	lowered, err := graph.Lower(n)
	if err != nil || lowered.CheckWeights(c.Weights) != nil {
		return true
	}
	var steps []int
	for _, name := range c.Outputs() {
		at, err := lowered.Layer(name)
		if err != nil {
			return true
		}
		steps = append(steps, lowered.Layers[at].Last)
	}
	p := ref.Propagation{Program: lowered.Program, Weights: c.Weights}
	results, err := p.Results(t.Context(), c.Input, nil, steps)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range c.Outputs() {
		if proof.CompareExpectation(results[i], c.Expect[name]).Status == proof.Fail {
			return true
		}
	}
	return false
}

// kinds lists the kinds of all layers, as the schema of networks has them.
func kinds(t *testing.T) []string {
	t.Helper()
	var schema struct {
		Defs struct {
			Type struct {
				AnyOf []struct{ Enum []string }
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(graph.Schema(), &schema); err != nil || len(schema.Defs.Type.AnyOf) == 0 {
		t.Fatalf("the schema's types: %v, %v", schema, err)
	}
	return schema.Defs.Type.AnyOf[0].Enum
}

// A rate of dropout, a name and an initializer change no output: with other ones each
// case passes.
func TestFieldsWithoutWorking(t *testing.T) {
	tried := 0
	for _, c := range networks(t) {
		n := c.Network
		n.Initializer = graph.Initializer{Kind: graph.HeNormal}
		n.Layers = slices.Clone(n.Layers)
		for i, layer := range n.Layers {
			if dropout, is := layer.(graph.Dropout); is {
				dropout.Rate = 0.125
				n.Layers[i] = dropout
				tried++
			}
		}
		if notices(t, c, n) {
			t.Errorf("%s fails with another initializer and rate", c.Name)
		}
	}
	if tried < 2 {
		t.Errorf("%d layers of dropout, want some", tried)
	}
}
