package session_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/profile"
	"tfcnn/session/verify"
)

// foldable makes the layers whose constants TensorFlow's optimizer multiplies or adds,
// and those that stand between, by name. whole has constants that are exact in float32.
func foldable(whole bool) map[string]func(name string) graph.Layer {
	scale, shift, each := []float32{1.7}, []float32{0.37}, []float32{1.7, -0.3, 0.7, 1.1, 1.3, 0.9, 0.77, 1.234}
	if whole {
		scale, shift, each = []float32{0.5}, []float32{3}, []float32{2, -1, 0.5, 1, 4, 1, -2, 1}
	}
	list := map[string]func(name string) graph.Layer{
		"scale":   func(name string) graph.Layer { return graph.ScaleShift{Name: name, Scale: scale} },
		"scales":  func(name string) graph.Layer { return graph.ScaleShift{Name: name, Scale: each} },
		"shift":   func(name string) graph.Layer { return graph.ScaleShift{Name: name, Shift: shift} },
		"both":    func(name string) graph.Layer { return graph.ScaleShift{Name: name, Scale: each, Shift: shift} },
		"none":    func(name string) graph.Layer { return graph.ScaleShift{Name: name} },
		"pad":     func(name string) graph.Layer { return graph.ZeroPad{Name: name, Top: 1, Right: 2} },
		"dropout": func(name string) graph.Layer { return graph.Dropout{Name: name, Rate: 0.5} },
		"relu":    func(name string) graph.Layer { return graph.ReLU{Name: name} },
		"twice":   func(name string) graph.Layer { return graph.Add{Name: name, From: []string{"before", "before"}} },
		"conv": func(name string) graph.Layer {
			return graph.Conv2D{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same, NoBias: true}
		},
		"conv with bias": func(name string) graph.Layer {
			return graph.Conv2D{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same}
		},
		"groups": func(name string) graph.Layer {
			return graph.Conv2D{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same, Groups: 2, NoBias: true}
		},
		"groups with bias": func(name string) graph.Layer {
			return graph.Conv2D{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same, Groups: 2}
		},
		"depthwise": func(name string) graph.Layer {
			return graph.DepthwiseConv2D{Name: name, Size: graph.Square(3), Padding: graph.Same, NoBias: true}
		},
		"transpose": func(name string) graph.Layer {
			return graph.Conv2DTranspose{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same, NoBias: true}
		},
		"transpose, groups": func(name string) graph.Layer {
			return graph.Conv2DTranspose{Name: name, Filters: 8, Size: graph.Square(3), Padding: graph.Same, Groups: 2, NoBias: true}
		},
	}
	if !whole {
		for kind, make := range map[string]func(name string) graph.Layer{
			"norm":       func(name string) graph.Layer { return graph.BatchNorm{Name: name} },
			"swish":      func(name string) graph.Layer { return graph.Swish{Name: name} },
			"hard swish": func(name string) graph.Layer { return graph.HardSwish{Name: name} },
			"pool":       func(name string) graph.Layer { return graph.AvgPool{Name: name, Size: graph.Square(2)} },
		} {
			list[kind] = make
		}
	}
	return list
}

// folded are the networks of three foldable layers, and those with a sum of two branches
// before the last, in the order of their names.
func folded(whole bool) []block {
	layers := foldable(whole)
	var list []block
	for a, first := range layers {
		for b, second := range layers {
			if a == "twice" {
				continue
			}
			for c, third := range layers {
				list = append(list, block{
					strings.Join([]string{a, b, c}, "; "),
					graph.Network{Layers: []graph.Layer{first("before"), second("middle"), third("last")}},
				})
			}
			list = append(list, block{a + "; sum with a convolution; " + b, graph.Network{Layers: []graph.Layer{
				first("before"),
				graph.Conv2D{Name: "branch", From: graph.InputName, Filters: 8, Size: graph.Square(1), NoBias: true},
				graph.Add{Name: "sum", From: []string{"before", "branch"}},
				second("last"),
			}}})
			list = append(list, block{a + "; dense; " + b, graph.Network{Layers: []graph.Layer{
				first("before"), graph.GlobalMaxPool{Name: "largest"}, graph.Dense{Name: "dense", Units: 8, NoBias: true}, second("last"),
			}}})
		}
	}
	list = slices.DeleteFunc(list, func(b block) bool {
		b.net.Input = graph.Input{Height: 7, Width: 6, Channels: 8}
		_, err := graph.Lower(b.net)
		return err != nil // a layer does not fit behind dense, or a sum has two shapes
	})
	slices.SortFunc(list, func(a, b block) int { return strings.Compare(a.name, b.name) })
	return list
}

// TensorFlow's optimizer folds constants of layers into each other where nothing between
// is fetched. Run returns the numbers of a run that fetches the ends of chains, bit for
// bit, so the chains are where TensorFlow computes layers as one; and those numbers lie
// within the chains' bounds. Whole numbers stay exact.
func TestFoldedConstants(t *testing.T) {
	step := 67
	if raceEnabled {
		step = 241
	}
	if os.Getenv("TFCNN_FUSIONS") == "all" {
		step = 1
	}
	for _, whole := range []bool{false, true} {
		list := folded(whole)
		ran := 0
		for i := 0; i < len(list); i += step {
			ran++
			if err := holdsFolded(t, list[i].net, whole, uint64(i)); err != nil {
				t.Errorf("%s, whole numbers %v: %v", list[i].name, whole, err)
			}
		}
		t.Logf("%d of %d networks, whole numbers %v", ran, len(list), whole)
	}
}

func holdsFolded(t *testing.T, net graph.Network, whole bool, seed uint64) error {
	net.Input = graph.Input{Height: 7, Width: 6, Channels: 8}
	weights, batch := profile.RandomWeights(net, seed), batchOf(net, 2, seed)
	if whole {
		random := rand.New(rand.NewPCG(seed, 2))
		for _, w := range weights {
			wholeNumbers(random, w)
		}
		wholeNumbers(random, batch)
	}
	// One TensorFlow session serves all batches.
	v, err := verify.Network(t.Context(), net, weights, batch, verify.Options{Options: session.Options{Device: "cpu", Executor: session.Parallel}})
	if err == nil {
		err = v.Err()
	}
	if err == nil && v.Status != verify.Pass {
		err = fmt.Errorf("status %q", v.Status)
	}
	if err != nil {
		return err
	}
	for _, run := range v.Runs {
		if !run.EqualBits {
			return fmt.Errorf("%s returned numbers that no chain has: %v", run.Call, run.Verdict)
		}
		if whole && run.Verdict.Exact != run.Verdict.Elements {
			return fmt.Errorf("%s: of %d whole numbers %d must be exact", run.Call, run.Verdict.Elements, run.Verdict.Exact)
		}
	}
	return nil
}

// wholeNumbers draws small whole numbers.
func wholeNumbers(random *rand.Rand, x tensor.Tensor) {
	for i := range x.Data {
		x.Data[i] = float32(random.IntN(9) - 4)
	}
}
