package session_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/session"
)

// drawnNormal has Gaussian numbers of a standard deviation.
func drawnNormal(random *rand.Rand, deviation float64, shape ...int) tensor.Tensor {
	x := tensor.MustNew(shape...)
	for i := range x.Data {
		x.Data[i] = float32(deviation * random.NormFloat64())
	}
	return x
}

// TensorFlow's sums stay below the alarm on numbers of random signs, at the sizes of vgg16
// and of the last layers of alexnet: no false alarm. With the numbers' last bits cut off
// before, as TF32 and bfloat16 do, each is noticed.
func TestLevelsOfTensorFlow(t *testing.T) {
	b := backend(t)
	unit := ir.Conv2D{Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Groups: 1}
	same := unit
	same.Padding.Kind = ir.Same
	for _, tt := range []struct {
		name      string
		op        ir.Op
		x, filter []int
	}{
		{"dense of 4,608 terms", ir.Dense{}, []int{16, 4608}, []int{4608, 64}},
		{"dense of 25,088 terms", ir.Dense{}, []int{4, 25088}, []int{25088, 64}},
		{"dense of 25,088 terms, one image", ir.Dense{}, []int{1, 25088}, []int{25088, 256}},
		{"conv2d of 4,608 terms", same, []int{1, 9, 9, 512}, []int{3, 3, 512, 32}},
		{"conv2d of 25,088 terms", unit, []int{2, 8, 8, 512}, []int{7, 7, 512, 32}},
		{"conv2d of 1×1", unit, []int{1, 12, 12, 576}, []int{1, 1, 576, 64}},
	} {
		random := rand.New(rand.NewPCG(81, 82))
		x, filter := drawnNormal(random, 1, tt.x...), drawnNormal(random, 0.1, tt.filter...)
		bias := drawnNormal(random, 1, tt.filter[len(tt.filter)-1])
		for _, positive := range []bool{false, true} {
			if positive { // as behind a ReLU
				for i, v := range x.Data {
					x.Data[i] = max(v, 0)
				}
			}
			want, err := ref.ApplyLevels(t.Context(), ref.Arithmetic{}, ref.JudgeLevels, tt.op, x, filter, bias)
			if err != nil {
				t.Fatal(err)
			}
			compare := func(drop int) proof.Verdict {
				cut := func(of tensor.Tensor) tensor.Tensor {
					of = of.Clone()
					for i, v := range of.Data {
						of.Data[i] = math.Float32frombits(math.Float32bits(v) >> drop << drop)
					}
					return of
				}
				got, err := b.Apply(t.Context(), tt.op, cut(x), cut(filter), bias)
				if err != nil {
					t.Fatal(err)
				}
				return proof.Compare(want, got)
			}
			v := compare(0)
			t.Logf("%s, positive inputs %v: level %.3g, share %.3g", tt.name, positive, v.Level, v.Share)
			if v.Status != proof.Pass || v.Level == 0 {
				t.Errorf("%s, positive inputs %v: %v, level %.3g", tt.name, positive, v, v.Level)
			}
			for _, drop := range []int{13, 16} {
				v := compare(drop)
				t.Logf("%s, positive inputs %v, %d bits cut: level %.4g, share %.3g", tt.name, positive, drop, v.Level, v.Share)
				if v.OK() {
					t.Errorf("%s, positive inputs %v, %d bits cut: %v, level %.3g", tt.name, positive, drop, v, v.Level)
				}
			}
		}
	}
}

// Levels stand behind the activations, sums and pools of a network that runs as a whole:
// float32 stays below the alarm, and the same network in bfloat16 does not, though it may
// lie within the bounds, which grow from layer to layer.
func TestLevelsOfNetworks(t *testing.T) {
	net := graph.Network{
		Input: graph.Input{Height: 12, Width: 12, Channels: 64},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "c1", Filters: 64, Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLUActivation},
			graph.Conv2D{Name: "c2", Filters: 64, Size: graph.Square(3), Padding: graph.Same, NoBias: true},
			graph.BatchNorm{Name: "n2"},
			graph.Add{Name: "sum", From: []string{"n2", "c1"}},
			graph.ReLU{},
			graph.MaxPool{Size: graph.Square(2)},
			graph.DepthwiseConv2D{Size: graph.Square(3), Padding: graph.Same, Activation: graph.ReLU6Activation},
			graph.Conv2D{Filters: 128, Size: graph.Square(1), Activation: graph.SwishActivation},
			graph.Flatten{},
			graph.Dense{Units: 200, Activation: graph.TanhActivation},
			graph.Dense{Units: 50},
		},
	}
	random := rand.New(rand.NewPCG(91, 92))
	weights := net.InitialWeights(1)
	batch := drawnNormal(random, 1, 2, 12, 12, 64)
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	last := len(lowered.Program.Steps) - 1
	p := ref.Propagation{Program: lowered.Program, Weights: weights, Levels: ref.JudgeLevels}
	want, err := p.Results(t.Context(), batch, nil, []int{last})
	if err != nil {
		t.Fatal(err)
	}
	for _, compute := range []graph.DType{graph.Float32, graph.BFloat16} {
		s, err := session.Open(net, weights, session.Options{Compute: compute})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(t.Context(), batch)
		if closing := s.Close(); closing != nil {
			t.Error(closing)
		}
		if err != nil {
			t.Fatal(err)
		}
		v := proof.Compare(want[0], got)
		t.Logf("%s: level %.4g, share of bound %.3g", compute, v.Level, v.Share)
		if v.OK() != (compute == graph.Float32) || v.Level == 0 {
			t.Errorf("%s: %v, level %.3g", compute, v, v.Level)
		}
	}
}
