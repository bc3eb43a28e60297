package probe_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// longSums are layers with as many terms as the longest of resnet18 and vgg16.
var longSums = []struct {
	net   graph.Network
	terms int
}{
	{graph.Network{
		Input:  graph.Input{Height: 7, Width: 7, Channels: 512},
		Layers: []graph.Layer{graph.Conv2D{Name: "c", Filters: 4, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation}},
	}, 4608},
	{graph.Network{
		Input:  graph.Input{Height: 1, Width: 1, Channels: 25088},
		Layers: []graph.Layer{graph.Flatten{Name: "flat"}, graph.Dense{Name: "c", Units: 4, Activation: graph.ReLUActivation}},
	}, 25088},
}

// In sums of 4,608 and of 25,088 terms, a lost product, an exchange of channels and an
// operand of 11 bits are noticed.
func TestLongSums(t *testing.T) {
	for _, tt := range longSums {
		_, list := parts(t, tt.net)
		p, err := list[len(list)-1].Exact(t.Context(), ref.Arithmetic{}, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		right := device(t, &p, p.Weights, p.Images)
		if v := p.Outputs[0].Compare(all(&p), right); v.Status != proof.Pass || v.Exact != v.Elements || v.Elements == 0 {
			t.Fatalf("%d terms: %v", tt.terms, v)
		}
		filters := 4
		filter := p.Weights["c/filter"]
		lost := func(k int) graph.Weights {
			return changed(p.Weights, "c/filter", func(w []float32) { w[k*filters] = 0 })
		}
		for k := 0; k < tt.terms; k += tt.terms / 7 {
			// Of the dense layer's images, one shows each product: a ReLU hides others.
			if v := p.Outputs[0].Compare(all(&p), device(t, &p, lost(k), p.Images)); v.Status != proof.Fail {
				t.Errorf("%d terms: product %d of a filter is lost: %v", tt.terms, k, v)
			}
		}
		for name, weights := range map[string]graph.Weights{
			"filter of 11 bits": changed(p.Weights, "c/filter", func(w []float32) { cutTo(w, 11) }),
			"two channels exchanged": changed(p.Weights, "c/filter", func(w []float32) {
				for f := range filters {
					w[f], w[filters+f] = w[filters+f], w[f]
				}
			}),
			"bias lost": changed(p.Weights, "c/bias", func(b []float32) { b[filters-1] = 0 }),
		} {
			if v := p.Outputs[0].Compare(all(&p), device(t, &p, weights, p.Images)); v.Status != proof.Fail {
				t.Errorf("%d terms: %s: %v", tt.terms, name, v)
			}
		}
		images := p.Images.Clone()
		cutTo(images.Data, 11)
		if v := p.Outputs[0].Compare(all(&p), device(t, &p, p.Weights, images)); v.Status != proof.Fail {
			t.Errorf("%d terms: images of 11 bits: %v", tt.terms, v)
		}
		if bits := filter.Data; !slices.ContainsFunc(bits, func(x float32) bool { return x > 2048 || x < -2048 }) {
			t.Errorf("%d terms: the filter has no number of 12 bits", tt.terms)
		}
	}
}

func changed(weights graph.Weights, name string, change func([]float32)) graph.Weights {
	list := graph.Weights{}
	for n, w := range weights {
		list[n] = w
	}
	list[name] = weights[name].Clone()
	change(list[name].Data)
	return list
}

// cutTo rounds numbers to so many significant bits.
func cutTo(x []float32, bits int) {
	for i, v := range x {
		fraction, exponent := math.Frexp(float64(v))
		x[i] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(fraction, bits)), exponent-bits))
	}
}

// With a GPU's arithmetic sums are compared by its bounds, and the probe says so.
func TestArithmetic(t *testing.T) {
	_, list := parts(t, longSums[0].net)
	for a, want := range map[ref.Arithmetic]string{
		{TF32: true}:            "TF32",
		{FFT: true}:             "Fourier transforms",
		{TF32: true, FFT: true}: "TF32 Fourier transforms",
	} {
		p, err := list[0].Exact(t.Context(), a, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		v := p.Outputs[0].Compare(all(&p), device(t, &p, p.Weights, p.Images))
		if got := strings.Join(p.Rounding, " "); got != want || v.Status != proof.Pass || v.Exact == v.Elements {
			t.Errorf("%+v: rounding %q, want %q; %v", a, got, want, v)
		}
	}
}

// On random signs the level notices images of 11 bits, and a filter of 8, in sums of 4,608
// and of 25,088 terms, behind a ReLU too.
func TestPrecision(t *testing.T) {
	for _, tt := range longSums {
		_, list := parts(t, tt.net)
		p, err := list[len(list)-1].RandomSigns(t.Context(), ref.Arithmetic{}, 1, 4)
		if err != nil {
			t.Fatal(err)
		}
		images := p.Images.Clone()
		cutTo(images.Data, 11)
		for name, output := range map[string]tensor.Tensor{
			"images of 11 bits": device(t, &p, p.Weights, images),
			"a filter of 8":     device(t, &p, changed(p.Weights, "c/filter", func(w []float32) { cutTo(w, 8) }), p.Images),
		} {
			if v := p.Outputs[0].Compare(all(&p), output); v.OK() || v.Level <= ref.AlarmLevel {
				t.Errorf("%d terms: %s: %v, level %g", tt.terms, name, v, v.Level)
			}
		}
	}
}
