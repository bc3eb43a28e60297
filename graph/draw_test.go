package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
)

// drawNetwork draws a network that Lower accepts. It adds one layer at a time, and
// draws the layer's fields until they fit its input.
func drawNetwork(r *rand.Rand) Network {
	n := Network{Input: Input{1 + r.IntN(12), 1 + r.IntN(12), 1 + r.IntN(6)}}
	if r.IntN(3) == 0 {
		n.Initializer = drawInitializer(r)
	}
	wanted := 1 + r.IntN(12)
	for tries := 0; len(n.Layers) < wanted && tries < 400; tries++ {
		next := n
		next.Layers = append(n.Layers[:len(n.Layers):len(n.Layers)], drawLayer(r, n))
		if _, err := Lower(next); err == nil {
			n = next
		}
	}
	if len(n.Layers) == 0 {
		n.Layers = []Layer{ReLU{}}
	}
	if lowered, err := Lower(n); err == nil && r.IntN(3) == 0 {
		for _, i := range r.Perm(len(lowered.Layers))[:1+r.IntN(len(lowered.Layers))] {
			n.Outputs = append(n.Outputs, lowered.Layers[i].Name)
		}
	}
	return n
}

func drawLayer(r *rand.Rand, n Network) Layer {
	layer := layerTypes[r.IntN(len(layerTypes))]
	v := reflect.New(reflect.TypeOf(layer)).Elem()
	for _, m := range jsonFields(v.Type()) {
		if !m.required && r.IntN(2) == 0 {
			continue
		}
		field := m.get(v)
		drawn := reflect.New(field.Type()).Elem()
		drawValue(r, n, m, drawn)
		m.set(v, drawn)
	}
	return v.Interface().(Layer)
}

func drawValue(r *rand.Rand, n Network, m jsonField, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *Size:
		*x = Size{1 + r.IntN(4), 1 + r.IntN(4)}
		switch half := r.IntN(6); {
		case m.required && half < 3:
			*x = Square(x.Width)
		case !m.required && half == 0:
			x.Height = 0
		case !m.required && half == 1:
			x.Width = 0
		}
	case *Padding:
		*x = []Padding{Valid, Same, Explicit(r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3))}[r.IntN(3)]
	case *Sides:
		*x = Sides{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)}
	case *Initializer:
		*x = drawInitializer(r)
	case *[]string:
		for range 2 + r.IntN(2) {
			*x = append(*x, drawSource(r, n))
		}
	case *[]float32:
		for range 1 + r.IntN(3) {
			*x = append(*x, float32(r.NormFloat64()))
		}
	case *string:
		*x = fmt.Sprintf("l%d-%d", len(n.Layers), r.IntN(3))
		if m.name == "from" {
			*x = drawSource(r, n)
		}
	case *int:
		*x = 1 + r.IntN(5)
	case *bool:
		*x = true
	case *float32:
		*x = []float32{r.Float32(), 0.1, 1e-5, math.SmallestNonzeroFloat32, math.MaxFloat32, -r.Float32(), 3}[r.IntN(7)]
	default:
		words := v.Interface().(choice).choices()
		v.SetString(words[r.IntN(len(words))])
	}
}

func drawSource(r *rand.Rand, n Network) string {
	lowered, err := Lower(n)
	if i := r.IntN(len(n.Layers) + 2); err == nil && i < len(n.Layers) {
		return lowered.Layers[i].Name
	} else if i == len(n.Layers) {
		return InputName
	}
	return ""
}

func drawInitializer(r *rand.Rand) Initializer {
	kinds := InitializerKind("").choices()
	i := Initializer{Kind: InitializerKind(kinds[r.IntN(len(kinds))])}
	if i.Kind == TruncatedNormal && r.IntN(2) == 0 {
		i.Deviation = r.Float64() + 1e-9
	}
	return i
}
