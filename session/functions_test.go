package session_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session/verify"
)

// everyKind are float32 numbers of all sizes and signs, by a stride through all
// that there are.
func everyKind(stride uint64, shape ...int) tensor.Tensor {
	x, _ := tensor.New(shape...)
	bits := uint64(0)
	for i := range x.Data {
		for v := float32(math.NaN()); v-v != 0; bits += stride {
			v = math.Float32frombits(uint32(bits))
			x.Data[i] = v
		}
	}
	return x
}

// TensorFlow's functions fit the table for a sample of all numbers; cmd/sweep checks
// all of them.
func TestFunctionsOfEverySize(t *testing.T) {
	b := backend(t)
	x := everyKind(4093, 1<<20)
	for _, op := range ir.Operations() {
		if !op.Traits().Elementwise {
			continue
		}
		if op.Kind() == (ir.LeakyReLU{}).Kind() {
			op = ir.LeakyReLU{Alpha: 0.2}
		}
		want, err := ref.Apply(t.Context(), op, x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Apply(t.Context(), op, x)
		if err != nil {
			t.Fatal(err)
		}
		if v := proof.Compare(want, got); !v.OK() || v.Unspecified > 0 {
			t.Errorf("%s: %v", op.Kind(), v)
		}
	}
}

// So it is where it computes the function in one call with the layer before,
// where oneDNN has code of its own. The filter leaves numbers as they are.
func TestFusedFunctionsOfEverySize(t *testing.T) {
	const channels = 8
	for _, a := range graph.Activations() {
		if a == graph.SoftmaxActivation {
			continue // looks at all channels of a place
		}
		for _, net := range []graph.Network{
			{Input: graph.Input{Height: 64, Width: 64, Channels: channels}, Layers: []graph.Layer{
				graph.Conv2D{Name: "c", Filters: channels, Size: graph.Square(1), Activation: a},
			}},
			{Input: graph.Input{Height: 1, Width: 1, Channels: channels}, Layers: []graph.Layer{
				graph.Flatten{}, graph.Dense{Name: "c", Units: channels, Activation: a},
			}},
		} {
			weights := net.InitialWeights(1)
			for i := range weights["c/filter"].Data {
				weights["c/filter"].Data[i] = 0
			}
			for i := range channels {
				weights["c/filter"].Data[i*channels+i] = 1
				weights["c/bias"].Data[i] = 0x1p-126 // with zeros there would be no bias, and two calls
			}
			in := net.Input
			batch := everyKind(40009, (1<<18)/(in.Height*in.Width*channels), in.Height, in.Width, channels)
			v, err := verify.Network(t.Context(), net, weights, batch, verify.Options{})
			if err == nil {
				err = v.Err()
			}
			if err != nil {
				t.Errorf("%v: %v", a, err)
			}
		}
	}
}

// Softmax of two numbers is the sigmoid of their difference: differences of all
// sizes, where terms are lost.
func TestSoftmaxOfEveryDifference(t *testing.T) {
	b := backend(t)
	for _, n := range []int{2, 17} {
		x, _ := tensor.New(1<<15, n)
		for i := range x.Data {
			x.Data[i] = -110 * float32(i/n) / (1 << 15) * float32(i%n) / float32(n-1)
		}
		holds(t, b, fmt.Sprint(n, " numbers"), ir.Softmax{}, x)
	}
}

func holds(t *testing.T, b *operations.Backend, name string, op ir.Op, operands ...tensor.Tensor) {
	t.Helper()
	want, err := ref.Apply(t.Context(), op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Apply(t.Context(), op, operands...)
	if err != nil {
		t.Fatal(err)
	}
	v := proof.Compare(want, got)
	// Of numbers that all may leave float32's range nothing is asked.
	if lost := v.Unspecified+v.Overflowed == v.Elements; !v.OK() && !(lost && v.Status == proof.Nothing) {
		t.Errorf("%s of %s: %v", op.Kind(), name, v)
	}
	t.Logf("%s of %s: %v", op.Kind(), name, v)
}

// Numbers that are hard for a normalisation: differences that cancel, that are
// subnormal, and factors that are huge.
func TestNormalisationsOfHardNumbers(t *testing.T) {
	b := backend(t)
	random := rand.New(rand.NewPCG(1, 2))
	numbers := func(scale float64, shape ...int) tensor.Tensor {
		x, _ := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = float32(random.NormFloat64() * scale)
		}
		return x
	}
	const channels = 32
	for _, epsilon := range []float32{1e-3, 1e-20, 0x1p-100} {
		for _, size := range []float64{1, 1000, 0x1p-125, 0x1p-100, 1e30} {
			for _, near := range []bool{false, true} {
				x, mean, variance := numbers(size, 2, 9, 9, channels), numbers(size, channels), numbers(1, channels)
				for i := range variance.Data {
					variance.Data[i] *= variance.Data[i]
					if i%3 == 0 {
						variance.Data[i] = 0
					}
				}
				for i := range x.Data {
					if near {
						x.Data[i] = mean.Data[i%channels] * float32(1+1e-6*random.NormFloat64())
					}
				}
				holds(t, b, fmt.Sprint("size ", size, ", near the mean ", near, ", epsilon ", epsilon), ir.BatchNorm{Epsilon: epsilon},
					x, numbers(1, channels), numbers(size, channels), mean, variance)
			}
		}
	}
	for _, beta := range []float32{0.5, 0.75, 1, 0, -1, 3} {
		for _, size := range []float64{1, 100, 1e-20, 1e15} {
			for _, depth := range []int{7, 400} {
				x := numbers(size, 1, 3, 3, depth)
				for i := range x.Data {
					if random.IntN(50) == 0 {
						x.Data[i] *= 300 // what a running sum does not get rid of
					}
				}
				holds(t, b, fmt.Sprint("size ", size, ", depth ", depth, ", beta ", beta), ir.LRN{DepthRadius: 3, Bias: 1.5, Alpha: 0.1, Beta: beta}, x)
			}
		}
	}
}

func TestResizeOfHardSizes(t *testing.T) {
	b := backend(t)
	for _, sizes := range [][4]int{{7, 5, 14, 10}, {8, 6, 4, 3}, {9, 9, 3, 27}, {49, 3, 50, 2}, {1, 1, 5, 3}, {1000, 2, 999, 3}, {3, 1001, 2, 1003}, {640, 4, 224, 3}} {
		x, _ := tensor.New(1, sizes[0], sizes[1], 2)
		for i := range x.Data {
			x.Data[i] = float32(math.Sin(float64(i) * 12.9898))
		}
		for _, method := range []string{ir.Nearest, ir.Bilinear} {
			holds(t, b, fmt.Sprint(sizes), ir.Resize{Size: [2]int{sizes[2], sizes[3]}, Method: method}, x)
		}
	}
}
