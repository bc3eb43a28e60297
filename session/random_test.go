package session_test

import (
	"slices"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/session"
	"tfcnn/session/verify"
)

// randomCases is how many the test draws; make soak draws more.
const randomCases = 2500

// The draw of cnndemo verify --random, a few seconds of it: what must be
// refused is, with the fault's name, and all else is computed within its bound.
func TestRandomOperations(t *testing.T) {
	b := backend(t)
	computed, refused := map[string]int{}, map[string]int{}
	for i := range randomCases {
		c := draw.Draw(7, i, nil)
		o, err := c.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case o.Status == proof.Fail:
			t.Errorf("%s: %s: %s\nrepeat: %.2000s", o.Op, c.Name, o.Text(), o.Repeat)
		case o.Refusal != "":
			refused[o.Op]++
		default:
			computed[o.Op]++
		}
	}
	for _, op := range proof.Operations() {
		if computed[op] < 40 || refused[op] < 10 {
			t.Errorf("%s: only %d computed, %d refused", op, computed[op], refused[op])
		}
	}
}

// Networks of cnndemo verify random --nets that together have every kind of layer: each
// is compared with the reference in float32, and runs in the types without bounds.
func TestRandomNetworks(t *testing.T) {
	const most = 3_000_000 // multiplications: more is slow under the race detector
	kinds := map[string]int{}
	ran := 0
	for i := range 600 {
		n := draw.DrawNetwork(3, i)
		lowered, err := graph.Lower(n.Network)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := plan.Of(n.Network)
		if err != nil {
			t.Fatal(err)
		}
		rare := slices.ContainsFunc(lowered.Layers, func(l graph.LoweredLayer) bool { return kinds[l.Kind] < 2 })
		if !rare || planned.MACs()*int64(n.Images) > most {
			continue
		}
		ran++
		for _, layer := range lowered.Layers {
			kinds[layer.Kind]++
		}
		if err := runsNetwork(t, n); err != nil {
			text, _ := draw.WriteNetworks(n)
			t.Errorf("%s: %v\nrepeat: %s", n.Name, err, text)
		}
	}
	if len(kinds) < 30 || ran > 60 {
		t.Errorf("%d networks ran, with the layers %v", ran, kinds)
	}
}

func runsNetwork(t *testing.T, n draw.Network) error {
	weights, err := n.Weights()
	if err != nil {
		return err
	}
	o := session.Options{Device: "cpu", Executor: session.Executor(n.Executor), Threads: n.Threads, Weights: session.WeightStore(n.Store)}
	v, err := verify.Network(t.Context(), n.Network, weights, n.Input(), verify.Options{Options: o, SkipProbes: true})
	if err == nil {
		err = v.Err()
	}
	for _, o.Compute = range []graph.DType{graph.BFloat16, graph.Float16} {
		if err != nil {
			return err
		}
		_, err = runOnce(t, n.Network, weights, n.Input(), o)
	}
	return err
}

// FuzzOperations has the fuzzer choose what is drawn.
func FuzzOperations(f *testing.F) {
	for i := range 24 {
		f.Add(uint64(1), i)
	}
	b := backend(f)
	f.Fuzz(func(t *testing.T, seed uint64, i int) {
		c := draw.Draw(seed, i, nil)
		o, err := c.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if o.Status == proof.Fail {
			t.Errorf("%s: %s\nrepeat: %s", o.Op, o.Text(), o.Repeat)
		}
	})
}
